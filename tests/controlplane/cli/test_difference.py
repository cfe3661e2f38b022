"""`waybill contract diff` and `changelog`: what they print, in which form, and with which status they end."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from controlplane.cli import program
from tests.catalog.compatibility.contract.document import base


@pytest.fixture
def files(tmp_path: Path, monkeypatch) -> Path:
    """`old.json`, `same.yaml`, `more.json` (one more path) and `less.yaml` (a path less, a value more)."""
    monkeypatch.chdir(tmp_path)
    old, more, less = base(), base(), base()
    more["paths"]["/new"] = {"get": {"operationId": "new", "responses": {"200": {"description": "x"}}}}
    del less["paths"]["/orders/{id}"]
    less["components"]["schemas"]["Order"]["properties"]["state"]["enum"].append("cl|osed")
    less["info"] |= {"version": "2.0.0", "title": "Orders <b>"}
    for name, document in (("old", old), ("more", more)):
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    for name, document in (("same", old), ("less", less)):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(document))
    (tmp_path / "broken.yaml").write_text("a: [unclosed\n")
    (tmp_path / "list.json").write_text("[]")
    return tmp_path


@pytest.fixture
def run(files, monkeypatch, capsys):
    def command(*words: str, given: str = "") -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["waybill", "contract", *words])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
        with pytest.raises(SystemExit) as ended:
            program.run()
        told = capsys.readouterr()
        return SimpleNamespace(status=ended.value.code or 0, out=told.out, err=told.err)

    return command


@pytest.mark.parametrize(("new", "status"), [("same.yaml", 0), ("more.json", 0), ("less.yaml", 1)])
def test_the_status_is_the_verdict(new, status, run) -> None:
    assert run("diff", "old.json", new).status == status


def test_text_tells_the_verdict_the_bump_and_each_change(run) -> None:
    found = run("diff", "old.json", "less.yaml").out
    assert found.startswith("incompatible: at least a major version (3 major, 1 minor, 1 patch)\n")
    assert "GET /orders/{id}: a path was removed [path-removed]" in found
    assert 'such as "cl|osed"' in found and "waiver: " in found
    assert run("diff", "old.json", "same.yaml").out == "compatible: nothing changed\n"


def test_json_holds_what_was_agreed_and_nothing_else(run) -> None:
    found: Any = json.loads(run("diff", "old.json", "less.yaml", "--format", "json").out)
    assert list(found) == ["verdict", "bump", "changes"]
    assert (found["verdict"], found["bump"]) == ("incompatible", "major")
    keys = ["rule", "operation", "location", "direction", "severity", "message", "fingerprint", "witness"]
    assert {tuple(change) for change in found["changes"]} == {tuple(keys)}
    empty = json.loads(run("diff", "old.json", "same.yaml", "--format", "json").out)
    assert empty == {"verdict": "compatible", "bump": "none", "changes": []}


def test_reports_for_build_servers(run) -> None:
    """Breaks are failures; values of witnesses stay out."""
    tree = ElementTree.fromstring(run("diff", "old.json", "less.yaml", "--format", "junit").out)
    assert (tree.get("failures"), tree.get("tests")) == ("3", "5")
    sarif = json.loads(run("diff", "old.json", "less.yaml", "--format", "sarif").out)
    results = sarif["runs"][0]["results"]
    assert [each["level"] for each in results].count("error") == 3
    assert {each["ruleId"] for each in results} <= {each["id"] for each in sarif["runs"][0]["tool"]["driver"]["rules"]}
    table = run("diff", "old.json", "less.yaml", "--format", "markdown").out
    assert table.startswith("## incompatible") and "cl\\|osed" in table


def test_a_changelog_tells_users_by_section_and_operation(run) -> None:
    found = run("changelog", "old.json", "less.yaml")
    assert found.status == 0
    assert found.out.startswith("# Orders &lt;b&gt; 1.0.0 → 2.0.0\n")
    places = [found.out.index(text) for text in ("## Breaking", "### GET /orders/{id}", "## Added", "### POST /orders")]
    assert places[0] < places[1] < places[2]
    assert "cl\\|osed" in found.out
    assert "## Added" in run("changelog", "old.json", "more.json").out


def test_one_of_the_two_may_come_by_standard_input(run, files) -> None:
    text = (files / "old.json").read_text()
    assert run("diff", "-", "less.yaml", given=text).status == 1
    assert run("diff", "same.yaml", "-", given=text).status == 0
    assert run("diff", "-", "same.yaml", given=(files / "same.yaml").read_text()).status == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nowhere.yaml", "old.json"), "nowhere.yaml"),
        (("old.json", "broken.yaml"), "broken.yaml"),
        (("old.json", "list.json"), "OpenAPI 2.0, 3.0 or 3.1"),
        (("-", "-"), "standard input"),
        (("old.json", "same.yaml", "--policy", "lax"), "'strict'"),
        (("old.json", "same.yaml", "--workspace", "nowhere"), "nowhere"),
    ],
)
def test_bad_input_is_told_in_one_message_with_status_2(words, told, run) -> None:
    for command in ("diff", "changelog"):
        found = run(command, *words)
        assert found.status == 2 and told in found.err and "Traceback" not in found.err and found.out == ""


def test_canonical_schemas_come_from_the_library_or_a_workspace(run, files) -> None:
    """Another version of one is judged by what it says, not by its name; one that nobody has cannot be read."""
    (files / "w").mkdir()
    (files / "w" / "waybill.yaml").write_text("workspace: w\ninclude: [procure-to-pay]\n")
    document = base()
    for name, ref in (("one", "supplier@^1.0"), ("two", "supplier@1.0.0"), ("none", "supplier@9.0.0")):
        document["components"]["schemas"]["Order"] = {"$ref": f"canonical:{ref}"}
        (files / f"{name}.json").write_text(json.dumps(document))
    assert run("diff", "one.json", "two.json").out == "compatible: nothing changed\n"
    assert run("diff", "one.json", "two.json", "--workspace", "w").out == "compatible: nothing changed\n"
    assert run("diff", "one.json", "none.json").status == 2


def test_a_canonical_schema_that_there_is_not_is_bad_input(run, files) -> None:
    document = json.loads((files / "old.json").read_text())
    schema = {"$ref": "canonical:suplier@1.0.0"}
    document["components"] = {"schemas": {**document.get("components", {}).get("schemas", {}), "Slip": schema}}
    (files / "slip.json").write_text(json.dumps(document))
    found = run("diff", "old.json", "slip.json")
    assert found.status == 2 and "slip.json#/components/schemas/Slip/$ref" in found.err and "--workspace" in found.err
