"""Approvals by bump and domain, through the API: a major release needs more answers than a patch."""

from __future__ import annotations

import copy
import json

import pytest

from tests.controlplane.conftest import is_problem
from tests.controlplane.workspace import OPENAPI, contract, workspace

GOVERNANCE = """
approvals:
  rules:
    - {bumps: [patch, minor], domains: [logistics], by: [steward]}
    - {bumps: [major], domains: [logistics], by: [steward, approver, architect], count: 2}
"""


def files(version: str = "", edit=lambda document: None, **more: str) -> dict[str, str]:
    """1.0.0, and `version` after it, whose document `edit` has changed."""
    states = dict.fromkeys(filter(None, ("1.0.0", version)), "published")
    document = copy.deepcopy(OPENAPI)
    edit(document)
    named = {"governance.yaml": GOVERNANCE, "contracts/logistics/parcels/contract.yaml": contract(states)}
    if version:
        named[f"contracts/logistics/parcels/{version}/openapi.json"] = json.dumps(document)
    return workspace(states, **named, **more)


def reworded(document) -> None:
    document["paths"]["/parcels"]["post"]["responses"]["201"]["description"] = "It was made"


def without_get(document) -> None:
    del document["paths"]["/parcels/{id}"]


@pytest.fixture
def people(api) -> dict[str, str]:
    assert api.post("/workspace/apply", {"files": files()}).status_code == 200
    roles = {
        "arthur": "architect",
        "logistics-lead": "steward",
        "eve": "approver",
        "bob": "architect",
        "oscar": "admin",
    }
    return {name: api.token(role, name=name) for name, role in roles.items()}


def propose(api, people, wanted) -> str:
    answer = api.call("POST", "/workspace/apply", token=people["arthur"], json={"files": wanted})
    assert answer.status_code == 202, answer.text
    proposal: str = answer.json()["proposal"]
    return proposal


def approve(api, token: str, proposal: str):
    return api.call("POST", f"/approvals/{proposal}/approve", token=token, json={"comment": ""})


def test_a_patch_needs_one_answer(api, people) -> None:
    wanted = files("1.0.1", reworded)
    (need,) = api.post("/workspace/plan", {"files": wanted}).json()["needs"]
    assert (need["asked"], need["count"], need["because"]) == (["steward"], 1, "patch release 1.0.1 in logistics")
    assert need["rule"] == "/approvals/rules/0"
    proposal = propose(api, people, wanted)
    assert is_problem(approve(api, people["eve"], proposal), 403, "forbidden")
    assert approve(api, people["logistics-lead"], proposal).json()["state"] == "published"


def test_a_major_release_needs_two_people_and_never_the_one_who_asks(api, people) -> None:
    """Who has answered is not asked again, nor is a second token of his name a second person."""
    wanted = files("2.0.0", without_get)
    (need,) = api.post("/workspace/plan", {"files": wanted}).json()["needs"]
    assert (need["asked"], need["count"]) == (["steward", "approver", "architect"], 2)
    assert need["because"] == "major release 2.0.0 in logistics"
    proposal = propose(api, people, wanted)
    assert is_problem(approve(api, people["arthur"], proposal), 403, "forbidden")
    assert is_problem(approve(api, people["oscar"], proposal), 403, "forbidden")
    one = approve(api, people["eve"], proposal).json()
    assert (one["state"], one["needs"][0]["approvals"], one["needs"][0]["approved_by"]) == ("open", ["eve"], None)
    assert not one["waits_for_me"] and api.get(f"/approvals/{proposal}", token=people["bob"]).json()["waits_for_me"]
    for again in (people["eve"], api.token("architect", name="Eve")):
        assert is_problem(approve(api, again, proposal), 409, "conflict")
    done = approve(api, people["bob"], proposal).json()
    assert (done["state"], done["needs"][0]["approved_by"]) == ("published", "eve, bob")
    assert api.get("/contracts/logistics.parcels").json()["versions"][-1]["version"] == "2.0.0"


def test_a_waiver_does_not_make_a_break_small(api, people) -> None:
    """It lets the number through; the people that a break asks for are asked all the same."""
    wanted = files("1.1.0", without_get)
    (release,) = api.post("/workspace/plan", {"files": wanted}).json()["releases"]
    (broken,) = [reason for reason in release["reasons"] if reason["severity"] == "major"]
    waiver = {
        "fingerprint": broken["fingerprint"],
        "subject": "logistics.parcels",
        "reason": "Nobody reads single parcels.",
        "approver": "logistics-lead",
        "expires": "2099-01-01",
    }
    (need,) = api.post("/workspace/plan", {"files": {**wanted, "waivers/all.yaml": json.dumps([waiver])}}).json()[
        "needs"
    ]
    assert (need["count"], need["because"]) == (2, "major release 1.1.0 in logistics")


def test_another_change_asks_nobody_here(api, people) -> None:
    """The rules name bumps; a title is none."""
    renamed = files()
    told = json.loads(renamed["contracts/logistics/parcels/contract.yaml"])
    renamed["contracts/logistics/parcels/contract.yaml"] = json.dumps({**told, "title": "Letters"})
    answer = api.call("POST", "/workspace/apply", token=people["arthur"], json={"files": renamed})
    assert answer.json()["is_published"]
