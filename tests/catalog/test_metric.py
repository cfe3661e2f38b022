"""Prometheus' text, read back by a strict reader."""

import re

from hypothesis import given
from hypothesis import strategies as st

from catalog import conventions as names
from catalog.metric import Family, Histogram, ProcessReading, exposition, process_families
from tests import exposition as strict


def test_a_histogram():
    """Buckets are cumulative and inclusive, sums exact to the microsecond."""
    histogram = Histogram((1_000, 2_000))
    for value_us in (1, 1_000, 1_001, 5_000):
        histogram.add(value_us)
    text = exposition([Family(names.UPSTREAM, [({names.OPERATION: "a"}, histogram.reading())])])
    name = "waybill_upstream_duration_seconds"
    operation = ("waybill_operation", "a")
    assert strict.read(text)[name].samples == {
        (f"{name}_bucket", (operation, ("le", "0.001"))): 2,
        (f"{name}_bucket", (operation, ("le", "0.002"))): 3,
        (f"{name}_bucket", (operation, ("le", "+Inf"))): 4,
        (f"{name}_sum", (operation,)): 0.007002,
        (f"{name}_count", (operation,)): 4,
    }


@given(st.text(), st.floats(allow_nan=False, allow_infinity=False))
def test_any_label_and_number_survive(text, number):
    """Quotes, backslashes and line breaks are escaped; numbers lose nothing."""
    families = strict.read(exposition([Family(names.SLO_BUDGET_LEFT, [({names.SLO: text}, number)])]))
    (((_, ((_, found),)), value),) = families["waybill_slo_budget_left_ratio"].samples.items()
    assert value == number
    assert text == re.sub(r"\\(.)", lambda escaped: {"n": "\n"}.get(escaped[1], escaped[1]), found)


def test_a_large_count_is_exact():
    """No exponent takes digits away."""
    text = exposition([Family(names.RECORDS_DROPPED, [({}, 12_345_678_901)])])
    assert text.endswith("waybill_records_dropped_total 12345678901\n")


def test_a_process():
    """What the operating system does not tell is left out."""
    found = {family.instrument for family in process_families(ProcessReading(1.5, 0.5, 1.0, None, None), "1", "3.11")}
    assert found == {names.BUILD, names.CPU_TIME, names.STARTED}
