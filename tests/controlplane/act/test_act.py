"""The audit of people's acts: written with the act, never changed, read by who may."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError

from catalog.record import AttentionEntry
from controlplane.act.store import act, remember
from controlplane.identity.principal import ITSELF, Role, User
from controlplane.ingest.service import IngestService
from controlplane.projection import projections
from tests.controlplane.conftest import is_problem
from tests.controlplane.journal import T0_US, Stream
from tests.controlplane.workspace import workspace


def acts(api, **query) -> list[tuple[str, str, str, str]]:
    items = api.get("/audit", params=query).json()["items"]
    return [(item["what"], item["target"], item["who"], item["role"]) for item in reversed(items)]


def test_every_act_of_a_person_is_there_with_who_and_in_which_role(api, context, clock) -> None:
    """Tokens, applies, keys, enrolments, settlements; no secret among it."""
    clock.move(1)
    token = api.post("/tokens", {"name": "leaver", "role": "operator", "entities": ["main"]}).json()
    api.call("DELETE", f"/tokens/{token['token_id']}")
    api.post("/workspace/apply", {"files": workspace()}, "architect")
    key = api.post("/consumers/shop/keys", {}, "architect").json()
    api.call("DELETE", f"/consumers/shop/keys/{key['key_id']}", "architect")
    invited = api.post("/enrolments", {"name": "north"}, "architect").json()
    enrolled = api.post("/gateways/enrol", {"token": invited["token"], "name": "north"}, role=None).json()
    stream = Stream(f"{enrolled['gateway']}/0/1")
    stream.write(AttentionEntry("a1", "in_doubt", "open", "e1"), T0_US, "attention")
    stream.send(IngestService(context, projections()))
    assert api.post("/attention/a1/settle", {"resolution": "executed", "note": "seen"}, "operator").status_code == 202

    found = [each for each in acts(api) if each[2] != "first start"]
    assert found == [
        ("token.created", token["token_id"], "admin", "admin"),
        ("token.revoked", token["token_id"], "admin", "admin"),
        ("workspace.applied", "1", "architect", "architect"),
        ("key.issued", key["key_id"], "architect", "architect"),
        ("key.revoked", key["key_id"], "architect", "architect"),
        ("enrolment.created", invited["enrolment_id"], "architect", "architect"),
        ("gateway.enrolled", enrolled["gateway"], "architect", "architect"),
        ("attention.settled", "a1", "operator", "operator"),
    ]
    shown = api.get("/audit").text
    for secret in (token["token"], key["key"], invited["token"], enrolled["credential"]):
        assert secret not in shown


def test_what_is_refused_leaves_no_act(api) -> None:
    """The act and its note are one transaction."""
    before = acts(api)
    assert is_problem(api.post("/consumers/nobody/keys", {}), 404, "not-found")
    assert is_problem(api.post("/workspace/apply", {"files": {}}), 409, "refused")
    assert acts(api) == before


@pytest.mark.parametrize("change", [update(act).values(who="somebody else"), delete(act)], ids=["update", "delete"])
def test_the_database_itself_refuses_to_change_an_act(api, context, change) -> None:
    """Whoever gets at the store through the program cannot rewrite what was done."""
    with pytest.raises(DBAPIError, match="append-only"), context.database.write() as connection:
        connection.execute(change)
    with context.database.read() as connection:
        assert connection.scalars(select(act.c.who).distinct()).all() == ["first start"]


def test_a_whole_table_is_not_emptied_either(api, context) -> None:
    if context.database.engine.dialect.name == "postgresql":
        with pytest.raises(DBAPIError, match="append-only"), context.database.write() as connection:
            connection.execute(text("TRUNCATE act"))


def test_acts_are_found_by_who_what_and_target_and_paged(api, context) -> None:
    eve = User("token:eve", "eve", Role.operator)
    with context.database.write() as connection:
        for number in range(5):
            remember(connection, number, eve, f"thing.done{number % 2}", f"t{number}", number=number)
        remember(connection, 9, ITSELF, "thing_else", "t1")
    assert [each[1] for each in acts(api, who="eve")] == ["t0", "t1", "t2", "t3", "t4"]
    assert [each[1] for each in acts(api, what="thing.done1")] == ["t1", "t3"]
    assert [each[1] for each in acts(api, what="thing_")] == ["t1"]
    assert [each[2] for each in acts(api, target="t1")] == ["eve", "first start"]
    first = api.get("/audit", params={"who": "eve", "limit": 2}).json()["items"]
    rest = api.get("/audit", params={"who": "eve", "before": first[-1]["act_id"]}).json()["items"]
    assert [item["detail"]["number"] for item in first + rest] == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("role", ["operator", "approver"])
def test_roles_without_the_permission_do_not_read_it(api, role: str) -> None:
    assert is_problem(api.get("/audit", role=role), 403, "forbidden")
