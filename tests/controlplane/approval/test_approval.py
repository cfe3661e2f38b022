"""Changes that wait: filed instead of published, answered by whoever is asked, published exactly as planned."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from controlplane.act.store import act
from controlplane.approval.service import ApprovalService
from controlplane.identity.service import IdentityService
from controlplane.registry.store import current_generation
from tests.controlplane.conftest import is_problem
from tests.controlplane.workspace import workspace

GOVERNANCE = """
approvals:
  required: [contract, measure]
  escalate: [{after: 1d, to: owner}, {after: 3d, to: admin}]
"""
MEASURE = """
- id: refused
  title: Refused calls
  definition: Calls that the gateway refused.
  kind: refusals
  page: Transactions
  rank: 1
  window_s: 86400
  owner: network-quality
  steward: carol
"""
DAY_S = 86_400


def contract(owner: str, steward: str, title: str = "Parcels") -> str:
    return json.dumps(
        {
            "contract": "logistics.parcels",
            "title": title,
            "owner": owner,
            "steward": steward,
            "domain": "logistics",
            "base_path": "/parcels/v{major}",
            "versions": {"1.0.0": {"state": "published"}},
        }
    )


def files(title: str = "Parcels", owner: str = "olaf", steward: str = "stella", **more: str) -> dict[str, str]:
    named = contract(owner, steward, title)
    governed = {"governance.yaml": GOVERNANCE, "contracts/logistics/parcels/contract.yaml": named}
    return workspace(**{**governed, **more})


@pytest.fixture
def people(api) -> dict[str, str]:
    """Tokens by name: an architect who proposes, the steward, the owner, an admin, somebody else."""
    assert api.post("/workspace/apply", {"files": files()}).status_code == 200
    roles = {"arthur": "architect", "stella": "steward", "olaf": "architect", "ada": "admin", "eve": "approver"}
    return {name: api.token(role, name=name) for name, role in roles.items()}


def propose(api, people, **changes: str) -> str:
    """The id of a proposal of arthur's."""
    answer = api.call("POST", "/workspace/apply", token=people["arthur"], json={"files": files(**changes)})
    assert answer.status_code == 202, answer.text
    assert answer.json()["is_published"] is False
    return answer.json()["proposal"]


def decide(api, token: str, proposal: str, decision: str = "approve", comment: str = "seen"):
    return api.call("POST", f"/approvals/{proposal}/{decision}", token=token, json={"comment": comment})


def generation(context) -> int:
    with context.database.read() as connection:
        return current_generation(connection)


def test_a_governed_change_waits_and_its_stewards_approval_publishes_it(api, context, people) -> None:
    """Nothing is in force before; afterwards exactly the proposal is, in the name of who proposed it."""
    proposal = propose(api, people, title="Parcels and letters")
    assert generation(context) == 1
    assert api.get("/contracts/logistics.parcels").json()["title"] == "Parcels"
    (waiting,) = api.get("/approvals", token=people["stella"]).json()["items"]
    assert (waiting["proposal_id"], waiting["state"], waiting["requested_by"]) == (proposal, "open", "arthur")
    (need,) = waiting["needs"]
    assert (need["kind"], need["name"], need["steward"]) == ("contract", "logistics.parcels", "stella")
    assert (need["asked"], need["approved_by"], waiting["waits_for_me"]) == (["steward"], None, True)
    assert not waiting["is_own"] and api.get(f"/approvals/{proposal}", token=people["arthur"]).json()["is_own"]

    done = decide(api, people["stella"], proposal).json()
    assert (done["state"], done["published_generation"]) == ("published", 2)
    assert done["needs"][0]["approved_by"] == "stella"
    assert api.get("/contracts/logistics.parcels").json()["title"] == "Parcels and letters"
    assert api.get("/approvals").json()["items"] == []


