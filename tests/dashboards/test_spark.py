"""The small chart and the words beside it."""

from __future__ import annotations

import base64
import re

import pytest

from dashboards.view.spark import amount, change, spark
from dashboards.view.table import Column, pill, table


def drawing(html: str) -> str:
    return base64.b64decode(re.search(r"base64,([^\"]+)", html)[1]).decode()


def test_a_gap_stays_a_gap():
    """No data is not nought: the line is broken where there is none."""
    assert drawing(spark([1, 2, None, 3, 4], "x")).count("<polyline") == 2


def test_a_level_series_is_drawn_and_one_value_is_not():
    assert "<polyline" in drawing(spark([0, 0, 0], "x"))
    assert spark([1, None], "x") == "" == spark([], "x")


def test_the_chart_says_in_words_what_it_shows():
    assert 'alt="a &lt;b&gt; c"' in spark([1, 2], "a <b> c")


@pytest.mark.parametrize(
    ("value", "previous", "better", "expected"),
    [
        (12, 10, "less", "▲ worse: was 10 in the 7 d before"),
        (8, 10, "less", "▼ better: was 10 in the 7 d before"),
        (8, 10, "more", "▼ worse: was 10 in the 7 d before"),
        (10, 10, "less", "= as in the 7 d before (10)"),
    ],
)
def test_a_change_has_a_direction_and_a_word(value, previous, better, expected):
    """Not colour alone."""
    assert expected in change(value, previous, "count", better, "7 d")


def test_what_is_not_known_is_not_compared():
    assert change(None, 1, "count", "less", "7 d") == "" == change(1, None, "count", "less", "7 d")


@pytest.mark.parametrize(
    ("number", "expected"), [("231", "231 ms"), ("42000", "42 s"), ("900000", "15 min"), ("9000000", "2.5 h")]
)
def test_durations_read_in_the_unit_that_fits(number, expected):
    from decimal import Decimal

    assert amount(Decimal(number), "ms") == expected


def test_cells_are_escaped_and_carry_their_column_for_phones():
    html = table(["Who", Column("Calls", True)], [["<i>", 1200], [pill("<b>", "bad"), ""]], "T")
    for expected in ('data-label="Who">&lt;i&gt;<', 'data-label="Calls">1,200<', "&lt;b&gt;</span>", ">–<"):
        assert expected in html


def test_a_budget_that_is_spent_is_told_in_times_before_as_now():
    assert "was spent 1.4× in the 28 d before" in change(-0.7, -0.433, "ratio", "more", "28 d")
