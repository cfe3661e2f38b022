"""The declared figures over real traffic: every number with what it is made of."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

import catalog
from catalog.measure import Measure
from catalog.record import Exchange
from catalog.slo import parse_slo
from controlplane.ingest.service import IngestService
from controlplane.overview.service import KINDS
from controlplane.projection import projections
from tests.controlplane.conftest import Api
from tests.controlplane.journal import T0_US, Calls, S, Stream, procure_to_pay, total
from tests.controlplane.publication import put_in_force

LIBRARY = Path(catalog.__file__).parent / "library"
SUBMIT = "payables.invoices/invoices.submit"
VALIDATE = "procurement.requisitions/requisitions.validate"


def library_measures() -> list[Measure]:
    texts = [path.read_text() for path in sorted((LIBRARY / "measures").glob("*.yaml"))]
    return [msgspec.convert(item, Measure) for text in texts for item in yaml.safe_load(text)]


def library_slos() -> list[Any]:
    found = []
    for path in sorted((LIBRARY / "slos").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            slo, problems = parse_slo(document)
            assert problems == []
            found.append(slo)
    return found


class Page:
    """The overview over the library's measures and objectives, after some exchanges."""

    def __init__(self, api: Api, clock: Any) -> None:
        self.api, self.clock = api, clock
        clock.now_us = T0_US
        self.gateway = api.enrol()
        self._stream = Stream(f"{self.gateway['gateway']}/0/1")
        put_in_force(api.context, library_slos(), library_measures())

    def after(self, exchanges: Iterable[Exchange], at_s: float = 60, entity: str = "") -> dict[str, Any]:
        self._stream.log(*exchanges)
        self._stream.send(IngestService(self.api.context, projections()))
        self.clock.now_us = T0_US + int(at_s * S)
        self.api.call("GET", "/commands", token=self.gateway["credential"])
        answer = self.api.get("/overview", role="viewer", params={"entity": entity})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def page(api: Api, clock) -> Page:
    return Page(api, clock)


def figure(document: dict[str, Any], kind: str) -> dict[str, Any]:
    wanted = next(measure.id for measure in library_measures() if measure.kind == kind)
    return next(item for item in document["figures"] if item["id"] == wanted)


def test_the_declared_figures_in_their_order_and_a_page_behind_each(page: Page) -> None:
    document = page.after([])
    ranked = sorted(library_measures(), key=lambda measure: measure.rank)
    assert [item["id"] for item in document["figures"]] == [measure.id for measure in ranked]
    assert len({measure.rank for measure in ranked}) == len(ranked) == 9
    assert {item["link"]["page"] for item in document["figures"]} == {"Transactions"}
    assert {measure.kind for measure in ranked} == set(KINDS)


def test_without_traffic_nothing_is_claimed(page: Page) -> None:
    document = page.after([])
    assert {item["state"] for item in document["figures"]} == {"no_data"}
    assert {item["value"] for item in document["figures"]} == {None}
    assert document["sentence"] == "There is nothing to report yet: no traffic was seen."


def test_all_is_well_after_a_clean_run(page: Page) -> None:
    calls = Calls()
    document = page.after([*procure_to_pay(calls), calls.make(VALIDATE, status=200)])
    assert {item["state"] for item in document["figures"]} == {"ok"}, document
    assert document["sentence"] == "All is well: every figure is within its limits."
    assert document["as_of_us"] == T0_US + 58 * S
    assert not document["is_stale"]


