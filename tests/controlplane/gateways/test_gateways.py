"""Gateways: one-time enrolment, bound credentials, long polls that wake, reports, commands until acknowledged."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from catalog.record import AckEntry, Entry
from controlplane.attention.service import apply as apply_entry
from controlplane.gateways.service import queue
from controlplane.gateways.store import command
from tests.controlplane.attention.test_attention import entry
from tests.controlplane.conftest import is_problem
from tests.controlplane.workspace import workspace


def test_an_enrolment_token_works_once(api, context) -> None:
    token = api.post("/enrolments", {"name": "north"}).json()["token"]
    first = api.post("/gateways/enrol", {"token": token, "name": "north"}, role=None)
    assert first.status_code == 201
    assert first.json().keys() == {"gateway", "group", "credential", "pepper", "snapshot_key"}
    assert first.json()["snapshot_key"] == context.keys.public_key
    assert is_problem(api.post("/gateways/enrol", {"token": token, "name": "north"}, role=None), 401, "unauthorized")
    assert len(api.get("/gateways").json()["items"]) == 1


def test_a_gateway_that_names_nothing_has_its_tokens_name(api) -> None:
    for sent in ({}, {"name": ""}):
        token = api.post("/enrolments", {"name": "north-wing"}).json()["token"]
        enrolled = api.post("/gateways/enrol", {"token": token, **sent}, role=None).json()
        assert enrolled["gateway"].startswith("north-wing-")
        listed = {item["gateway"]: item["name"] for item in api.get("/gateways").json()["items"]}
        assert listed[enrolled["gateway"]] == "north-wing"


def test_an_enrolment_token_raced_for_works_once(api) -> None:
    token = api.post("/enrolments", {"name": "north"}).json()["token"]
    with ThreadPoolExecutor(8) as pool:
        tries = [pool.submit(api.post, "/gateways/enrol", {"token": token}, None) for _ in range(8)]
    assert sorted(each.result().status_code for each in tries) == [201] + [401] * 7


def test_an_enrolment_token_expires(api, clock) -> None:
    token = api.post("/enrolments", {"name": "north"}).json()["token"]
    clock.move(15 * 60)
    answer = api.post("/gateways/enrol", {"token": token, "name": "north"}, role=None)
    assert is_problem(answer, 401, "unauthorized") and "expired" in answer.json()["detail"]


def test_two_gateways_of_one_name_are_two(api) -> None:
    one, other = api.enrol("north"), api.enrol("north")
    assert one["gateway"] != other["gateway"] and one["gateway"].startswith("north-")
    assert one["credential"] != other["credential"] and one["pepper"] == other["pepper"]


def test_before_the_first_apply_there_is_no_snapshot(api) -> None:
    answer = api.get("/snapshot", token=api.enrol()["credential"], params={"generation": 0, "wait_s": 0})
    assert is_problem(answer, 404, "no-snapshot")


def test_a_poll_answers_at_once_when_there_is_something_newer_and_304_when_not(api) -> None:
    gateway = api.enrol()["credential"]
    api.post("/workspace/apply", {"files": workspace()})
    assert api.get("/snapshot", token=gateway, params={"generation": 0, "wait_s": 20}).status_code == 200
    assert api.get("/snapshot", token=gateway, params={"generation": 7}).status_code == 200
    answer = api.get("/snapshot", token=gateway, params={"generation": 1, "wait_s": 0.1})
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_waiting_poll_wakes_when_a_generation_is_published(api) -> None:
    """Long before its time is over."""
    gateway = api.enrol()["credential"]
    api.post("/workspace/apply", {"files": workspace()})
    started = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(api.get, "/snapshot", token=gateway, params={"generation": 1, "wait_s": 25})
        time.sleep(0.3)
        assert not waiting.done()
        api.post("/consumers/shop/keys", {})
        answer = waiting.result()
    assert answer.status_code == 200 and '"generation":2' in answer.json()["manifest"]
    assert time.monotonic() - started < 15


def test_reports_show_in_the_list(api, clock) -> None:
    """An ack moves what runs; a nack says why and leaves it."""
    gateway = api.enrol()

    def report(generation: int, state: str, detail: str = "") -> None:
        body = {"generation": generation, "state": state, "detail": detail, "at_us": clock.now_us}
        assert api.post("/gateways/status", body, token=gateway["credential"]).status_code == 204

    def listed() -> dict:
        return api.get("/gateways", role="viewer").json()["items"][0]

    assert (listed()["state"], listed()["running_generation"]) == ("enrolled", None)
    report(1, "ack")
    clock.move(5)
    report(2, "nack", "secret depot_token is missing")
    seen = listed()
    assert (seen["state"], seen["generation"], seen["running_generation"]) == ("nack", 2, 1)
    assert seen["detail"] == "secret depot_token is missing" and not seen["is_stale"]
    assert seen["last_seen_us"] == clock.now_us
    clock.move(61)
    assert listed()["is_stale"]
    api.get("/commands", token=gateway["credential"])
    assert not listed()["is_stale"]


def test_a_command_is_offered_until_its_gateway_acknowledges_it(api, context) -> None:
    mine, other = api.enrol("north"), api.enrol("south")
    with context.database.write() as connection:
        queue(connection, mine["gateway"], "c1", "settle_attention", {"attention_id": "a1"}, "tester", context.clock())

    def offered(gateway: dict) -> list[dict]:
        return api.get("/commands", token=gateway["credential"]).json()["commands"]

    expected = [{"command_id": "c1", "kind": "settle_attention", "attention_id": "a1"}]
    assert offered(mine) == offered(mine) == expected
    assert offered(other) == []
    with context.database.write() as connection:
        apply_entry(connection, f"{other['gateway']}/0/1", entry("ack", AckEntry("c1", "done")))
    assert offered(mine) == expected
    with context.database.write() as connection:
        apply_entry(connection, f"{mine['gateway']}/0/1", entry("ack", AckEntry("c1", "refused", "gone")))
    assert offered(mine) == []
    with context.database.read() as connection:
        row = connection.execute(select(command)).one()
    assert (row.result, row.detail) == ("refused", "gone")


def test_a_waiting_poll_for_commands_wakes(api, context) -> None:
    gateway = api.enrol()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(api.get, "/commands", token=gateway["credential"], params={"wait_s": 25})
        time.sleep(0.3)
        assert not waiting.done()
        with context.database.write() as connection:
            queue(connection, gateway["gateway"], "c1", "settle_attention", {}, "tester", context.clock())
        context.commanded.notify()
        assert waiting.result(timeout=15).json()["commands"][0]["command_id"] == "c1"


def test_waiting_polls_end_when_the_server_stops(api, context) -> None:
    gateway = api.enrol()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(api.get, "/commands", token=gateway["credential"], params={"wait_s": 25})
        time.sleep(0.3)
        context.stop_waiting()
        assert waiting.result(timeout=15).json() == {"commands": []}


def test_entries_are_told_apart_by_kind() -> None:
    """The double of this module writes what the catalog reads."""
    assert isinstance(entry("ack", AckEntry("c1", "done")), Entry)
