"""Drawing is pure: values in, text out."""

from __future__ import annotations

import pytest

from dashboards.view.call import SIGNS, outcome, title
from dashboards.view.chain import described, graph, timeline
from dashboards.view.exchange import decisions, facts, table
from dashboards.view.figure import card, limits_text, value_text
from dashboards.view.money import money, sums
from dashboards.view.time import clock, moment, span
from tests.dashboards.fake import AT, CHAIN, EXCHANGE, call, figure


@pytest.mark.parametrize(
    ("duration_us", "expected"),
    [
        (0, "0 µs"),
        (840, "840 µs"),
        (12_300, "12 ms"),
        (3_400_000, "3.4 s"),
        (45_000_000, "45 s"),
        (300_000_000, "5 min"),
        (3 * 3_600_000_000, "3 h"),
        (77 * 86_400_000_000, "77 d"),
    ],
)
def test_a_duration_reads_in_its_largest_unit(duration_us, expected):
    assert span(duration_us) == expected


def test_times_are_utc_and_an_unknown_time_says_so():
    assert moment(AT) == "2026-09-21 14:13:20 UTC"
    assert clock(AT + 7_000) == "14:13:20.007"
    assert moment(None) == "not yet known"


def test_money_keeps_every_digit():
    assert money({"amount": "12345678901234567890.10", "currency": "USD"}) == "12,345,678,901,234,567,890.10 USD"


def test_currencies_are_never_added_up():
    amounts = [{"amount": "5.00", "currency": "EUR"}, {"amount": "19.00", "currency": "USD"}]
    assert sums(amounts) == "19.00 USD + 5.00 EUR"


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (1200, "count", "1,200"),
        ("0.9871", "ratio", "98.7 %"),
        ("231.44", "ms", "231 ms"),
        (None, "ratio", "–"),
        (-20.277, "ratio", "spent 21×"),
    ],
)
def test_a_value_carries_its_unit(value, unit, expected):
    assert value_text(value, unit) == expected


def test_a_card_escapes_what_it_is_given():
    assert "<img" not in card(figure("x", title="<img src=x onerror=alert(1)>"), AT)


def test_parts_of_a_figure_read_as_words_and_none_is_dropped():
    detail = [{"label": label, "count": 9} for label in ("schema-violation", "erp-one", "a", "b", "c", "d", "e")]
    html = card(figure("x", detail=detail), AT)
    assert "document not as the contract declares" in html
    assert "erp-one" in html
    assert "and 18 in 2 more" in html


@pytest.mark.parametrize(
    ("more", "expected", "words"),
    [
        ({"event": "invoice.received"}, "done", "invoice received"),
        ({"executed": "unknown", "status": 504, "code": "in-doubt", "fault": "upstream"}, "unknown", "in doubt"),
        ({"is_verified": False, "status": 502, "code": "response-violation"}, "withheld", "carried out, but"),
        ({"is_replay": True}, "repeat", "repeated, answered as the first time"),
        ({"executed": "no", "status": 409}, "refused", "refused by the system (409)"),
        (
            {"executed": "no", "status": 429, "refused_by": "rate-limit", "code": "rate-limited", "fault": "policy"},
            "refused",
            "refused, more calls than agreed",
        ),
        (
            {"executed": "no", "status": 502, "code": "upstream-unreachable", "fault": "upstream"},
            "refused",
            "failed, system not reached",
        ),
    ],
)
def test_each_outcome_has_words_and_a_sign_of_its_own(more, expected, words):
    told = call(1, **more)
    assert outcome(told) == expected
    assert words in title(told)
    assert ("refused" in title(told)) == (words.startswith("refused"))
    assert len(set(SIGNS.values())) == len(SIGNS)


def test_an_operation_reads_as_words():
    assert title(call(1, operation="purchaseOrders.create")) == "purchase orders create"


def test_facts_show_what_is_out_of_the_ordinary_and_nothing_that_is_absent():
    record = {**EXCHANGE["exchange"], "is_reconciled": True, "is_verified": False, "is_recovered": True}
    told = facts({**EXCHANGE, "exchange": record})
    assert {"Answer", "Reconciled", "Recovered"} <= set(told)
    assert not {"Answer", "Reconciled", "Recovered", "Replay of"} & set(facts(EXCHANGE))
    assert 'data-fact="Entry SHA-256">' + "ef" * 32 in table(told)


def test_a_decision_in_shadow_says_that_it_was_not_acted_on():
    entry = {"policy": "shape", "kind": "reject", "mode": "shadow", "code": "shape-violation"}
    (line,) = decisions({"exchange": {"decisions": [entry]}})
    assert line == "shape reject (in shadow, not acted on): document too large or too deep [shape-violation]"


def test_the_graph_runs_from_the_first_document_to_the_last():
    dot = graph(CHAIN, "dark", "TB")
    assert '"requisition/mercy-health/REQ-1" -> "purchase_order/mercy-health/PO-1"' in dot
    assert "19.00 USD" in dot
    assert "rankdir=TB" in dot
    assert "rankdir=LR" in graph(CHAIN, "light", "LR")


def test_the_graph_has_a_description_in_words():
    assert described(CHAIN) == (
        "Documents of this transaction: requisition REQ-1, purchase order PO-1. PO-1 fulfils REQ-1."
    )


def test_the_timeline_names_caller_contract_system_and_waiting():
    html = timeline(CHAIN["events"])
    for expected in (
        "portal → procurement.requisitions@1.0.0",
        "2 ms of it at saas",
        "no system asked",
        "5.0 s after the step before",
    ):
        assert expected in html
    assert "buyer&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "Watch above 2, at risk above 10"),
        (
            {"unit": "ms", "limits": {"warning": 500, "bad": 900_000, "label": ""}},
            "Watch above 500 ms, at risk above 15 min",
        ),
        (
            {"unit": "ratio", "limits": {"warning": 0.101, "bad": 0.2, "label": ""}},
            "Watch above 10.1 %, at risk above 20 %",
        ),
        ({"unit": "ratio", "better": "more", "limits": {"warning": 0.5, "bad": None, "label": ""}}, "Watch below 50 %"),
        (
            {"limits": {"warning": 0.0, "bad": 10.0, "label": "past the cut-off"}},
            "Watch above 0, at risk above 10 past the cut-off",
        ),
        ({"limits": {"warning": None, "bad": None, "label": "past the cut-off"}}, ""),
    ],
)
def test_a_figure_says_from_where_on_it_is_at_risk(more, expected):
    assert limits_text(figure("x", **more)) == expected


def test_a_figure_says_where_and_whose_it_is():
    """The legal entities with most of it by name, the others by number; a single one is no news."""
    parts = [{"label": f"entity-{number}", "count": 9 - number} for number in range(5)]
    told = card(figure("x", where=parts), AT)
    assert "Where: entity-0 9, entity-1 8, entity-2 7, 2 more" in told
    assert "Owner: accounts-payable" in told
    assert "Where" not in card(figure("x", where=parts[:1]), AT)
