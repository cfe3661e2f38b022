"""`waybill contract diff --workspace`: what a vendor's next release touches of what the workspace says about it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from catalog.pointer import resolve
from tests.controlplane.cli.test_difference import files, run  # noqa: F401 - the command in this process
from tests.gateway.rig import orders_document, workspace_files

DOCUMENT = "contracts/buying/orders/1.0.0/openapi.yaml"
OVERLAY = "contracts/buying/orders/1.0.0/overlay.yaml"
CREATE = "/paths/~1orders/post/x-waybill"


@pytest.fixture
def upgrade(files: Path, run: Any) -> Iterator[Any]:  # noqa: F811 - fixtures
    """The comparison of the vendor's release with a next one, edited: as a command with further words."""
    old = copy.deepcopy(orders_document())
    meaning = old["paths"]["/orders/{id}/approve"]["post"].pop("x-waybill")
    actions = [{"target": "$.paths['/orders/{id}/approve'].post", "update": {"x-waybill": meaning}}]
    overlay = {"overlay": "1.0.0", "info": {"title": "Ours", "version": "1.0.0"}, "actions": actions}
    made = workspace_files() | {DOCUMENT: yaml.safe_dump(old).encode(), OVERLAY: yaml.safe_dump(overlay).encode()}
    for path, content in made.items():
        (files / "w" / path).parent.mkdir(parents=True, exist_ok=True)
        (files / "w" / path).write_bytes(content)

    def compare(edit: Any, *words: str) -> SimpleNamespace:
        new = copy.deepcopy(old)
        edit(new)
        (files / "next.json").write_text(json.dumps(new))
        found: SimpleNamespace = run("diff", f"w/{DOCUMENT}", "next.json", "--workspace", "w", *words)
        return found

    yield compare


def touched(found: SimpleNamespace, rule: str, operation: str) -> set[tuple[str, str]]:
    changes = json.loads(found.out)["changes"]
    return {
        (each["file"], each["pointer"])
        for change in changes
        if (change["rule"], change["operation"]) == (rule, operation)
        for each in change["touched"]
    }


def less(document: dict[str, Any]) -> None:
    """No native id in answers, another money, no search by requisition, no approval."""
    del document["components"]["schemas"]["stored"]["properties"]["native_id"]
    document["components"]["schemas"]["order"]["properties"]["total"]["properties"]["amount"]["pattern"] = "^[0-9]$"
    del document["paths"]["/orders"]["get"]["parameters"][1]
    del document["paths"]["/orders/{id}/approve"]


def test_each_change_names_the_mappings_that_read_its_place(upgrade: Any) -> None:
    found = upgrade(less, "--format", "json")
    assert found.status == 1
    assert touched(found, "property-removed", "POST /orders") == {(DOCUMENT, f"{CREATE}/aliases/0")}
    assert touched(found, "pattern-changed", "POST /orders") == {(DOCUMENT, f"{CREATE}/amount")}
    assert touched(found, "parameter-removed", "GET /orders") == {
        (DOCUMENT, f"{CREATE}/reconcile/by/requisition_id"),
    }


def test_an_operation_that_goes_touches_its_meaning_and_the_overlay_action_that_gave_it(upgrade: Any) -> None:
    told = json.loads(upgrade(less, "--format", "json").out)
    (change,) = [each for each in told["changes"] if each["rule"] == "path-removed"]
    assert [(each["file"], each["pointer"]) for each in change["touched"]] == [(OVERLAY, "/actions/0/update/x-waybill")]
    assert [(each["file"], each["pointer"]) for each in told["workspace"]["lost"]] == [(OVERLAY, "/actions/0/target")]
    assert told["workspace"]["contracts"] == ["buying.orders@1.0.0"]
    assert {(each["system"], each["entity"], each["file"]) for each in told["workspace"]["bindings"]} == {
        ("erp", "north", "bindings/all.yaml"),
        ("erp", "south", "bindings/all.yaml"),
    }


def test_a_look_up_whose_operation_goes_is_named_where_it_is_written(upgrade: Any) -> None:
    """Each place that is named is one."""

    def unanswered(document: dict[str, Any]) -> None:
        del document["paths"]["/orders"]["get"]

    told = touched(upgrade(unanswered, "--format", "json"), "method-removed", "GET /orders")
    assert (DOCUMENT, f"{CREATE}/reconcile/operation") in told
    assert all(resolve(orders_document(), pointer) is not None for _, pointer in told)


def test_what_is_new_touches_no_mapping(upgrade: Any) -> None:
    def more(document: dict[str, Any]) -> None:
        document["components"]["schemas"]["stored"]["properties"]["colour"] = {"type": "string"}

    found = upgrade(more, "--format", "json")
    touches = [change["touched"] for change in json.loads(found.out)["changes"]]
    assert touches and not any(touches)


@pytest.mark.parametrize("form", ["text", "markdown", "junit", "sarif"])
def test_every_form_names_file_and_pointer(upgrade: Any, form: str) -> None:
    out = upgrade(less, "--format", form).out
    for place in (f"{DOCUMENT}#{CREATE}/aliases/0", "overlay.yaml", "bindings/all.yaml"):
        assert place in out.replace("\\", ""), place


def test_a_workspace_that_knows_nothing_of_it_says_so(upgrade: Any, files: Path) -> None:  # noqa: F811
    def other(document: dict[str, Any]) -> None:
        document["paths"].pop("/order-validations")

    assert "buying.orders@1.0.0" in upgrade(other).out
    for path in ("w/" + DOCUMENT, "w/" + OVERLAY, "w/contracts/buying/orders/contract.yaml", "w/bindings/all.yaml"):
        (files / path).rename(files / path.replace("/", "_"))
    for path in (files / "w" / "consumers").iterdir():
        path.unlink()
    from controlplane.cli.touched import Touched

    empty = Touched(files / "w")
    empty.compare({"info": {"title": "Orders"}}, {})
    assert empty.contracts == []
