"""Drawing is pure: values in, text out."""

from __future__ import annotations

import pytest

from dashboards.view.chain import graph, timeline
from dashboards.view.figure import card, value_text
from dashboards.view.money import money, sums
from dashboards.view.time import clock, moment, span
from tests.dashboards.fake import AT, CHAIN, figure


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
    [(1200, "count", "1,200"), ("0.9871", "ratio", "98.7 %"), ("231.44", "ms", "231 ms"), (None, "ratio", "–")],
)
def test_a_value_carries_its_unit(value, unit, expected):
    assert value_text(value, unit) == expected


def test_a_card_escapes_what_it_is_given():
    assert "<img" not in card(figure("x", title="<img src=x onerror=alert(1)>"))


def test_the_graph_runs_from_the_first_document_to_the_last():
    dot = graph(CHAIN, "dark")
    assert '"requisition/mercy-health/REQ-1" -> "purchase_order/mercy-health/PO-1"' in dot
    assert "19.00 USD" in dot


def test_the_timeline_names_caller_contract_system_and_waiting():
    html = timeline(CHAIN["events"])
    for expected in ("portal → procurement.requisitions@1.0.0", "2 ms of it at saas", "5.0 s after the step before"):
        assert expected in html
    assert "buyer&lt;script&gt;" in html
