"""Whether a version could be published: the number, lint, consumers with fields, recorded runs, approvals."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from catalog.lint import examine
from controlplane.context import Context
from controlplane.ingest.service import IngestService
from controlplane.projection import projections
from controlplane.registry.candidate import load_workspace
from tests.controlplane.conftest import Api, is_problem
from tests.controlplane.journal import T0_US, Calls, Stream
from tests.controlplane.workspace import OPENAPI, contract, workspace

FOLDER = "contracts/logistics/parcels"
CREATE = "logistics.parcels/parcels.create"
GOVERNED = "approvals: {required: [contract]}\npublishing: {require_test: true}\n"


def document(version: str, change=lambda schema: None) -> str:
    made = copy.deepcopy(OPENAPI)
    made["info"]["version"] = version
    change(made["paths"]["/parcels"]["post"]["requestBody"]["content"]["application/json"]["schema"])
    return json.dumps(made)


def drafted(version: str, change=lambda schema: None, **extra: str) -> dict[str, str]:
    """The published 1.0.0 beside a draft."""
    files = workspace({"1.0.0": "published", version: "draft"}, **extra)
    return {**files, f"{FOLDER}/{version}/openapi.json": document(version, change)}


def asked(api: Api, files: dict[str, str], version: str, role: str = "architect") -> dict[str, Any]:
    answer = api.post(f"/contracts/logistics.parcels/{version}/readiness", {"files": files}, role)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def rules(told: dict[str, Any], *, blocking: bool) -> list[str]:
    return [each["rule"] for each in told["grounds"] if each["is_blocking"] == blocking]


@pytest.fixture
def used(context: Context, api: Api) -> Api:
    """1.0.0 is published; two consumers called it, one of them sends weights."""
    assert api.post("/workspace/apply", {"files": workspace()}).status_code == 200
    stream, calls = Stream(), Calls(T0_US, "main")
    stream.log(
        calls.make(CREATE, consumer="shop", request_fields=("body:/id", "body:/weight_g")),
        calls.make(CREATE, consumer="plain", request_fields=("body:/id",)),
    )
    stream.send(IngestService(context, projections()))
    return api


def colour(schema: dict[str, Any]) -> None:
    schema["properties"]["colour"] = {"type": "string"}


def light(schema: dict[str, Any]) -> None:
    schema["properties"]["weight_g"]["maximum"] = 1000


def test_a_draft_with_the_right_number_can_be_published(used: Api) -> None:
    """Nobody is touched; that nothing was tested is told and does not block; nothing changes by asking."""
    told = asked(used, drafted("1.1.0", colour), "1.1.0")
    assert told["can_publish"] and rules(told, blocking=False) == ["not-tested"]
    assert (told["release"]["declared"], told["release"]["needed"]) == ("minor", "minor")
    assert (told["touched"], told["not_touched"]) == ([], 2)
    versions = used.get("/contracts/logistics.parcels").json()["versions"]
    assert [each["version"] for each in versions] == ["1.0.0"]


def test_a_break_is_told_with_the_consumers_and_fields_it_touches(used: Api) -> None:
    """As a minor version the number forbids it; as a major one the consumers are told, and stay where they are."""
    told = asked(used, drafted("1.1.0", light), "1.1.0")
    assert not told["can_publish"] and "under-bump" in rules(told, blocking=True)
    (hit,) = told["touched"]
    assert (hit["consumer"], hit["operation"], hit["fields"]) == ("shop", "parcels.create", ["body:/weight_g"])
    assert told["not_touched"] == 1

    two = {"bindings/two.yaml": '[{contract: logistics.parcels, major: 2, entity: "*", system: depot}]'}
    told = asked(used, drafted("2.0.0", light, **two), "2.0.0")
    assert told["can_publish"] and "consumer-touched" in rules(told, blocking=False)


def test_a_waiver_is_told_and_so_is_whom_it_harms(used: Api) -> None:
    refused = asked(used, drafted("1.1.0", light), "1.1.0")
    mark = re.search(r"waive ([0-9a-f]{16})", " ".join(each["remedy"] for each in refused["grounds"]))
    assert mark is not None
    waiver = {"fingerprint": mark[1], "subject": "logistics.parcels", "reason": "nobody sends more", "approver": "me"}
    text = json.dumps([{**waiver, "expires": "2030-01-01"}])
    told = asked(used, drafted("1.1.0", light, **{"waivers/one.yaml": text}), "1.1.0")
    assert told["can_publish"] and {"waiver-used", "consumer-touched"} <= set(rules(told, blocking=False))


def test_what_was_published_is_not_published_again(used: Api) -> None:
    told = asked(used, workspace(), "1.0.0")
    assert rules(told, blocking=True) == ["already-published"]


def test_lint_errors_of_the_contract_block(used: Api) -> None:
    """Whatever lint finds on the contract, as an error."""
    rule = lint_rules(drafted("1.1.0", colour))[0]
    strict = {"waybill.yaml": f"workspace: test\ninclude: []\nlint: {{rules: {{{rule}: error}}}}\n"}
    told = asked(used, drafted("1.1.0", colour, **strict), "1.1.0")
    assert not told["can_publish"] and set(rules(told, blocking=True)) == {rule}


def lint_rules(files: dict[str, str]) -> list[str]:
    found = examine(load_workspace(files)).findings
    return [each.rule for each in found if each.problem.file.startswith(FOLDER)]


def test_an_invalid_workspace_is_answered_with_its_problems(used: Api) -> None:
    broken = {**drafted("1.1.0"), "systems/depot.yaml": "system: depot\n"}
    told = asked(used, broken, "1.1.0")
    assert not told["can_publish"] and told["release"] is None and rules(told, blocking=True)


def test_a_version_that_is_not_there_is_not_found(used: Api) -> None:
    body = {"files": workspace()}
    assert is_problem(used.post("/contracts/logistics.parcels/3.0.0/readiness", body), 404, "not-found")
    assert is_problem(used.post("/contracts/logistics.nothing/1.0.0/readiness", body), 404, "not-found")


def run_of(sha256: str, conforms: bool) -> dict[str, Any]:
    return {
        "contract": "logistics.parcels@1.1.0",
        "sha256": sha256,
        "target": "http://127.0.0.1:9000",
        "seed": 0,
        "conforms": conforms,
        "requests": 3,
        "operations": [],
        "findings": [] if conforms else [{"level": "error"}],
    }


def test_what_governance_demands_blocks_and_apply_holds_to_it(used: Api) -> None:
    """A test of the very document, that conforms, recorded; and approvals are told."""
    assert used.post("/workspace/apply", {"files": workspace(**{"governance.yaml": GOVERNED})}).status_code == 200
    files = drafted("1.1.0", colour, **{"governance.yaml": GOVERNED})
    told = asked(used, files, "1.1.0")
    assert rules(told, blocking=True) == ["not-tested"]
    published = {**files, f"{FOLDER}/contract.yaml": contract({"1.0.0": "published", "1.1.0": "published"})}
    refused = used.post("/workspace/apply", {"files": published})
    assert is_problem(refused, 409, "refused") and refused.json()["problems"][0]["rule"] == "not-tested"

    path = "/contracts/logistics.parcels/1.1.0/conformance"
    used.post(path, run_of("b" * 64, True), "architect")
    assert rules(asked(used, files, "1.1.0"), blocking=True) == ["not-tested"]
    used.post(path, run_of(told["sha256"], False), "architect")
    assert rules(asked(used, files, "1.1.0"), blocking=True) == ["test-failed"]
    nothing = {**run_of(told["sha256"], False), "verdict": "not exercised"}
    used.post(path, nothing, "architect")
    told = asked(used, files, "1.1.0")
    assert rules(told, blocking=True) == ["not-tested"] and "no operation" in told["grounds"][0]["message"]
    partly = [{"state": "conforms"}, {"state": "not exercised"}, {"state": "not exercised"}]
    used.post(path, {**run_of(told["sha256"], True), "operations": partly}, "architect")
    told = asked(used, files, "1.1.0")
    assert told["can_publish"] and rules(told, blocking=False) == ["tested-in-part", "approval-needed"]
    assert "exercised 1 of 3 operations by 3 requests" in told["grounds"][0]["message"]
    used.post(path, run_of(told["sha256"], True), "architect")
    told = asked(used, files, "1.1.0")
    assert told["can_publish"] and rules(told, blocking=False) == ["approval-needed"]
    filed = used.post("/workspace/apply", {"files": published})
    assert filed.status_code == 202
    path = f"/approvals/{filed.json()['proposal']}/readiness"
    seen = used.get(path, params={"name": "logistics.parcels@1.1.0"}).json()
    assert (seen["touched"], seen["not_touched"], seen["last_run"]["conforms"]) == ([], 2, True)
    assert is_problem(used.get(path, params={"name": "logistics.parcels"}), 404, "not-found")
