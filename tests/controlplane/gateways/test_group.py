"""Gateways that share a state act for each other: settle, acknowledge, tell an exchange to its end. Others do not."""

from __future__ import annotations

import msgspec
import pytest

from catalog.record import AckEntry, AttentionEntry, Exchange
from tests.controlplane.conftest import START_US
from tests.controlplane.journal import Stream


def enrol_into(api, group: str, name: str) -> dict:
    token = api.post("/enrolments", {"name": name, "group": group}).json()["token"]
    return api.post("/gateways/enrol", {"token": token, "name": name}).json()


def ship(api, gateway: dict, *bodies: tuple[str, msgspec.Struct], epoch: int = 1) -> None:
    stream = Stream(f"{gateway['gateway']}/0/{epoch}")
    for number, (kind, body) in enumerate(bodies):
        stream.write(body, START_US + number + 1_000_000 * epoch, kind)
    query = {"stream": stream.name, "first": 1, "last": len(bodies)}
    answer = api.call("POST", "/ingest", token=gateway["credential"], params=query, content=b"".join(stream.lines))
    assert answer.status_code == 200, answer.text


def commands(api, gateway: dict) -> list[str]:
    return [item["command_id"] for item in api.get("/commands", token=gateway["credential"]).json()["commands"]]


def doubtful(status: int, executed: str, **more) -> Exchange:
    known = {"trace_id": "1" * 32, "span_id": "2" * 16, "started_us": START_US, "duration_us": 2, "upstream_us": 1}
    return Exchange(
        "e" * 32, **known, snapshot="1:a", method="POST", status=status, executed=executed, fault="none", **more
    )


@pytest.fixture
def east(api) -> list[dict]:
    return [enrol_into(api, "east", name) for name in ("one", "two")]


def test_ids_tell_the_group(api, east) -> None:
    """A gateway of a group carries its name, one that is by itself does not."""
    assert all(gateway["gateway"].startswith("east.") for gateway in east)
    assert "." not in api.enrol("alone")["gateway"]


def test_a_fellow_settles(api, east) -> None:
    """What one gateway left in doubt is offered to every gateway of its group, and settled by the one that did it; a
    gateway of another group neither sees it nor can settle or acknowledge it."""
    one, two = east
    stranger = enrol_into(api, "west", "three")
    opened = AttentionEntry("a1", "in_doubt", "open", "x1", contract="finance.invoices")
    ship(api, one, ("attention", opened))
    command = api.post("/attention/a1/settle", {"resolution": "executed", "note": ""}, role="operator").json()
    assert commands(api, one) == commands(api, two) == [command["command_id"]]
    assert commands(api, stranger) == []
    settled = msgspec.structs.replace(opened, state="settled", resolution="executed", settled_by="reconcile")
    ack = AckEntry(command["command_id"], "done")
    ship(api, stranger, ("attention", settled), ("ack", ack))
    (item,) = api.get("/attention", role="viewer", params={"state": "open"}).json()["items"]
    assert item["command"]["result"] == "pending"
    ship(api, two, ("attention", settled), ("ack", ack))
    assert api.get("/attention", role="viewer", params={"state": "open"}).json()["items"] == []
    assert commands(api, one) == commands(api, two) == []


def test_only_its_own_gateway_takes_a_new_credential(api, east) -> None:
    """Commands that are not about the shared state are not handed to others."""
    one, two = east
    assert api.post(f"/gateways/{one['gateway']}/rotate", None, role="architect").status_code < 300
    assert len(commands(api, one)) == 1
    assert commands(api, two) == []


def test_an_exchange_told_to_its_end_by_a_fellow(api, east) -> None:
    """The record of a fellow replaces what was told before; another group's under the same id is another exchange."""
    one, two = east
    ship(api, one, ("exchange", doubtful(504, "unknown", code="in-doubt")))
    ship(api, two, ("exchange", doubtful(201, "yes", is_reconciled=True)), epoch=2)
    listed = api.get("/exchanges", role="viewer").json()["items"]
    assert [(item["status"], item["executed"]) for item in listed] == [(201, "yes")]
    ship(api, enrol_into(api, "west", "three"), ("exchange", doubtful(500, "no")), epoch=3)
    assert len(api.get("/exchanges", role="viewer").json()["items"]) == 2