def test_invoices_in_exception_with_their_money(page: Page) -> None:
    """Refused and not corrected, or in match exception. Corrected ones, and refused repeats of accepted ones, are
    not."""
    calls = Calls()
    invoices = {
        name: calls.ref("invoice", name) for name in ("stuck", "fixed", "repeated", "unmatched", "fine", "limited")
    }
    conflict: dict[str, Any] = {"status": 409, "executed": "no", "fault": "upstream", "upstream_status": 409}
    document = page.after(
        [
            calls.refused(SUBMIT, invoices["stuck"], "request-schema", "schema-violation", amount="10.10"),
            calls.refused(SUBMIT, invoices["fixed"], "request-schema", "schema-violation", amount="20.00"),
            calls.make(SUBMIT, "invoice.received", invoices["fixed"], "20.00"),
            calls.make(SUBMIT, "invoice.received", invoices["repeated"], "30.00"),
            calls.make(SUBMIT, "", invoices["repeated"], "30.00", **conflict),
            calls.make(SUBMIT, "invoice.received", invoices["unmatched"], "40.05", status_axes={"match": "exception"}),
            calls.make(SUBMIT, "invoice.received", invoices["fine"], "50.00", status_axes={"match": "matched"}),
            calls.refused(SUBMIT, invoices["limited"], "rate-limit", "rate-limited", status=429),
            calls.refused(SUBMIT, calls.ref("receipt", "other-type"), "request-schema", "schema-violation"),
        ]
    )
    told = figure(document, "exceptions")
    assert (told["value"], told["numerator"], told["denominator"]) == (3, 3, 6)
    assert told["money"] == [{"amount": "50.15", "currency": "USD"}]
    assert told["exclusions"] == "the money of 1 without an amount"
    assert {item["label"]: item["count"] for item in told["detail"]} == {
        "schema-violation": 1,
        "rate-limited": 1,
        "match: exception": 1,
    }
    assert told["link"]["query"] == {"refused": "1", "type": "invoice"}


def test_receipts_not_in_the_erp(page: Page) -> None:
    calls = Calls()
    post, accept = "receiving.receipts/receipts.post", "finance.receipts/receipts.post"
    names = [calls.ref("receipt", f"RC-{number}") for number in range(4)]
    steps = [
        calls.make(post, "receipt.posted", name, "1000.25", at_us=T0_US + number * S)
        for number, name in enumerate(names)
    ]
    fresh = calls.make(post, "receipt.posted", calls.ref("receipt", "RC-9"), "5.00", at_us=T0_US + 990 * S)
    document = page.after([*steps, calls.make(accept, "receipt.accepted", names[0], at_us=T0_US + 10 * S), fresh], 1000)
    told = figure(document, "open")
    assert (told["value"], told["still_open"], told["denominator"]) == (4, 1, 5)
    assert told["money"] == [{"amount": "3005.75", "currency": "USD"}]
    assert told["state"] == "warning"
    assert [(item["label"], item["count"]) for item in told["detail"]] == [
        ("past the deadline", 3),
        ("within the deadline", 1),
    ]
    objects = page.api.get(f"/slos/{told['link']['query']['slo']}/objects", params={"state": "open"}).json()["items"]
    assert len(objects) == told["value"]
    assert total(item["amount"] for item in objects) == total(told["money"])
    assert "4 receipts worth 3,005.75 USD have not reached the ERP" in document["sentence"]


def test_validation_latency_leaves_refused_calls_out(page: Page) -> None:
    """p95 of a hundred calls of 1 to 100 ms is 95 ms, within 2 %."""
    calls = Calls()
    answered = [calls.make(VALIDATE, status=200, duration_us=ms * 1000, at_us=T0_US) for ms in range(1, 101)]
    quick = [calls.refused(VALIDATE, None, "rate-limit", "rate-limited", duration_us=50) for _ in range(40)]
    told = figure(page.after([*answered, *quick]), "latency")
    assert told["value"] == pytest.approx(95, rel=0.02)
    assert (told["unit"], told["denominator"], told["state"]) == ("ms", 100, "ok")
    assert told["exclusions"] == "40 refused before the system was asked"


def test_share_of_calls_refused_by_policy(page: Page) -> None:
    """Shadow decisions and refusals by a system do not count."""
    calls = Calls()
    document = page.after(
        [
            *[calls.make(SUBMIT, status=201) for _ in range(6)],
            *[calls.refused(SUBMIT, None, "rate-limit", "rate-limited") for _ in range(2)],
            calls.refused(SUBMIT, None, "scope", "scope-missing"),
            calls.make(SUBMIT, status=409, executed="no", fault="upstream", upstream_status=409, code="conflict"),
        ]
    )
    told = figure(document, "refusals")
    assert (told["value"], told["numerator"], told["denominator"]) == (0.3, 3, 10)
    assert told["detail"] == [
        {"label": "rate-limit", "count": 2, "share": 0.2},
        {"label": "scope", "count": 1, "share": 0.1},
    ]


