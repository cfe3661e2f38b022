"""Objectives under a stepped clock: deadlines that pass, late and out-of-order evidence, definitions that change."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from controlplane.context import Context
from controlplane.ingest.service import IngestService, rebuild
from controlplane.projection import projections
from controlplane.slo.store import slo_contribution
from tests.controlplane.conftest import Api, is_problem
from tests.controlplane.journal import MINUTE, T0_US, Calls, S, Stream, receipt_slo, validation_slo
from tests.controlplane.publication import put_in_force

POST, ACCEPT = "receiving.receipts/receipts.post", "finance.receipts/receipts.post"


class Bench:
    """One enrolled gateway and an ingest; `at` moves the clock and lets the gateway be heard of."""

    def __init__(self, api: Api, clock: Any) -> None:
        self.api, self.clock = api, clock
        clock.now_us = T0_US
        self.gateway = api.enrol()
        self.stream = Stream(f"{self.gateway['gateway']}/0/1")
        self.service = IngestService(api.context, projections())
        self.calls = Calls()

    def receipt(self, name: str, event: str, at_s: float, amount: str | None = None, entity: str = "mercy") -> None:
        calls = Calls(entity=entity)
        operation = POST if event == "receipt.posted" else ACCEPT
        at_us = T0_US + int(at_s * S)
        told = calls.make(operation, event, calls.ref("receipt", name), amount, at_us=at_us, duration_us=0)
        self.stream.log(told)

    def ship(self) -> None:
        self.stream.send(self.service)

    def heard_at(self, at_s: float) -> None:
        """The gateway asks for commands at this time: it lives and has nothing to tell."""
        self.clock.now_us = T0_US + int(at_s * S)
        assert self.api.call("GET", "/commands", token=self.gateway["credential"]).status_code == 200

    def standing(self, name: str = "receipt-reaches-erp", entity: str = "") -> dict:
        items = self.api.get("/slos", role="viewer", params={"entity": entity}).json()["items"]
        return next(item for item in items if item["name"] == name)

    def numbers(self, **more: str) -> tuple[int, int, int, int]:
        """(good, bad, total, open)."""
        told = self.standing(**more)
        return told["good"], told["bad"], told["total"], told["open"]


@pytest.fixture
def bench(api: Api, clock) -> Bench:
    return Bench(api, clock)


def test_a_receipt_that_never_arrives_turns_bad_when_its_deadline_passes(bench: Bench) -> None:
    """Nothing is written when it does: only the time moves on."""
    put_in_force(bench.api.context, [receipt_slo(deadline_s=900)])
    bench.receipt("RC-1", "receipt.posted", 0, "120.50")
    bench.ship()
    bench.heard_at(900)  # two seconds of shipping time are allowed: the figures are as of 898
    assert bench.numbers() == (0, 0, 0, 1)
    assert bench.standing()["state"] == "no_data"
    bench.heard_at(902)
    assert bench.numbers() == (0, 1, 1, 0)
    told = bench.standing()
    assert (told["state"], told["ratio"], told["overdue"]) == ("breached", 0.0, 1)
    assert told["money_at_risk"] == [{"amount": "120.50", "currency": "USD"}]
    assert told["as_of_us"] == T0_US + 900 * S
    (late,) = bench.api.get("/slos/receipt-reaches-erp/objects", params={"state": "bad"}).json()["items"]
    assert (late["object"]["value"], late["state"]) == ("RC-1", "overdue")
    assert late["deadline_us"] == T0_US + 900 * S


@pytest.mark.parametrize(
    ("accepted_s", "good", "bad"),
    [(-5, 1, 0), (0, 1, 0), (899.9, 1, 0), (900, 1, 0), (900.000001, 0, 1), (5000, 0, 1)],
)
def test_in_time_is_good_up_to_the_microsecond(bench: Bench, accepted_s: float, good: int, bad: int) -> None:
    """Also when the clocks disagree and the end comes before the beginning."""
    put_in_force(bench.api.context, [receipt_slo(deadline_s=900)])
    bench.receipt("RC-1", "receipt.posted", 0)
    bench.receipt("RC-1", "receipt.accepted", accepted_s)
    bench.ship()
    bench.heard_at(6000)
    assert bench.numbers() == (good, bad, 1, 0)


def test_late_stays_bad_in_the_minute_of_its_deadline(bench: Bench) -> None:
    """Closing it later does not move it out of, or back into, the window in which it went wrong."""
    put_in_force(bench.api.context, [receipt_slo(deadline_s=900, window="1h")])
    bench.receipt("RC-1", "receipt.posted", 0, "10.00")
    bench.receipt("RC-1", "receipt.accepted", 2000)
    bench.ship()
    bench.heard_at(2010)
    assert bench.numbers() == (0, 1, 1, 0)
    assert bench.standing()["money_at_risk"] == []  # nothing is open any more
    with bench.api.context.database.read() as connection:
        (row,) = connection.execute(select(slo_contribution))
    assert row.minute == (T0_US + 900 * S) // MINUTE
    bench.heard_at(900 + 3600 + 62)
    assert bench.numbers() == (0, 0, 0, 0)


def test_evidence_that_was_in_time_but_came_late_turns_bad_into_good(bench: Bench) -> None:
    """Whatever was said of it while the evidence was on its way."""
    put_in_force(bench.api.context, [receipt_slo(deadline_s=900)])
    other = Stream(f"{bench.gateway['gateway']}/1/1")
    bench.receipt("RC-1", "receipt.posted", 0)
    bench.ship()
    bench.heard_at(3000)
    assert bench.numbers() == (0, 1, 1, 0)
    calls = Calls()
    other.log(calls.make(ACCEPT, "receipt.accepted", calls.ref("receipt", "RC-1"), at_us=T0_US + 60 * S))
    other.send(bench.service)
    bench.heard_at(3010)
    assert bench.numbers() == (1, 0, 1, 0)


def test_an_end_without_beginning_waits_for_it(bench: Bench) -> None:
    put_in_force(bench.api.context, [receipt_slo()])
    bench.receipt("RC-1", "receipt.accepted", 20)
    bench.ship()
    bench.heard_at(60)
    assert bench.numbers() == (0, 0, 0, 0)
    bench.receipt("RC-1", "receipt.posted", 10)
    bench.ship()
    bench.heard_at(90)
    assert bench.numbers() == (1, 0, 1, 0)


def test_replays_neither_begin_nor_end_anything(bench: Bench) -> None:
    put_in_force(bench.api.context, [receipt_slo()])
    calls = Calls()
    bench.stream.log(calls.make(POST, "receipt.posted", calls.ref("receipt", "RC-1"), is_replay=True))
    bench.ship()
    bench.heard_at(60)
    assert bench.numbers() == (0, 0, 0, 0)


def test_calls_are_good_when_answered_in_time_without_a_fault_of_the_system(bench: Bench) -> None:
    """A refusal of a wrong request is a good answer; 5xx of the system and slowness are not."""
    put_in_force(bench.api.context, [validation_slo(target="0.5")])
    calls, name = Calls(), "procurement.requisitions/requisitions.validate"
    bench.stream.log(
        calls.make(name, status=200, duration_us=1_000_000),
        calls.make(name, status=200, duration_us=1_000_001),
        calls.make(name, status=422, executed="no", fault="request"),
        calls.make(name, status=502, executed="no", fault="upstream"),
        calls.make(name, status=500, executed="no", fault="none"),
        calls.make(name, status=200, is_replay=True),
        calls.make("procurement.requisitions/requisitions.create", status=201),
    )
    bench.ship()
    bench.heard_at(60)
    told = bench.standing("validation")
    assert (told["good"], told["bad"], told["open"]) == (2, 3, 0)
    assert told["ratio"] == 0.4
    assert told["budget_left_ratio"] == pytest.approx(1 - 0.6 / 0.5)
    assert told["burn_rate_1h"] == pytest.approx(0.6 / 0.5)
    assert told["state"] == "breached"


def test_budget_and_burn_rate_of_a_window_and_of_its_last_hour(bench: Bench) -> None:
    """1,000 calls with 4 bad ones long ago: 60 % of the budget left, and no word about an hour without calls."""
    put_in_force(bench.api.context, [validation_slo()])
    calls, name = Calls(T0_US - 10 * 24 * 3600 * S), "procurement.requisitions/requisitions.validate"
    for number in range(1000):
        bench.stream.log(
            calls.make(name, status=502 if number < 4 else 200, fault="upstream" if number < 4 else "none")
        )
    bench.ship()
    bench.heard_at(60)
    told = bench.standing("validation")
    assert (told["good"], told["bad"], told["total"]) == (996, 4, 1000)
    assert told["budget_left_ratio"] == pytest.approx(0.6)
    assert (told["burn_rate_1h"], told["state"]) == (None, "ok")
    bench.heard_at(20 * 24 * 3600)
    assert bench.standing("validation")["state"] == "no_data"
    assert bench.standing("validation")["budget_left_ratio"] is None


def test_entities_add_up_to_the_whole(bench: Bench) -> None:
    put_in_force(bench.api.context, [receipt_slo(deadline_s=60)])
    for number in range(5):
        entity = "mercy" if number < 3 else "grace"
        bench.receipt(f"RC-{number}", "receipt.posted", number, "1.10", entity)
        if number % 2 == 0:
            bench.receipt(f"RC-{number}", "receipt.accepted", number + 1, entity=entity)
    bench.ship()
    bench.heard_at(200)
    assert bench.numbers() == (3, 2, 5, 0)
    assert bench.numbers(entity="mercy") == (2, 1, 3, 0)
    assert bench.numbers(entity="grace") == (1, 1, 2, 0)
    assert bench.standing()["money_at_risk"] == [{"amount": "2.20", "currency": "USD"}]


def test_a_changed_definition_is_computed_from_all_that_happened(bench: Bench) -> None:
    """A shorter deadline judges the past anew; one that is removed is gone; one that is new knows the past."""
    put_in_force(bench.api.context, [receipt_slo(900, sha256="a")])
    bench.receipt("RC-1", "receipt.posted", 0)
    bench.receipt("RC-1", "receipt.accepted", 100)
    calls = Calls()
    bench.stream.log(calls.make("procurement.requisitions/requisitions.validate", status=200))
    bench.ship()
    bench.heard_at(200)
    assert bench.numbers() == (1, 0, 1, 0)
    put_in_force(bench.api.context, [receipt_slo(50, sha256="b"), validation_slo()])
    assert bench.numbers() == (0, 1, 1, 0)
    assert bench.numbers(name="validation") == (1, 0, 1, 0)
    put_in_force(bench.api.context, [validation_slo()])
    assert [item["name"] for item in bench.api.get("/slos").json()["items"]] == ["validation"]


def test_a_new_definition_that_an_ingest_meets_first_counts_the_batch_once(bench: Bench) -> None:
    bench.receipt("RC-1", "receipt.posted", 0)
    bench.ship()
    put_in_force(bench.api.context, [validation_slo(), receipt_slo()])
    calls = Calls()
    bench.stream.log(calls.make("procurement.requisitions/requisitions.validate", status=200))
    bench.ship()
    bench.heard_at(60)
    assert bench.numbers(name="validation") == (1, 0, 1, 0)
    assert bench.numbers() == (0, 0, 0, 1)
    rebuild(bench.api.context.database, projections())
    assert bench.numbers(name="validation") == (1, 0, 1, 0)


def test_a_silent_gateway_makes_figures_stale_and_stops_their_clock(bench: Bench) -> None:
    """Nobody knows what happened behind a gateway that is not heard of: its open objects stay open."""
    put_in_force(bench.api.context, [receipt_slo(deadline_s=900)])
    bench.receipt("RC-1", "receipt.posted", 0)
    bench.ship()
    bench.heard_at(30)
    assert not bench.standing()["is_stale"]
    bench.clock.now_us = T0_US + 5000 * S
    told = bench.standing()
    assert (told["is_stale"], told["as_of_us"], told["open"]) == (True, T0_US + 28 * S, 1)
    bench.heard_at(5001)
    assert (bench.standing()["is_stale"], bench.standing()["bad"]) == (False, 1)


def test_figures_are_as_of_the_gateway_that_is_furthest_behind(bench: Bench) -> None:
    """A gateway that still ships a backlog holds the time back, however recently it was heard of."""
    put_in_force(bench.api.context, [receipt_slo(deadline_s=10)])
    bench.receipt("RC-1", "receipt.posted", 0)
    bench.clock.now_us = T0_US + 50 * S
    bench.ship()
    assert bench.standing()["as_of_us"] == T0_US
    bench.api.enrol("south")
    bench.heard_at(55)
    assert bench.standing()["as_of_us"] == T0_US + 48 * S  # south was heard of at 50 and has told nothing


def test_objects_behind_an_objective(bench: Bench) -> None:
    put_in_force(bench.api.context, [receipt_slo(deadline_s=60)])
    bench.receipt("RC-late", "receipt.posted", 1)
    bench.receipt("RC-late", "receipt.accepted", 90)
    bench.receipt("RC-lost", "receipt.posted", 5, "7.00")
    bench.receipt("RC-fresh", "receipt.posted", 80)
    bench.ship()
    bench.heard_at(100)

    def states(which: str, **more: str) -> dict[str, str]:
        answer = bench.api.get("/slos/receipt-reaches-erp/objects", params={"state": which, **more}).json()
        return {item["object"]["value"]: item["state"] for item in answer["items"]}

    assert states("bad") == {"RC-late": "late", "RC-lost": "overdue"}
    assert states("open") == {"RC-lost": "overdue", "RC-fresh": "open"}
    assert states("open", limit="1") == {"RC-lost": "overdue"}
    assert states("open", entity="grace") == {}
    assert is_problem(bench.api.get("/slos/none/objects"), 404, "not-found")


def test_the_objective_is_said_in_words(bench: Bench) -> None:
    put_in_force(bench.api.context, [receipt_slo(900), validation_slo()])
    words = {item["name"]: item["objective"] for item in bench.api.get("/slos").json()["items"]}
    assert (
        words["receipt-reaches-erp"]
        == "99 % of receipts: “receipt accepted” within 15 min of “receipt posted”, over 28 d"
    )
    assert words["validation"] == "99 % of calls are answered within 1000 ms, over 28 d"


def test_without_any_objective_there_is_none(context: Context, api: Api) -> None:
    assert api.get("/slos").json() == {"items": [], "has_synthetic": False}
