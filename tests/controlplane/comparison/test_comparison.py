"""Versions compared over the API: in force and proposed, each change with its rule, its proof and both sides."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from catalog.memo import Memo
from tests.controlplane.conftest import Api, is_problem
from tests.controlplane.workspace import OPENAPI, workspace

FOLDER = "contracts/logistics/parcels"
PARCEL = {
    "$id": "canonical:parcel@1.0.0",
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "string"}, "weight_g": {"type": "integer", "minimum": 1, "title": "Gross weight"}},
}
GOVERNANCE = "approvals:\n  required: [contract, schema]\n"


def changed_schema(version: str) -> str:
    """Weights may be zero from now on: fine for who sends, new to who reads."""
    made: dict[str, Any] = copy.deepcopy(PARCEL) | {"$id": f"canonical:parcel@{version}"}
    made["properties"]["weight_g"]["minimum"] = 0
    return json.dumps(made)


def document(change=lambda body, answer: None) -> str:
    """Takes a parcel in and gives one out."""
    made = copy.deepcopy(OPENAPI)
    post: Any = made["paths"]["/parcels"]["post"]
    post["requestBody"]["content"]["application/json"]["schema"] = {"$ref": "canonical:parcel@^1.0"}
    post["responses"]["201"]["content"]["application/json"]["schema"] = {"$ref": "canonical:parcel@^1.0"}
    change(made["paths"]["/parcels/{id}"]["get"], post)
    return json.dumps(made)


def demanding(get: Any, _: Any) -> None:
    """The path's parameter is bounded, and the answer tells a colour."""
    get["parameters"][0]["schema"]["maxLength"] = 3
    get["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["colour"] = {"type": "string"}


def files(**more: str) -> dict[str, str]:
    made = workspace({"1.0.0": "published"})
    made[f"{FOLDER}/1.0.0/openapi.json"] = document()
    made["schemas/parcel/1.0.0.json"] = json.dumps(PARCEL)
    made["schemas/parcel/schema.yaml"] = "schema: parcel\ntitle: Parcel\nowner: logistics\n"
    return made | more


def second(made: dict[str, str]) -> dict[str, str]:
    """The same with a version 2.0.0 of the contract and 1.1.0 of the schema."""
    states = {"1.0.0": "published", "2.0.0": "published"}
    bindings = [{"contract": "logistics.parcels", "major": n, "entity": "*", "system": "depot"} for n in (1, 2)]
    return made | {
        f"{FOLDER}/contract.yaml": workspace(states)[f"{FOLDER}/contract.yaml"],
        f"{FOLDER}/2.0.0/openapi.json": document(demanding),
        "bindings/all.yaml": json.dumps(bindings),
        "schemas/parcel/1.1.0.json": changed_schema("1.1.0"),
    }


def published(api: Api, made: dict[str, str], status: int = 200) -> dict[str, Any]:
    answer = api.post("/workspace/apply", {"files": made})
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.fixture
def applied(api: Api) -> Api:
    published(api, files())
    published(api, second(files()))
    return api


def by_rule(told: dict[str, Any]) -> dict[str, Any]:
    return {change["rule"]: change for change in told["changes"]}


def test_two_versions_of_a_contract_are_told_with_proof_and_both_sides(applied: Api) -> None:
    told = applied.get("/contracts/logistics.parcels/comparison?old=1.0.0&new=2.0.0", role="executive").json()
    assert (told["verdict"], told["bump"], told["declared"], told["title"]) == (
        "incompatible", "major", "major", "Parcels",
    )  # fmt: skip
    change = next(each for each in told["changes"] if each["severity"] == "major" and each["direction"] == "request")
    assert change["location"] == "/paths/~1parcels~1{id}/get/parameters/path/0/schema/maxLength"
    assert change["operation"] == "GET /parcels/{id}"
    assert change["explanation"]
    assert change["has_witness"]
    assert len(change["witness"]) == 4
    assert (change["accepted_by"], change["refused_by"]) == ("1.0.0", "2.0.0")
    assert change["fragment"] == {
        "old": {"type": "string"}, "new": {"type": "string", "maxLength": 3}, "has_old": True, "has_new": True,
    }  # fmt: skip
    added = by_rule(told)["property-added"]
    assert added["fragment"]["has_old"] is False
    assert added["fragment"]["new"] == {"type": "string"}
    assert told["total"] == len(told["changes"]) == sum(told["counts"].values())


def test_the_changes_come_in_pages(applied: Api) -> None:
    path = "/contracts/logistics.parcels/comparison?old=1.0.0&new=2.0.0"
    everything = applied.get(path).json()["changes"]
    told = applied.get(f"{path}&offset=1&limit=1").json()
    assert told["changes"] == everything[1:2]
    assert told["total"] == len(everything)


def test_a_schema_is_compared_by_set_inclusion(applied: Api) -> None:
    told = applied.get("/schemas/parcel/comparison?old=1.0.0&new=1.1.0").json()
    assert (told["kind"], told["verdict"], told["bump"], told["policy"]) == ("schema", "compatible", "minor", "strict")
    (change,) = told["changes"]
    assert change["fragment"]["old"]["minimum"] == 1
    turned = applied.get("/schemas/parcel/comparison?old=1.1.0&new=1.0.0").json()
    (change,) = turned["changes"]
    assert (turned["verdict"], turned["declared"], change["accepted_by"]) == ("incompatible", "minor", "1.1.0")
    assert change["witness"]["weight_g"] == 0


@pytest.mark.parametrize(
    "path",
    [
        "/contracts/logistics.parcels/comparison?old=1.0.0&new=9.0.0",
        "/contracts/nobody/comparison?old=1.0.0&new=2.0.0",
        "/schemas/parcel/comparison?old=0.0.1&new=1.0.0",
        "/schemas/parcel/9.0.0/impact",
        "/approvals/none/comparison?kind=contract&name=logistics.parcels@2.0.0",
        "/approvals/none/impact?schema=parcel@1.1.0",
    ],
)
def test_what_is_not_there_is_not_found(applied: Api, path: str) -> None:
    is_problem(applied.get(path), 404, "not-found")


def test_an_impact_names_contracts_operations_directions_and_the_number_they_need(applied: Api) -> None:
    """Answers break, requests do not; an asker for some entities may see it too."""
    told = applied.call("GET", "/schemas/parcel/1.1.0/impact", token=applied.token("executive", "main")).json()
    assert (told["schema"], told["verdict"], told["bump"], told["days"]) == (
        "parcel@1.1.0", "incompatible", "major", 30,
    )  # fmt: skip
    contracts = {each["contract"]: each for each in told["contracts"]}
    first = contracts["logistics.parcels@1.0.0"]
    assert (first["pinned"], first["as_version"], first["callers"]) == (["1.0.0"], "2.0.0", [])
    assert {(use["operation"], use["direction"]): use["bump"] for use in first["uses"]} == {
        ("parcels.create", "request"): "minor",
        ("parcels.create", "response"): "major",
    }
    taken_over = contracts["logistics.parcels@2.0.0"]
    assert (taken_over["pinned"], taken_over["verdict"], taken_over["bump"]) == (["1.1.0"], "compatible", "none")


def test_a_proposal_is_compared_before_it_is_published(api: Api) -> None:
    """By whoever may see everything; a version that follows none has nothing to be compared with."""
    published(api, files(**{"governance.yaml": GOVERNANCE}))
    proposal = published(api, second(files(**{"governance.yaml": GOVERNANCE})), 202)["proposal"]
    path = f"/approvals/{proposal}/comparison"
    told = api.get(f"{path}?kind=contract&name=logistics.parcels@2.0.0", role="steward").json()
    assert (told["old"], told["new"], told["verdict"]) == ("1.0.0", "2.0.0", "incompatible")
    told = api.get(f"{path}?kind=schema&name=parcel@1.1.0").json()
    assert (told["old"], told["new"], told["bump"]) == ("1.0.0", "1.1.0", "minor")
    reached = api.get(f"/approvals/{proposal}/impact?schema=parcel@1.1.0").json()
    assert {each["contract"]: each["bump"] for each in reached["contracts"]}["logistics.parcels@1.0.0"] == "major"
    is_problem(api.get(f"{path}?kind=contract&name=logistics.parcels@1.0.0"), 404, "not-found")
    narrow = api.token("steward", "main")
    is_problem(api.call("GET", f"{path}?kind=schema&name=parcel@1.1.0", token=narrow), 403, "forbidden")


def test_a_memo_computes_once_forgets_the_oldest_and_remembers_no_failure() -> None:
    memo, asked = Memo[int](2), []

    def compute(value: int) -> int:
        asked.append(value)
        if value < 0:
            raise ValueError("less than nothing")
        return value

    assert [memo.get(key, lambda key=key: compute(key)) for key in (1, 1, 2, 3, 1)] == [1, 1, 2, 3, 1]
    assert asked == [1, 2, 3, 1]
    for _ in range(2):
        with pytest.raises(ValueError, match="less than nothing"):
            memo.get("bad", lambda: compute(-1))
    assert asked[-2:] == [-1, -1]
