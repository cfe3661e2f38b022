"""What needs a person: opened and settled by the gateways' own entries, decided by operators through commands."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from catalog.record import AckEntry, AttentionEntry, Entry, ObjectRef
from controlplane.attention.service import apply
from tests.controlplane.conftest import START_US, is_problem


def entry(kind: str, body: msgspec.Struct, at_us: int = START_US) -> Entry:
    line = {"seq": 1, "kind": kind, "at_us": at_us, "prev": "", "body": msgspec.to_builtins(body)}
    return msgspec.json.decode(msgspec.json.encode(line), type=Entry)


def opened(attention_id: str = "a1", kind: str = "in_doubt", **more: Any) -> AttentionEntry:
    context = {
        "contract": "finance.invoices",
        "operation": "invoices.post",
        "legal_entity": "north",
        "object": ObjectRef("invoice", "north", "INV-1"),
        "reason": "no answer within 30 s",
    }
    return AttentionEntry(attention_id, kind, "open", f"x-{attention_id}", **{**context, **more})


@pytest.fixture
def gateway(api) -> dict:
    return api.enrol()


@pytest.fixture
def tell(context, gateway):
    """Applies entries as they arrive on a stream of the gateway (another one's on request)."""

    def apply_all(*entries: Entry, stream: str | None = None) -> None:
        with context.database.write() as connection:
            for each in entries:
                apply(connection, stream or f"{gateway['gateway']}/0/1", each)

    return apply_all


def listed(api, state: str = "open") -> list[dict]:
    return api.get("/attention", role="viewer", params={"state": state}).json()["items"]


def settle(api, attention_id: str = "a1", resolution: str = "executed", role: str = "operator"):
    return api.post(f"/attention/{attention_id}/settle", {"resolution": resolution, "note": "seen in the ERP"}, role)


def test_an_entry_of_a_stream_is_listed_with_all_it_says(api, tell, gateway) -> None:
    tell(entry("attention", opened(), START_US + 5))
    (item,) = listed(api)
    assert item["object"] == {"type": "invoice", "assigner": "north", "value": "INV-1"}
    assert (item["opened_us"], item["gateway"], item["reason"]) == (
        START_US + 5,
        gateway["gateway"],
        "no answer within 30 s",
    )


def test_the_longest_open_comes_first(api, tell) -> None:
    tell(entry("attention", opened("late"), START_US + 9), entry("attention", opened("early"), START_US + 1))
    assert [item["attention_id"] for item in listed(api)] == ["early", "late"]


def test_a_decision_goes_to_the_gateway_and_is_settled_when_its_stream_says_so(api, tell, gateway) -> None:
    tell(entry("attention", opened()))
    answer = settle(api)
    assert answer.status_code == 202
    command_id = answer.json()["command_id"]
    (offered,) = api.get("/commands", token=gateway["credential"]).json()["commands"]
    assert offered == {
        "command_id": command_id,
        "kind": "settle_attention",
        "attention_id": "a1",
        "exchange_id": "x-a1",
        "resolution": "executed",
        "by": "operator",
        "note": "seen in the ERP",
    }
    assert listed(api)[0]["command"]["result"] == "pending"
    settled = AttentionEntry(
        "a1", "in_doubt", "settled", "x-a1", resolution="executed", settled_by="operator", command_id=command_id
    )
    tell(entry("attention", settled, START_US + 99), entry("ack", AckEntry(command_id, "done"), START_US + 99))
    assert listed(api) == []
    (item,) = listed(api, "settled")
    assert (item["resolution"], item["settled_by"], item["settled_us"]) == ("executed", "operator", START_US + 99)
    assert item["reason"] == "no answer within 30 s" and item["command"]["result"] == "done"
    assert api.get("/commands", token=gateway["credential"]).json()["commands"] == []


def test_a_second_decision_waits_for_the_first(api, tell) -> None:
    """Two people do not decide at once; a refused decision may be followed by another."""
    tell(entry("attention", opened()))
    command_id = settle(api).json()["command_id"]
    assert is_problem(settle(api, resolution="not_executed"), 409, "conflict")
    tell(entry("ack", AckEntry(command_id, "refused", "settled by reconcile")))
    assert listed(api)[0]["command"] == {
        "command_id": command_id,
        "by": "operator",
        "result": "refused",
        "detail": "settled by reconcile",
    }
    assert settle(api, resolution="not_executed").status_code == 202


def test_what_is_settled_stays_settled_whatever_arrives_later(api, tell) -> None:
    """A successor's settling entry may arrive before the dead epoch's opening one."""
    settled = AttentionEntry("a1", "in_doubt", "settled", "x-a1", resolution="reconciled")
    tell(entry("attention", settled), entry("attention", opened()))
    assert listed(api) == [] and len(listed(api, "settled")) == 1
    assert is_problem(settle(api), 409, "conflict")


def test_a_stream_of_another_gateway_settles_nothing(api, tell) -> None:
    other = api.enrol("south")["gateway"]
    tell(entry("attention", opened()))
    tell(entry("attention", AttentionEntry("a1", "in_doubt", "settled", "x-a1")), stream=f"{other}/0/1")
    assert len(listed(api)) == 1


@pytest.mark.parametrize(
    ("kind", "resolution", "status"),
    [
        ("in_doubt", "executed", 202),
        ("in_doubt", "not_executed", 202),
        ("in_doubt", "acknowledged", 422),
        ("withheld", "acknowledged", 202),
        ("withheld", "executed", 422),
    ],
)
def test_each_kind_has_its_resolutions(api, tell, kind: str, resolution: str, status: int) -> None:
    tell(entry("attention", opened(kind=kind)))
    assert settle(api, resolution=resolution).status_code == status


def test_settling_is_for_operators_and_for_what_exists(api, tell) -> None:
    tell(entry("attention", opened()))
    assert is_problem(settle(api, role="viewer"), 403, "forbidden")
    assert is_problem(settle(api, "nothing"), 404, "not-found")
    assert is_problem(settle(api, resolution="perhaps"), 400, "invalid-request")


def test_entries_of_other_kinds_are_left_alone(api, tell) -> None:
    tell(entry("intent", AckEntry("c1", "done")), entry("outcome", AckEntry("c1", "done")))
    assert listed(api, "all") == []