def test_calls_in_doubt_until_they_are_settled(page: Page) -> None:
    calls = Calls()
    invoice = calls.ref("invoice", "INV-1")
    doubt = calls.make(SUBMIT, "", invoice, "9.99", status=504, executed="unknown", fault="upstream", code="in-doubt")
    document = page.after([doubt])
    told = figure(document, "in_doubt")
    assert (told["value"], told["denominator"], told["state"]) == (1, 1, "warning")
    assert told["money"] == [{"amount": "9.99", "currency": "USD"}]
    settled = msgspec.structs.replace(doubt, executed="yes", status=201, event="invoice.received", duration_us=5 * S)
    assert figure(page.after([settled]), "in_doubt")["value"] == 0


def test_the_tightest_error_budget(page: Page) -> None:
    """200 validations allow 2 bad ones: one of them spends half the budget."""
    calls = Calls()
    bad = calls.make(VALIDATE, status=502, executed="no", fault="upstream")
    document = page.after([bad, *(calls.make(VALIDATE, status=200) for _ in range(199))], 300)
    told = figure(document, "budget")
    assert told["link"]["query"] == {"contract": VALIDATE.split("/")[0]}
    assert told["value"] == pytest.approx(0.5)
    assert (told["numerator"], told["denominator"], told["window"]) == (1, 200, "last 28 d")
    assert "Receipt reaches the ERP" in told["exclusions"]


def test_a_budget_spent_several_times_over_is_told_in_times(page: Page) -> None:
    """100 validations allow one bad one: three of them spend the budget three times."""
    calls = Calls()
    bad = [calls.make(VALIDATE, status=502, executed="no", fault="upstream") for _ in range(3)]
    document = page.after([*bad, *(calls.make(VALIDATE, status=200) for _ in range(97))], 300)
    assert figure(document, "budget")["value"] == pytest.approx(-2.0)
    assert "he error budget of “Requisition validation” is spent 3 times over" in document["sentence"]


def test_an_invoice_that_the_system_refused_says_so(page: Page) -> None:
    """In words, where the answer of the system had no code of ours."""
    calls = Calls()
    conflict: dict[str, Any] = {"status": 409, "executed": "no", "fault": "upstream", "upstream_status": 409}
    told = figure(page.after([calls.make(SUBMIT, "", calls.ref("invoice", "INV-1"), **conflict)]), "exceptions")
    assert [item["label"] for item in told["detail"]] == ["refused by the system (409)"]


def test_one_entity_at_a_time(page: Page) -> None:
    mercy, grace = Calls(), Calls(entity="grace")
    page.after([*procure_to_pay(mercy), grace.refused(SUBMIT, grace.ref("invoice", "G-1"), "shape", "too-deep")])
    assert figure(page.after([], entity="grace"), "exceptions")["value"] == 1
    assert figure(page.after([], entity="mercy"), "exceptions")["value"] == 0
    assert figure(page.after([], entity="mercy"), "refusals")["value"] == 0
    assert figure(page.after([], entity="nobody"), "exceptions")["state"] == "no_data"


def test_a_silent_gateway_is_named_in_the_sentence(page: Page) -> None:
    page.after(procure_to_pay(Calls()))
    page.clock.move(3600)
    document = page.api.get("/overview").json()
    assert document["is_stale"]
    assert document["sentence"].endswith(f"{page.gateway['gateway']} is silent.")


def test_what_is_older_than_the_window_does_not_count(page: Page) -> None:
    calls = Calls()
    page.after([calls.refused(SUBMIT, calls.ref("invoice", "old"), "shape", "too-deep")])
    later = figure(page.after([], at_s=2 * 86_400), "exceptions")
    assert (later["value"], later["state"]) == (None, "no_data")
