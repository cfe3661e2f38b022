"""Fields that were present in traffic, told to who may see them; and how long a version in use still has."""

from __future__ import annotations

import pytest

from controlplane.context import Context
from controlplane.ingest.service import IngestService
from controlplane.projection import projections
from tests.controlplane.conftest import Api, is_problem
from tests.controlplane.journal import T0_US, Calls, Stream
from tests.controlplane.workspace import workspace

CREATE = "logistics.parcels/parcels.create"
DAY_US = 86_400_000_000
STATES = {
    "1.0.0": {
        "state": "deprecated",
        "deprecated_at": "2026-12-01",
        "sunset_at": "2027-02-01T00:00:00Z",
        "successor": "2.0.0",
    },
    "2.0.0": "published",
}


@pytest.fixture
def told(context: Context, api: Api) -> None:
    """Two consumers of two entities; one of them told of the same field on two days, in two streams."""
    answer = api.post("/workspace/apply", {"files": _two_majors()})
    assert answer.status_code == 200, answer.text
    yesterday, today, other = Calls(T0_US - DAY_US, "main"), Calls(T0_US, "main"), Calls(T0_US, "annex")
    old, new = Stream(), Stream("north/0/2")
    old.log(yesterday.make(CREATE, consumer="shop", request_fields=("body:/id", "body:/weight_g")))
    new.log(
        today.make(CREATE, consumer="shop", request_fields=("body:/id",), response_fields=("201:/id",)),
        other.make(CREATE, consumer="stranger", request_fields=("query:page",)),
        today.make(CREATE, consumer="", request_fields=("body:/nobody",)),
    )
    for stream in (new, old):
        stream.send(IngestService(context, projections()))


def _two_majors() -> dict[str, str]:
    files = workspace(STATES)
    path = "contracts/logistics/parcels/1.0.0/openapi.json"
    return {**files, path.replace("1.0.0", "2.0.0"): files[path].replace("1.0.0", "2.0.0")}


def fields(api: Api, **query: str | int) -> dict[tuple[str, str], dict[str, str]]:
    answer = api.get("/contracts/logistics.parcels/fields", params=query)
    assert answer.status_code == 200, answer.text
    return {
        (item["consumer"], item["direction"]): {seen["field"]: seen["last_day"] for seen in item["fields"]}
        for item in answer.json()["items"]
    }


def test_each_field_is_told_with_the_last_day_it_was_there(api: Api, told: None) -> None:
    assert fields(api) == {
        ("shop", "request"): {"body:/id": "2027-01-15", "body:/weight_g": "2027-01-14"},
        ("shop", "response"): {"201:/id": "2027-01-15"},
        ("stranger", "request"): {"query:page": "2027-01-15"},
    }


def test_a_window_ends_today(api: Api, told: None) -> None:
    assert fields(api, days=1)["shop", "request"] == {"body:/id": "2027-01-15"}


def test_fields_are_told_to_those_who_may_see_the_entity(api: Api, told: None) -> None:
    token = api.token("operator", "annex")
    items = api.call("GET", "/contracts/logistics.parcels/fields", token=token).json()["items"]
    assert [item["consumer"] for item in items] == ["stranger"]
    answer = api.call("GET", "/contracts/logistics.parcels/fields", token=token, params={"entity": "main"})
    assert is_problem(answer, 404, "not-found")


def test_synthetic_fields_can_be_left_out(api: Api, context: Context, told: None) -> None:
    assert api.post("/synthetic-streams", {"stream": "synthetic/1/1"}).status_code == 201
    made = Stream("synthetic/1/1")
    made.log(Calls(T0_US, "main").make(CREATE, consumer="shop", request_fields=("body:/made_up",)))
    made.send(IngestService(context, projections()))
    assert "body:/made_up" in fields(api)["shop", "request"]
    assert "body:/made_up" not in fields(api, synthetic="hide")["shop", "request"]


def test_a_use_says_how_long_its_version_has_still(api: Api, told: None) -> None:
    """17 days from 15 January to 1 February."""
    users = api.get("/contracts/logistics.parcels/users").json()["items"]
    (use,) = next(user for user in users if user["consumer"] == "shop")["uses"]
    assert (use["state"], use["sunset_at"], use["days_to_sunset"], use["successor"]) == (
        "deprecated",
        "2027-02-01T00:00:00Z",
        17,
        "2.0.0",
    )
