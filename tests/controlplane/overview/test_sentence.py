"""The sentence: what is worst comes first, in the measure's own words, exact to the cent."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from catalog.measure import Measure
from catalog.record import Amount
from controlplane.overview.figure import Figure, Reading, Trend, duration_text, figure_of, state_of
from controlplane.overview.sentence import Row, sentence

RECEIPTS = Measure(
    "receipts",
    "Receipts not yet in the ERP",
    "open",
    "…",
    warning_above=0,
    bad_above=10,
    phrase={
        "one": "one receipt[ worth {money}] has not reached the ERP",
        "other": "{value} receipts[ worth {money}] of {denominator} have not reached the ERP, {overdue} too late",
    },
)
DOUBT = Measure("doubt", "Calls in doubt", "in_doubt", "…", warning_above=0)
BUDGET = Measure(
    "budget",
    "Error budget left",
    "budget",
    "…",
    warning_above=0.5,
    bad_above=0.1,
    phrase={
        "other": "{value} of the error budget of “{subject}” is left",
        "spent": "the error budget of “{subject}” is spent {times} over",
    },
)


def row(measure: Measure, value: float | None, money: list[Amount] | None = None, **more: Any) -> Row:
    unit = "ratio" if measure.kind == "budget" else "count"
    reading = Reading(unit, value, value, 0, 2000, "things", money=money or [], **more)
    return measure, reading, figure_of(measure, reading, 0, Trend(None, 60, []))


def figure(measure: Measure, judged: float | None, **more: Any) -> str:
    return state_of(measure, Reading("count", judged, judged, 0, 0, "", **more))


def test_the_worst_comes_first() -> None:
    rows = [row(DOUBT, 1), row(BUDGET, 0.8), row(RECEIPTS, 1200, [Amount("12400.00", "USD")], overdue=11)]
    assert sentence(rows) == (
        "1,200 receipts worth 12,400.00 USD of 2,000 have not reached the ERP, 11 too late; calls in doubt: 1."
    )


def test_one_is_said_in_the_singular_and_missing_money_leaves_no_gap() -> None:
    assert sentence([row(RECEIPTS, 1)]) == "One receipt has not reached the ERP."


def test_currencies_are_never_added_up() -> None:
    money = [Amount("1.10", "CAD"), Amount("20000000000000000.05", "USD")]
    assert sentence([row(RECEIPTS, 1, money)]) == (
        "One receipt worth 20,000,000,000,000,000.05 USD and 1.10 CAD has not reached the ERP."
    )


def test_money_at_risk_comes_before_what_is_as_bad_without_money() -> None:
    spent, receipts = row(BUDGET, -1.0, subject="Validation"), row(RECEIPTS, 20, [Amount("5.00", "USD")], overdue=20)
    told = sentence([spent, receipts])
    assert told.index("20 receipts worth 5.00 USD") < told.index("the error budget")


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (-20.277, "The error budget of “Validation” is spent 21 times over."),
        (-0.3, "The error budget of “Validation” is spent 1.3 times over."),
        (0.0, "0.0 % of the error budget of “Validation” is left."),
        (0.42, "42.0 % of the error budget of “Validation” is left."),
    ],
)
def test_an_overspent_budget_is_told_in_times(left: float, told: str) -> None:
    assert sentence([row(BUDGET, left, subject="Validation")]) == told


def test_a_measure_without_words_for_an_overspent_budget_stays_readable() -> None:
    plain = msgspec.structs.replace(BUDGET, phrase={})
    assert sentence([row(plain, -20.3, subject="Validation")]) == "Error budget left: spent 21 times."


def test_what_does_not_fit_into_one_breath_is_counted() -> None:
    """The worst is always told whole; at most some forty words in all."""
    money = [Amount("58936.65", "EUR"), Amount("15538.84", "USD")]
    rows = [row(RECEIPTS, 1200 + number, money, overdue=11) for number in range(5)]
    told = sentence(rows)
    assert told.startswith("1,200 receipts worth 58,936.65 EUR and 15,538.84 USD of 2,000 have not reached the ERP")
    assert told.endswith("; 3 more need a look.")
    assert len(told.split()) <= 45


def test_all_is_well_when_it_is() -> None:
    assert sentence([row(RECEIPTS, 0), row(BUDGET, 0.9)]) == "All is well: every figure is within its limits."


def test_no_data_is_said_and_is_not_well() -> None:
    assert sentence([row(RECEIPTS, None), row(DOUBT, None)]) == "There is nothing to report yet: no traffic was seen."
    assert sentence([row(RECEIPTS, None), row(DOUBT, 0)]) == (
        "All is well: every figure is within its limits; no data for receipts not yet in the ERP."
    )


def test_many_figures_without_data_are_counted() -> None:
    assert sentence([row(DOUBT, 0), *[row(RECEIPTS, None)] * 3]).endswith("; no data for 3 figures.")


def test_old_figures_say_so() -> None:
    assert sentence([row(DOUBT, 0)], "These figures are old.").endswith("limits. These figures are old.")


@pytest.mark.parametrize(
    ("measure", "judged", "state"),
    [
        (RECEIPTS, None, "no_data"),
        (RECEIPTS, 0, "ok"),
        (RECEIPTS, 1, "warning"),
        (RECEIPTS, 10, "warning"),
        (RECEIPTS, 11, "bad"),
        (BUDGET, 0.5, "ok"),
        (BUDGET, 0.49, "warning"),
        (BUDGET, 0.09, "bad"),
        (BUDGET, -3.0, "bad"),
        (msgspec.structs.replace(RECEIPTS, warning_above=None, bad_above=None), 10**9, "ok"),
    ],
)
def test_states_by_the_measures_own_limits(measure: Measure, judged: float | None, state: str) -> None:
    assert figure(measure, judged) == state


def test_a_breached_objective_is_bad_whatever_the_limits() -> None:
    assert figure(msgspec.structs.replace(BUDGET, bad_above=None), 0.7, is_breached=True) == "bad"


@pytest.mark.parametrize(
    ("length_s", "text"), [(86_400, "24 h"), (28 * 86_400, "28 d"), (3600, "1 h"), (5400, "90 min"), (90, "90 s")]
)
def test_windows_in_words(length_s: int, text: str) -> None:
    assert duration_text(length_s) == text


def test_figures_have_what_a_reader_needs() -> None:
    assert {"numerator", "denominator", "exclusions", "still_open", "window", "as_of_us", "link"} <= set(
        Figure.__struct_fields__
    )
