"""Editors get what the loader enforces: schemas in the workspace, and a first line in each file that names its own."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import yaml

from tests.controlplane.cli.conftest import run_waybill
from tests.controlplane.cli.test_initialise import ORDERS_30


def schema_named_in(path: Path) -> dict:
    """What the YAML language server would load for a file."""
    first = path.read_text().splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    return json.loads((path.parent / first.partition("=")[2]).read_text())


def test_every_file_that_init_writes_names_a_schema_that_it_satisfies(tmp_path: Path) -> None:
    """The reader's own document is left byte for byte; an unknown field and a policy's wrong setting are underlined."""
    (tmp_path / "orders.yaml").write_bytes(ORDERS_30.encode())
    run_waybill("init", "shop", "--openapi", "orders.yaml", "--upstream", "http://127.0.0.1:9", cwd=tmp_path)
    run_waybill("init", "network", cwd=tmp_path)
    files = [path for name in ("shop", "network") for path in (tmp_path / name).rglob("*.yaml")]
    written = [path for path in files if path.name != "openapi.yaml"]
    assert len(written) == 12
    for path in written:
        jsonschema.Draft202012Validator(schema_named_in(path)).validate(yaml.safe_load(path.read_text()))
    entity = schema_named_in(tmp_path / "network" / "entities" / "north.yaml")
    wrong = {"entity": "x", "name": "X", "region": "r", "currency": "USD", "colour": "red"}
    assert not jsonschema.Draft202012Validator(entity).is_valid(wrong)
    policies = json.loads((tmp_path / "network" / ".waybill" / "editor" / "policies.json").read_text())
    limit = {"name": "mine", "policy": "rate-limit", "config": {"limit": 5}}
    assert jsonschema.Draft202012Validator(policies).is_valid([limit])
    assert not jsonschema.Draft202012Validator(policies).is_valid([{**limit, "config": {"limits": 5}}])


def test_editor_writes_them_anew_and_tells_files_without_a_line(tmp_path: Path) -> None:
    """After a clone, which has no .waybill/; linting finds nothing to say of the folder."""
    run_waybill("init", "w", cwd=tmp_path)
    (tmp_path / "w" / "entities" / "west.yaml").write_text("entity: west\nname: W\nregion: r\ncurrency: USD\n")
    for path in (tmp_path / "w" / ".waybill" / "editor").iterdir():
        path.unlink()
    made = json.loads(run_waybill("editor", "w", "--format", "json", cwd=tmp_path).stdout)
    assert len(made["schemas"]) == 16 and all((tmp_path / path).is_file() for path in made["schemas"])
    line = "# yaml-language-server: $schema=../.waybill/editor/entity.json"
    assert made["modelines"] == {"entities/west.yaml": line}
    assert line in run_waybill("editor", cwd=tmp_path / "w").stdout
    assert run_waybill("lint", "w", cwd=tmp_path).stdout == "w: no problems\n"


def test_what_is_no_workspace_gets_none(tmp_path: Path) -> None:
    result = run_waybill("editor", cwd=tmp_path)
    assert result.returncode == 2 and "waybill init" in result.stderr
    assert list(tmp_path.iterdir()) == []
