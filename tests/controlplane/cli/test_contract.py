"""`waybill contract import`: a vendor's document becomes a contract, whole and named, or nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalog import vendor_document
from tests.controlplane.cli.conftest import run_waybill
from tests.controlplane.cli.test_program import is_readable

FOLDER = "contracts/buying/large-vendor"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    assert run_waybill("init", "network", cwd=tmp_path).returncode == 0
    return tmp_path / "network"


def written(workspace: Path) -> set[str]:
    return {str(path.relative_to(workspace)) for path in workspace.rglob("*") if path.is_file()}


def import_(workspace: Path, document, *arguments: str, name: str = "vendor.json"):
    file = workspace.parent / name
    file.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return run_waybill("contract", "import", f"../{name}", "--domain", "buying", *arguments, cwd=workspace)


@pytest.mark.parametrize("version", ["2.0", "3.0.3", "3.1.0"])
def test_a_vendors_document_becomes_a_contract(workspace: Path, version: str) -> None:
    """The file byte for byte, an overlay, a contract, a system and its binding; lint finds no problem in it."""
    content = json.dumps(vendor_document.document(version, 12), indent=3).replace("\n", "\r\n").encode()
    result = import_(workspace, content, "--upstream", "http://127.0.0.1:9000")
    assert result.returncode == 0, result.stderr
    assert (workspace / FOLDER / "1.0.0" / "openapi.json").read_bytes() == content
    assert "buying.large-vendor@1.0.0: 48 operations" in result.stdout
    assert "12  an operation has no operationId" in result.stdout
    assert {f"{FOLDER}/contract.yaml", f"{FOLDER}/1.0.0/overlay.yaml"} <= written(workspace)
    assert {"systems/large-vendor.yaml", "bindings/large-vendor.yaml"} <= written(workspace)
    lint = run_waybill("lint", "--format", "json", cwd=workspace)
    assert json.loads(lint.stdout)["problems"] == []


def test_the_overlay_is_part_of_the_contract(workspace: Path) -> None:
    """What the overlay says of an operation is what the loaded workspace holds: name, scopes, meaning."""
    assert import_(workspace, vendor_document.document("2.0", 3)).returncode == 0
    overlay = workspace / FOLDER / "1.0.0" / "overlay.yaml"
    action = {
        "target": "$.paths['/object1s/{id}'].put",
        "update": {"operationId": "replace", "x-waybill": {"object": "thing", "id": "$request.body#/id"}},
    }
    overlay.write_text(overlay.read_text().replace("actions: []", f"actions: {json.dumps([action])}"))
    from catalog.workspace import load, read_directory

    version = load(read_directory(workspace)).version("buying.large-vendor@1.0.0")
    assert version is not None
    (found,) = [operation for operation in version.operations if operation.id == "replace"]
    assert (found.method, found.path, found.extension.object) == ("PUT", "/object1s/{id}", "thing")
    overlay.write_text(overlay.read_text().replace("object1s", "objekt1s"))
    lint = run_waybill("lint", cwd=workspace)
    assert lint.returncode == 1
    assert f"{FOLDER}/1.0.0/overlay.yaml#/actions/0/target" in lint.stdout
    assert "selects nothing in the document" in lint.stdout


def test_what_cannot_be_governed_is_refused_and_nothing_written(workspace: Path) -> None:
    """File, pointer and remedy; with --skip-ungoverned the operation alone is left out, by the overlay."""
    document = vendor_document.document("3.0.3", 3)
    document["paths"]["/object1s"]["get"]["responses"] = {"401": {"description": "no"}}
    before = written(workspace)
    result = import_(workspace, document)
    assert result.returncode == 2
    assert is_readable(result, 2)
    assert "../vendor.json#/paths/~1object1s/get/responses: declares no successful response" in result.stderr
    assert written(workspace) == before
    result = import_(workspace, document, "--skip-ungoverned", "--format", "json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["operations"], report["skipped"]) == (11, ["get /object1s"])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"openapi": "3.0.3", "openapi": "3.1.0"}', "occurs twice"),
        (b'{"swagger": "1.2"}', "not an OpenAPI 2.0, 3.0 or 3.1 document"),
        (b"[]", "not an OpenAPI 2.0, 3.0 or 3.1 document"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b'{"openapi": "3.0.3", "info": {"title": "t"}, "paths": {"/a": {"$ref": "other.yaml"}}}', "leads outside"),
        (b'{"swagger": "2.0", "info": {"title": "t"}, "paths": {"/a": 1}}', "must be an object"),
    ],
)
def test_bad_input_is_told_with_its_file(workspace: Path, content: bytes, told: str) -> None:
    """One readable message, nothing written."""
    before = written(workspace)
    result = import_(workspace, content)
    assert result.returncode == 2, result.stdout
    assert is_readable(result, 2)
    assert "../vendor.json" in result.stderr
    assert told in result.stderr
    assert written(workspace) == before


def test_a_second_version_takes_the_overlay_along(workspace: Path) -> None:
    """contract.yaml lists it, its comments kept; the same version again is refused."""
    document = vendor_document.document("3.1.0", 2)
    assert import_(workspace, document).returncode == 0
    overlay = workspace / FOLDER / "1.0.0" / "overlay.yaml"
    overlay.write_text(overlay.read_text() + "# mine\n")
    assert import_(workspace, document).returncode == 1
    result = import_(workspace, document, "--version", "1.1.0")
    assert result.returncode == 0, result.stderr
    text = (workspace / FOLDER / "contract.yaml").read_text()
    assert "  1.1.0: {state: published}\n  1.0.0: {state: published}" in text
    assert (workspace / FOLDER / "1.1.0" / "overlay.yaml").read_text().endswith("# mine\n")
    assert run_waybill("lint", cwd=workspace).returncode == 0


def test_init_takes_openapi_2(tmp_path: Path) -> None:
    """A 2.0 document of the reader's own becomes a workspace that lints."""
    (tmp_path / "old.json").write_text(json.dumps(vendor_document.document("2.0", 2)))
    result = run_waybill("init", "shop", "--openapi", "old.json", "--upstream", "http://127.0.0.1:9", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert run_waybill("lint", "shop", cwd=tmp_path).returncode == 0