def test_a_plan_says_whose_approval_it_needs(api, context, people) -> None:
    """The same things and people as the proposal that the apply then files; nothing for what is published at once,
    changes nothing or is refused; dropping the rules needs an admin."""
    wanted = files(title="Parcels and letters", **{"measures/own.yaml": MEASURE})
    needs = api.post("/workspace/plan", {"files": wanted}).json()["needs"]
    asked = [(need["kind"], need["name"], need["asked"], need["steward"], need["approved_by"]) for need in needs]
    assert asked == [
        ("contract", "logistics.parcels", ["steward"], "stella", None),
        ("measure", "refused", ["steward"], "carol", None),
    ]
    assert generation(context) == 1 and api.get("/approvals").json()["items"] == []
    filed = api.call("POST", "/workspace/apply", token=people["arthur"], json={"files": wanted}).json()["proposal"]
    assert api.get(f"/approvals/{filed}").json()["needs"] == needs

    system = "system: depot\nname: The depot\nregion: local\nbase_url: http://127.0.0.1:9\n"
    for free in (files(), files(**{"systems/depot.yaml": system}), files(**{"systems/depot.yaml": "system: {}"})):
        assert api.post("/workspace/plan", {"files": free}).json()["needs"] == []
    without = {name: text for name, text in files().items() if name != "governance.yaml"}
    (rules,) = api.post("/workspace/plan", {"files": without}).json()["needs"]
    assert (rules["kind"], rules["asked"]) == ("governance", ["admin"])


def test_what_is_not_governed_is_published_at_once(api, context, people) -> None:
    """Only the kinds that the rules in force name wait."""
    system = "system: depot\nname: The depot\nregion: local\nbase_url: http://127.0.0.1:9\n"
    changed = {"files": files(**{"systems/depot.yaml": system})}
    answer = api.call("POST", "/workspace/apply", token=people["arthur"], json=changed)
    assert (answer.status_code, answer.json()["is_published"], generation(context)) == (200, True, 2)


def test_nobody_approves_a_change_of_his_own(api, context, people) -> None:
    """Not as its steward either, nor with another token of the same name; he may withdraw it."""
    own = api.token("architect", name="stella")
    answer = api.call("POST", "/workspace/apply", token=own, json={"files": files(title="Mine")})
    proposal = answer.json()["proposal"]
    assert is_problem(decide(api, own, proposal), 403, "forbidden")
    assert is_problem(decide(api, people["stella"], proposal), 403, "forbidden")
    assert decide(api, own, proposal, "reject", "a mistake").json()["state"] == "rejected"
    assert generation(context) == 1


def test_who_is_not_asked_does_not_answer(api, people) -> None:
    """A role that may approve is not enough, nor is one that may publish; without the permission it is 403 as well."""
    proposal = propose(api, people, title="Other")
    for name in ("eve", "olaf", "ada"):
        assert is_problem(decide(api, people[name], proposal), 403, "forbidden")
        assert is_problem(decide(api, people[name], proposal, "reject"), 403, "forbidden")
    assert is_problem(decide(api, api.tokens["operator"], proposal), 403, "forbidden")
    assert is_problem(decide(api, api.token("steward", "main", name="stella"), proposal), 403, "forbidden")


def test_a_new_steward_does_not_approve_being_made_one(api, context, people) -> None:
    """Whoever answers for a thing in force decides on its change."""
    proposal = propose(api, people, steward="eve")
    assert is_problem(decide(api, people["eve"], proposal), 403, "forbidden")
    assert decide(api, people["stella"], proposal).json()["state"] == "published"


def test_every_steward_of_what_is_touched_is_needed(api, context, people) -> None:
    """The first approval publishes nothing; the second does."""
    carol = api.token("steward", name="carol")
    proposal = propose(api, people, title="Other", **{"measures/own.yaml": MEASURE})
    assert decide(api, people["stella"], proposal).json()["state"] == "open"
    assert is_problem(decide(api, people["stella"], proposal), 409, "conflict")
    assert generation(context) == 1
    assert decide(api, carol, proposal).json()["state"] == "published"
    assert generation(context) == 2


def test_the_rules_themselves_wait_for_an_admin(api, context, people) -> None:
    """Else the first change would be to drop them."""
    lax = {"governance.yaml": "approvals: {required: []}\n"}
    proposal = propose(api, people, **lax)
    assert is_problem(decide(api, people["stella"], proposal), 403, "forbidden")
    assert decide(api, people["ada"], proposal).json()["state"] == "published"
    answer = api.call("POST", "/workspace/apply", token=people["arthur"], json={"files": files(title="Now", **lax)})
    assert answer.json()["is_published"] is True


