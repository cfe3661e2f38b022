"""What a draft would have refused: counted once a call, told to who may see it, by route and command."""

from __future__ import annotations

import json

import pytest

from catalog.record import DecisionRecord
from controlplane.cli.shadow import _say
from controlplane.context import Context
from controlplane.ingest.service import IngestService
from controlplane.projection import projections
from tests.controlplane.conftest import Api, is_problem
from tests.controlplane.journal import T0_US, Calls, Stream
from tests.controlplane.workspace import workspace

CREATE = "logistics.parcels/parcels.create"
GET = "logistics.parcels/parcels.get"
PATH = "/contracts/logistics.parcels/drafts/2.0.0"
DAY_US = 86_400_000_000


def verdict(kind, policy="request-schema", code="", *pointers, version="2.0.0"):
    return DecisionRecord(policy, kind, "shadow", code, pointers, version)


FINE = verdict("allow", "draft")
WRONG = verdict("reject", "request-schema", "schema-violation", "/lines/0/price", "/lines/1/price", "/colour")
ANSWER = verdict("reject", "response-schema", "response-violation", "/owner")
LACKING = verdict("flag", "draft", "operation-not-in-draft")
FAILED = verdict("error", "request-schema", "policy-error")
OTHER = verdict("reject", "request-schema", "schema-violation", "/size", version="1.1.0")


@pytest.fixture
def told(context: Context, api: Api) -> None:
    files = workspace({"1.0.0": "published", "2.0.0": "draft"})
    applied = api.post("/workspace/apply", {"files": files})
    assert applied.status_code == 200, applied.text
    assert [item["kind"] for item in applied.json()["plan"]["added"]].count("draft") == 1
    calls, other, old = Calls(T0_US, "main"), Calls(T0_US, "annex"), Calls(T0_US - 3 * DAY_US, "main")
    stream = Stream()
    settled = calls.make(CREATE, consumer="shop", decisions=(WRONG,))
    stream.log(
        calls.make(CREATE, consumer="shop", decisions=(FINE,)),
        calls.make(CREATE, consumer="shop", decisions=(WRONG, ANSWER, OTHER)),
        settled,
        calls.make(CREATE, consumer="shop", decisions=(FAILED,)),
        calls.make(GET, consumer="shop", decisions=(LACKING,)),
        calls.make(GET, consumer="shop", decisions=(DecisionRecord("shape", "reject", "shadow"),)),
        other.make(CREATE, consumer="stranger", decisions=(ANSWER,)),
        old.make(CREATE, consumer="shop", decisions=(WRONG,)),
        calls.make(CREATE, consumer="shop", decisions=(WRONG,), exchange_id=settled.exchange_id, is_reconciled=True),
    )
    stream.send(IngestService(context, projections()))


def test_calls_are_counted_once_and_told_by_consumer_operation_and_place(api: Api, told: None) -> None:
    found = api.get(PATH, params={"days": 2}).json()
    assert found["is_in_force"]
    assert [found[name] for name in ("calls", "refused", "missing", "failed")] == [6, 3, 1, 1]
    rows = [[item[name] for name in ("consumer", "operation", "calls", "refused", "missing", "failed")]
            for item in found["items"]]  # fmt: skip
    assert rows == [
        ["shop", "parcels.create", 4, 2, 0, 1],
        ["shop", "parcels.get", 1, 0, 1, 0],
        ["stranger", "parcels.create", 1, 1, 0, 0],
    ]
    places = [(place["policy"], place["pointer"], place["calls"]) for place in found["items"][0]["places"]]
    assert places == [
        ("request-schema", "/colour", 2),
        ("request-schema", "/lines/*/price", 2),
        ("response-schema", "/owner", 1),
    ]
    assert api.get(PATH).json()["calls"] == 7


def test_the_command_tells_whose_calls_and_where(api: Api, told: None, capsys: pytest.CaptureFixture[str]) -> None:
    _say(api.get(PATH, params={"days": 2}).json())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "logistics.parcels@2.0.0 judged 6 calls of the last 2 days: 3 would have been refused, "
        "1 ask for an operation that it lacks; judging 1 failed"
    )
    (row,) = [line for line in lines if "stranger" in line]
    assert row.split()[-3:] == ["answer", "/owner", "(1)"] and "parcels.create" in row


def test_it_is_told_to_those_who_may_see_the_entity(api: Api, told: None) -> None:
    token = api.token("operator", "annex")
    found = api.call("GET", PATH, token=token).json()
    assert [item["consumer"] for item in found["items"]] == ["stranger"] and found["calls"] == 1


def test_a_version_that_is_no_draft_is_not_found_and_one_that_was_is_told_still(api: Api, told: None) -> None:
    assert is_problem(api.get("/contracts/logistics.parcels/drafts/1.0.0"), 404, "not-found")
    was = api.get("/contracts/logistics.parcels/drafts/1.1.0").json()
    assert (was["is_in_force"], was["calls"], was["refused"]) == (False, 1, 1)


def test_a_draft_comes_changes_and_is_published(api: Api) -> None:
    """It answers nothing, may change, and is a version like any other once it is published."""
    draft = workspace({"1.0.0": "published", "1.1.0": "draft"})
    assert api.post("/workspace/apply", {"files": draft}).json()["is_published"]
    views = api.get("/contracts/logistics.parcels").json()["versions"]
    assert [view["version"] for view in views] == ["1.0.0"]
    path = "contracts/logistics/parcels/1.1.0/openapi.json"
    document = json.loads(draft[path])
    document["info"]["title"] = "Parcels, soon"
    changed = {**draft, path: json.dumps(document)}
    made = api.post("/workspace/plan", {"files": changed}).json()
    assert [(item["kind"], item["name"], item["detail"]) for item in made["changed"]] == [
        ("draft", "logistics.parcels@1.1.0", "content")
    ]
    assert not made["refused"]
    published = workspace({"1.0.0": "published", "1.1.0": "published"})
    plan = api.post("/workspace/apply", {"files": published}).json()["plan"]
    assert [(item["kind"], item["name"]) for item in plan["removed"]] == [("draft", "logistics.parcels@1.1.0")]
    assert [(item["kind"], item["name"]) for item in plan["added"]] == [("contract", "logistics.parcels@1.1.0")]
    back = api.post("/workspace/plan", {"files": draft}).json()["refused"]
    assert [problem["rule"] for problem in back] == ["life-cycle"]


def test_what_shadow_saw_is_a_reason_of_can_i_publish(api: Api, told: None) -> None:
    """It does not block: which calls are worth refusing is for people to say."""
    files = workspace({"1.0.0": "published", "2.0.0": "draft"})
    path = "/contracts/logistics.parcels/2.0.0/readiness"
    grounds = api.post(path, {"files": files}, params={"days": 2}).json()["grounds"]
    (found,) = [each for each in grounds if each["rule"] == "shadow-refused"]
    assert not found["is_blocking"] and "4 of 6 calls of the last 2 days: shop, stranger" in found["message"]
    grounds = api.post(path.replace("2.0.0", "1.0.0"), {"files": files}).json()["grounds"]
    assert "shadow-refused" not in [each["rule"] for each in grounds]
