"""What architects look up: contracts by search and filter, their documents, canonical schemas with their users."""

from __future__ import annotations

import json

import pytest

from controlplane.registry import contract
from tests.controlplane.conftest import Api, is_problem
from tests.controlplane.workspace import OPENAPI, workspace

PARCEL = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "canonical:parcel@1.0.0",
    "type": "object",
    "properties": {"id": {}},
}
DEPRECATED = {
    "state": "deprecated",
    "deprecated_at": "2026-11-01T00:00:00Z",
    "sunset_at": "2027-06-01T00:00:00Z",
    "successor": "1.1.0",
}


@pytest.fixture
def applied(api: Api) -> Api:
    """Two versions of a contract, the newer one pinned to a canonical schema."""
    document = json.loads(json.dumps(OPENAPI))
    document["info"]["version"] = "1.1.0"
    create = document["paths"]["/parcels"]["post"]
    create["summary"] = "Hand a parcel in"
    create["x-waybill"] = {"object": "parcel", "id": "$request.body#/id", "event": "parcel.created"}
    create["requestBody"]["content"]["application/json"]["schema"] = {"$ref": "canonical:parcel@^1.0"}
    files = workspace({"1.0.0": DEPRECATED, "1.1.0": "published"})
    files["contracts/logistics/parcels/1.1.0/openapi.json"] = json.dumps(document)
    contract = json.loads(files["contracts/logistics/parcels/contract.yaml"])
    files["contracts/logistics/parcels/contract.yaml"] = json.dumps({**contract, "compatibility": "none"})
    files["schemas/parcel/1.0.0.json"] = json.dumps(PARCEL)
    files["schemas/parcel/schema.yaml"] = "schema: parcel\ntitle: Parcel\nowner: logistics\nsteward: logistics-lead\n"
    answer = api.post("/workspace/apply", {"files": files})
    assert answer.status_code == 200, answer.text
    return api


def test_a_contract_in_the_list_says_who_answers_for_it_and_where_its_versions_are(applied: Api) -> None:
    document = applied.get("/catalog", role="executive").json()
    assert document["total"] == 1
    (row,) = document["items"]
    assert {name: row[name] for name in ("name", "owner", "steward", "kind", "operations", "objects")} == {
        "name": "logistics.parcels",
        "owner": "logistics",
        "steward": "logistics-lead",
        "kind": "openapi",
        "operations": 2,
        "objects": ["parcel"],
    }
    assert [(each["version"], each["state"]) for each in row["versions"]] == [
        ("1.0.0", "deprecated"),
        ("1.1.0", "published"),
    ]


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ({"q": "PARCEL.created"}, True),
        ({"q": "logistics-LEAD"}, True),
        ({"q": "invoice"}, False),
        ({"state": "deprecated"}, True),
        ({"state": "retired"}, False),
        ({"layer": "system", "domain": "logistics", "kind": "openapi"}, True),
        ({"kind": "asyncapi"}, False),
    ],
)
def test_search_and_filters_narrow_the_list(applied: Api, query: dict[str, str], is_found: bool) -> None:
    """Whatever is asked for, the answer says of how many."""
    document = applied.get("/catalog", params=query).json()
    assert (len(document["items"]), document["total"]) == (int(is_found), 1)


def test_operations_carry_their_meaning(applied: Api) -> None:
    newest = applied.get("/contracts/logistics.parcels").json()["versions"][-1]
    created = next(each for each in newest["operations"] if each["operation"] == "parcels.create")
    assert (created["summary"], created["meaning"]["id"]) == ("Hand a parcel in", "$request.body#/id")


def test_documents_can_be_fetched_by_version(applied: Api) -> None:
    """With its references pinned; an unknown version is missing."""
    document = applied.get("/contracts/logistics.parcels/1.1.0/document").json()
    schema = document["paths"]["/parcels"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "canonical:parcel@1.0.0"}
    assert is_problem(applied.get("/contracts/logistics.parcels/9.0.0/document"), 404, "not-found")


def test_schemas_name_the_contracts_that_are_pinned_to_them(applied: Api) -> None:
    (schema,) = [each for each in applied.get("/schemas").json()["items"] if each["schema"] == "parcel"]
    assert (schema["title"], schema["owner"], schema["steward"]) == ("Parcel", "logistics", "logistics-lead")
    assert [(each["version"], each["users"]) for each in schema["versions"]] == [("1.0.0", ["logistics.parcels@1.1.0"])]
    assert applied.get("/schemas/parcel/1.0.0").json()["properties"] == {"id": {}}
    assert is_problem(applied.get("/schemas/parcel/2.0.0"), 404, "not-found")


def test_a_version_is_read_once_and_forgotten_when_it_is_gone(applied: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of the life cycle is another blob, so that no answer is out of date."""
    monkeypatch.setattr(contract, "REMEMBERED", 0)
    applied.get("/catalog")
    assert len(contract._known) == 2
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(contract, "_part", None)  # reading a document again would fail
        assert applied.get("/catalog").json()["total"] == 1


def test_words_are_looked_up_in_contracts_operations_schemas_and_properties(applied: Api) -> None:
    """However a name is written; a property of a canonical schema names the contracts that are pinned to it."""

    def found(q: str) -> list[tuple[str, str, list[str]]]:
        told = applied.get("/catalog/search", role="executive", params={"q": q}).json()
        assert told["total"] == len(told["items"])
        return [(each["kind"], each["name"], each["carriers"]) for each in told["items"]]

    carriers = ["logistics.parcels"]
    assert found("parcel id") == [("property", "id", carriers), ("operation", "parcels.get", carriers)]
    assert found("Logistics LEAD") == [("contract", "logistics.parcels", carriers)]
    assert found("hand parcel") == [("operation", "parcels.create", carriers)]
    assert ("schema", "parcel", carriers) in found("parcel")
    assert found("--") == []
    assert found("parcel nowhere") == []
    told = applied.get("/catalog/search", params={"q": "parcel", "limit": 1}).json()
    assert (len(told["items"]), told["total"]) == (1, 5)