def test_the_unanswered_reaches_more_people_with_age(api, clock, people) -> None:
    """A day later the owner may answer, after three an admin; the metric counts what is overdue."""
    proposal = propose(api, people, title="Other")

    def now() -> tuple[list[str], bool, str]:
        shown = api.get(f"/approvals/{proposal}").json()
        lines = api.client.get("/metrics").text.splitlines()
        (overdue,) = [line.rsplit(" ", 1)[1] for line in lines if line.startswith("waybill_approvals_overdue")]
        return shown["needs"][0]["asked"], shown["is_overdue"], overdue

    assert now() == (["steward"], False, "0")
    clock.move(DAY_S)
    assert now() == (["steward", "owner"], True, "1")
    assert is_problem(decide(api, people["ada"], proposal), 403, "forbidden")
    clock.move(2 * DAY_S)
    assert now() == (["steward", "owner", "admin"], True, "1")
    assert decide(api, people["olaf"], proposal).json()["state"] == "published"
    assert now()[1:] == (False, "0")


def test_a_newer_state_makes_a_proposal_stale(api, context, people) -> None:
    """It is never published over what it was not planned against, and says so."""
    first, second = propose(api, people, title="First"), propose(api, people, title="Second")
    assert decide(api, people["stella"], first).json()["state"] == "published"
    assert api.get(f"/approvals/{second}").json()["state"] == "stale"
    (stale,) = api.get("/approvals", params={"state": "stale"}).json()["items"]
    assert stale["proposal_id"] == second
    answer = decide(api, people["stella"], second)
    assert is_problem(answer, 409, "proposal-stale")
    assert "generation 1" in answer.json()["detail"]
    assert api.get("/contracts/logistics.parcels").json()["title"] == "First"


def test_a_key_that_is_issued_makes_nothing_stale(api, people) -> None:
    """It publishes a generation, but changes nothing that was planned against."""
    proposal = propose(api, people, title="Other")
    api.post("/consumers/shop/keys", {})
    assert decide(api, people["stella"], proposal).json()["published_generation"] == 3


def test_a_rejection_closes_it_with_its_reason(api, context, people) -> None:
    proposal = propose(api, people, title="Other")
    assert is_problem(decide(api, people["stella"], proposal, "reject", ""), 400, "invalid-request")
    done = decide(api, people["stella"], proposal, "reject", "wrong title").json()
    assert (done["state"], done["answers"][0]["comment"]) == ("rejected", "wrong title")
    assert is_problem(decide(api, people["stella"], proposal), 409, "conflict")
    assert generation(context) == 1


def test_the_same_request_waits_once(api, people) -> None:
    assert propose(api, people, title="Other") == propose(api, people, title="Other")


def test_every_step_is_audited(api, context, people) -> None:
    """Who proposed, who answered with which words, who thereby published what."""
    proposal = propose(api, people, title="Other")
    decide(api, people["stella"], proposal, comment="agreed with logistics")
    items = api.get("/audit", params={"target": proposal}).json()["items"]
    assert [(item["what"], item["who"], item["role"]) for item in items] == [
        ("proposal.approved", "stella", "steward"),
        ("proposal.filed", "arthur", "architect"),
    ]
    assert items[0]["detail"] == {"comment": "agreed with logistics", "for": ["contract/logistics.parcels"]}
    (applied,) = api.get("/audit", params={"what": "workspace.applied", "target": "2"}).json()["items"]
    assert (applied["who"], applied["detail"]["requested_by"]) == ("stella", "arthur")
    assert applied["detail"]["changed"] == ["contract/logistics.parcels@1.0.0"]
    with context.database.read() as connection:
        assert connection.scalar(select(act.c.act_id).limit(1)) is not None


def test_unknown_proposals_are_not_found(api) -> None:
    assert is_problem(api.get("/approvals/nothing"), 404, "not-found")
    assert is_problem(api.get("/approvals/nothing/files"), 404, "not-found")


def test_the_proposed_files_can_be_read(api, people) -> None:
    """Whoever answers sees what would be published."""
    proposal = propose(api, people, title="Other")
    told = api.get(f"/approvals/{proposal}/files", token=people["stella"]).json()["files"]
    assert told == files(title="Other")


def test_stewards_who_approve_at_once_publish_once(api, context, people) -> None:
    """Neither waits for the other for good, and nothing is published twice."""
    carol = api.token("steward", name="carol")
    proposal = propose(api, people, title="Other", **{"measures/own.yaml": MEASURE})
    identity = IdentityService(context)
    users = [identity.user(token) for token in (people["stella"], carol)]
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(ApprovalService(context).decide, proposal, "approved", "", user) for user in users]
        states = sorted(answer.result(60).state for answer in answers)
    assert states[-1] == "published" and generation(context) == 2
    assert api.get(f"/approvals/{proposal}").json()["published_generation"] == 2
