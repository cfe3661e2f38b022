"""`waybill schema diff`: verdict, version step and witnesses, as text and as JSON; bad input is one message."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from controlplane.cli import program
from tests.controlplane.cli.conftest import REPOSITORY, run_waybill
from tests.controlplane.cli.test_program import is_readable

OLD = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 5}}}


@pytest.fixture
def diff(tmp_path: Path, monkeypatch, capsys):
    """The command in this process: exit status and what it printed."""

    def run(old, new, *options: str) -> tuple[int, str]:
        for name, schema in (("old.json", old), ("new.yaml", new)):
            (tmp_path / name).write_text(json.dumps(schema))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["waybill", "schema", "diff", "old.json", "new.yaml", *options])
        with pytest.raises(SystemExit) as ended:
            program.run()
        return int(ended.value.code or 0), capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    ("new", "status", "verdict", "bump"),
    [
        (OLD, 0, "compatible", "none"),
        ({**OLD, "description": "told"}, 0, "compatible", "patch"),
        ({"properties": {"a": {"type": "string", "maxLength": 6}}, "type": "object"}, 0, "compatible", "minor"),
        ({**OLD, "required": ["a"]}, 1, "incompatible", "major"),
        ({**OLD, "patternProperties": {"(?=b)": {"pattern": "(?=c)c"}}}, 1, "unknown", "major"),
    ],
)
def test_verdict_and_version_step(diff, new, status, verdict, bump) -> None:
    ended, told = diff(OLD, new, "--format", "json")
    told = json.loads(told)
    assert (status, verdict, bump) == (ended, told["verdict"], told["bump"])
    assert all(set(change) == {"rule", "pointer", "verdict", "message", "witness"} for change in told["changes"])


def test_the_text_shows_each_change_with_its_witness(diff) -> None:
    ended, told = diff(OLD, {**OLD, "required": ["a"]})
    assert ended == 1
    assert "/required: member newly required" in told and "for example {}" in told
    assert told.strip().splitlines()[-1] == "incompatible; 1 change; version step: major"


def test_mode_and_policy(diff) -> None:
    """Forward asks the other way round; under wire a property that only the reader declares cannot be wrong."""
    added = {**OLD, "properties": {**OLD["properties"], "b": {"type": "integer"}}}
    assert diff(OLD, added)[0] == 1
    assert diff(OLD, added, "--policy", "wire")[0] == 0
    assert diff(OLD, added, "--mode", "forward")[0] == 0
    assert diff(OLD, added, "--mode", "full")[0] == 1
    assert json.loads(diff(OLD, added, "--mode", "forward", "--format", "json")[1])["bump"] == "major"


def test_standard_input(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(json.dumps(OLD))
    command = [sys.executable, "-m", "controlplane", "schema", "diff", "old.json", "-", "--format", "json"]
    text = json.dumps({**OLD, "title": "x"}, indent="\t")
    environment = {"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"}
    result = subprocess.run(command, cwd=tmp_path, env=environment, input=text, capture_output=True, text=True)
    assert (result.returncode, json.loads(result.stdout)["bump"]) == (0, "patch")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"type": "objct"}', "/type"),
        ("[1]", "a schema is an object"),
        ('{"a": 1, "a": 2}', "occurs twice"),
        ("{}\n---\n{}", "2 documents"),
        ("{unclosed", "not YAML"),
    ],
)
def test_bad_input_is_one_message(tmp_path: Path, content, told) -> None:
    (tmp_path / "good.json").write_text("{}")
    (tmp_path / "bad.yaml").write_text(content)
    assert told in is_readable(run_waybill("schema", "diff", "good.json", "bad.yaml", cwd=tmp_path), 2)


def test_what_cannot_be_read_is_told(tmp_path, capsys, monkeypatch) -> None:
    """A verdict "unknown" without a word on why would be a dead end; nothing of it stands in the result itself."""
    (tmp_path / "a.json").write_text(json.dumps({"$ref": "https://a.example/elsewhere.json"}))
    (tmp_path / "b.json").write_text(json.dumps({"type": "string"}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["waybill", "schema", "diff", "a.json", "b.json", "--mode", "full"])
    with pytest.raises(SystemExit):
        program.run()
    told = capsys.readouterr()
    assert "'https://a.example/elsewhere.json' is not followed" in told.err and "followed" not in told.out
    assert told.out.strip().splitlines()[-1] == "unknown; 2 changes; full; version step (of old instances): major"
