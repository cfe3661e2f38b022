"""Deprecating a version in force: by whom, from when to when, in favour of what; at once or as a proposal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.controlplane.conftest import Api, is_problem
from tests.controlplane.workspace import workspace

PATH = "/contracts/logistics.parcels/1.0.0/deprecation"
GOVERNANCE = "approvals:\n  required: [contract]\n"
BOTH = {"1.0.0": "published", "1.1.0": "published"}


def files(**more: str) -> dict[str, str]:
    made = workspace(BOTH)
    document = json.loads(made["contracts/logistics/parcels/1.1.0/openapi.json"])
    document["paths"]["/parcels"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"][
        "note"
    ] = {"type": "string"}
    return {**made, "contracts/logistics/parcels/1.1.0/openapi.json": json.dumps(document), **more}


def states(api: Api) -> dict[str, Any]:
    return {each["version"]: each for each in api.get("/contracts/logistics.parcels").json()["versions"]}


@pytest.fixture
def applied(api: Api) -> Api:
    assert api.post("/workspace/apply", {"files": files()}).status_code == 200
    return api


def test_a_version_is_deprecated_with_a_quarters_notice_in_favour_of_the_newest(applied: Api) -> None:
    """All else stays as it is, keys too; the file to carry over says the same, and applying it changes nothing."""
    applied.post("/consumers/shop/keys", {})
    before = applied.get("/consumers").json()
    planned = applied.post(f"{PATH}/plan", {}, role="executive").json()
    assert (planned["sunset"], planned["successor"]) == ("2027-04-15T00:00:00Z", "1.1.0")
    changed = [(each["name"], each["detail"]) for each in planned["plan"]["changed"]]
    assert changed == [("logistics.parcels@1.0.0", "published → deprecated")]
    assert states(applied)["1.0.0"]["state"] == "published"
    done = applied.post(PATH, {}, role="architect").json()
    assert (done["is_published"], done["generation"]) == (True, 3)
    found = states(applied)["1.0.0"]
    assert (found["state"], found["deprecated_at"], found["successor"]) == (
        "deprecated", "2027-01-15T00:00:00Z", "1.1.0",
    )  # fmt: skip
    assert states(applied)["1.1.0"]["state"] == "published"
    assert applied.get("/consumers").json() == before
    act = applied.get("/audit").json()["items"][0]
    assert act["what"] == "workspace.applied"
    assert act["detail"]["about"] == "logistics.parcels@1.0.0 deprecated, sunset 2027-04-15, successor 1.1.0"
    carried = {**files(), planned["file"]: planned["text"]}
    assert applied.post("/workspace/plan", {"files": carried}).json()["changed"] == []
    silent = applied.post("/workspace/plan", {"files": files()}).json()["changed"]
    assert [each["detail"] for each in silent] == ["deprecated → published"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"sunset": "2027-01-14"}, "sunset lies before"),
        ({"successor": "9.0.0"}, "9.0.0 does not exist"),
        ({"successor": "1.0.0"}, "cannot succeed itself"),
    ],
)
def test_what_speaks_against_it_is_told_and_nothing_is_published(applied: Api, wanted: dict, expected: str) -> None:
    planned = applied.post(f"{PATH}/plan", wanted).json()
    assert expected in " ".join(each["message"] for each in planned["plan"]["refused"])
    answer = applied.post(PATH, wanted)
    assert is_problem(answer, 409, "refused")
    assert expected in answer.text
    assert states(applied)["1.0.0"]["state"] == "published"


def test_a_short_notice_is_remarked(applied: Api) -> None:
    plan = applied.post(f"{PATH}/plan", {"sunset": "2027-02-01"}).json()["plan"]
    assert [note["rule"] for note in plan["notes"]] == ["sunset-leaves-time"]
    assert plan["refused"] == []


@pytest.mark.parametrize(
    ("path", "wanted", "status", "code"),
    [
        (PATH, {"sunset": "soon"}, 422, "invalid"),
        (PATH, {"sunset": "2027-02-30"}, 422, "invalid"),
        (PATH.replace("1.0.0", "1.1.0"), {}, 422, "invalid"),
        (PATH.replace("1.0.0", "7.0.0"), {}, 404, "not-found"),
        ("/contracts/nobody.nothing/1.0.0/deprecation", {}, 404, "not-found"),
    ],
)
def test_what_cannot_be_asked_is_refused(applied: Api, path: str, wanted: dict, status: int, code: str) -> None:
    is_problem(applied.post(path, wanted), status, code)


@pytest.mark.parametrize("role", ["executive", "operator", "approver", "steward"])
def test_only_who_publishes_deprecates(applied: Api, role: str) -> None:
    is_problem(applied.post(PATH, {}, role=role), 403, "forbidden")


def test_what_needs_approval_waits_for_the_steward_and_is_then_published_as_planned(api: Api) -> None:
    assert api.post("/workspace/apply", {"files": files(**{"governance.yaml": GOVERNANCE})}).status_code == 200
    planned = api.post(f"{PATH}/plan", {}).json()["plan"]
    assert [need["steward"] for need in planned["needs"]] == ["logistics-lead"]
    answer = api.post(PATH, {"sunset": "2027-12-31"}, role="architect")
    assert answer.status_code == 202
    proposal = answer.json()["proposal"]
    assert states(api)["1.0.0"]["state"] == "published"
    steward = api.token("steward", name="logistics-lead")
    done = api.call("POST", f"/approvals/{proposal}/approve", token=steward, json={"comment": "agreed"})
    assert done.json()["state"] == "published", done.text
    assert states(api)["1.0.0"]["sunset_at"] == "2027-12-31T00:00:00Z"
    is_problem(api.get(f"/approvals/{proposal}/impact?schema=parcel@1.0.0"), 404, "not-found")
