"""OpenSLO documents."""

import copy
import textwrap
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import slo
from catalog.document import parse_document
from catalog.slo import HttpSource, LifecycleSource, parse_slo

GOOD, RECEIVED = parse_document(
    b"""
apiVersion: openslo/v1
kind: SLO
metadata: {name: orders-answered, displayName: Orders are answered}
spec:
  service: orders.purchases
  budgetingMethod: Occurrences
  timeWindow: [{duration: 28d, isRolling: true}]
  indicator:
    metadata: {name: orders-answered}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: waybill, spec: {source: http, operations: [a.b/c], threshold_ms: 1000}}}
        total: {metricSource: {type: waybill, spec: {source: http, operations: [a.b/c]}}}
  objectives: [{target: 0.99}]
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: received, annotations: {waybill/meaning: It arrives.}}
spec:
  service: receiving
  budgetingMethod: Occurrences
  timeWindow: [{duration: 4w, isRolling: true}]
  indicator:
    spec:
      ratioMetric:
        good: {metricSource: {type: waybill, spec: {source: lifecycle, object: r, from: r.a, to: r.b, deadline_s: 900}}}
        total: {metricSource: {type: waybill, spec: {source: lifecycle, object: r, from: r.a}}}
  objectives: [{targetPercent: 99.95}]
""",
    "slo.yaml",
)[0]
METRIC = ("spec", "indicator", "spec", "ratioMetric")


def changed(path, value):
    document = copy.deepcopy(GOOD)
    node = document
    for name in path[:-1]:
        node = node[name]
    if value is ...:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return document


def test_both_sources():
    """Latency of operations and the life cycle of an object; targets exact, windows in seconds."""
    (http, one), (lifecycle, two) = parse_slo(GOOD), parse_slo(RECEIVED)
    assert (one, two) == ([], [])
    assert (http.source, http.target_ratio) == (HttpSource(("a.b/c",), 1000), Decimal("0.99"))
    assert (http.title, http.window, http.window_s) == ("Orders are answered", "28d", 2_419_200)
    assert lifecycle.source == LifecycleSource("r", "r.a", "r.b", 900)
    assert (lifecycle.target, lifecycle.meaning, lifecycle.window_s) == ("0.9995", "It arrives.", 2_419_200)


@pytest.mark.parametrize(
    ("deadline", "problem"),
    [
        ({"deadline_business_days": 2}, ""),
        ({}, "has no deadline that can be kept"),
        ({"deadline_s": 900, "deadline_business_days": 2}, "has no deadline that can be kept"),
        ({"deadline_business_days": 0}, "Expected `int` >= 1"),
    ],
)
def test_a_deadline_is_by_the_clock_or_by_the_calendar(deadline, problem):
    """Exactly one of the two; whoever keeps to the clock keeps the version that was there before calendars were."""
    document = copy.deepcopy(RECEIVED)
    metric = document["spec"]["indicator"]["spec"]["ratioMetric"]["good"]["metricSource"]["spec"]
    del metric["deadline_s"]
    metric.update(deadline)
    spec, problems = parse_slo(document)
    if problem:
        assert problem in problems[0].message
        assert problems[0].pointer.startswith("/spec/indicator/spec/ratioMetric/good/metricSource/spec")
    else:
        assert (problems, spec.source.deadline_business_days, spec.source.deadline_s) == ([], 2, None)
    assert "deadline_business_days" not in msgspec.to_builtins(parse_slo(RECEIVED)[0].source)


def test_the_documented_example():
    """The example of the module's documentation is a valid objective."""
    text = textwrap.dedent(slo.__doc__.split("`waybill`.\n", 1)[1].split("\nMetric source", 1)[0])
    spec, problems = parse_slo(parse_document(text.encode(), "slo.yaml")[0][0])
    assert (problems, spec.source.deadline_s) == ([], 900)


def test_version_is_of_the_meaning():
    """Titles may change; what is counted, its window or its target make another version."""
    sha256 = parse_slo(GOOD)[0].sha256
    assert sha256 == parse_slo(changed(("metadata", "displayName"), "Other"))[0].sha256
    assert sha256 != parse_slo(changed(("spec", "objectives"), [{"target": 0.98}]))[0].sha256
    assert sha256 == parse_slo(changed(("spec", "timeWindow", 0, "duration"), "4w"))[0].sha256
    assert sha256 != parse_slo(changed(("spec", "timeWindow", 0, "duration"), "7d"))[0].sha256


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        (("apiVersion",), "openslo/v2", "/apiVersion"),
        (("kind",), "Service", "/kind"),
        (("metadata", "name"), "Orders", "/metadata/name"),
        (("metadata", "name"), "a" * 64, "/metadata/name"),
        (("spec", "service"), ..., "/spec"),
        (("spec", "budgetingMethod"), "Timeslices", "/spec/budgetingMethod"),
        (("spec", "alertPolicies"), [], "/spec/alertPolicies"),
        (("spec", "indicatorRef"), "x", "/spec/indicatorRef"),
        (("spec", "timeWindow"), [], "/spec/timeWindow"),
        (("spec", "timeWindow", 0, "duration"), "1M", "/spec/timeWindow/0/duration"),
        (("spec", "timeWindow", 0, "isRolling"), False, "/spec/timeWindow/0/isRolling"),
        (("spec", "timeWindow", 0, "calendar"), {}, "/spec/timeWindow/0"),
        (("spec", "objectives"), [{"target": 1}], "/spec/objectives/0"),
        (("spec", "objectives"), [{"target": 0.9, "targetPercent": 90}], "/spec/objectives/0"),
        (("spec", "objectives"), [{}], "/spec/objectives/0"),
        (("spec", "objectives"), [{"target": 0.9}, {"target": 0.8}], "/spec/objectives"),
        ((*METRIC, "raw"), {}, "/spec/indicator/spec/ratioMetric"),
        ((*METRIC, "good", "metricSource", "type"), "prometheus",
         "/spec/indicator/spec/ratioMetric/good/metricSource/type"),
        ((*METRIC, "good", "metricSource", "spec", "source"), "log",
         "/spec/indicator/spec/ratioMetric/good/metricSource/spec/source"),
        ((*METRIC, "good", "metricSource", "spec", "threshold_ms"), 0,
         "/spec/indicator/spec/ratioMetric/good/metricSource/spec/threshold_ms"),
        ((*METRIC, "total", "metricSource", "spec", "operations"), ["a.b/d"],
         "/spec/indicator/spec/ratioMetric/total/metricSource/spec"),
    ],
)  # fmt: skip
def test_refusals(path, value, pointer):
    """What OpenSLO forbids, and what of it this subset cannot evaluate, is refused and never ignored."""
    spec, problems = parse_slo(changed(path, value), "slo.yaml")
    assert spec is None
    assert [(p.file, p.pointer) for p in problems] == [("slo.yaml", pointer)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from(
        [("metadata",), ("spec",), ("spec", "indicator"), METRIC, (*METRIC, "good"), ("spec", "objectives")]
    ),
    JSON,
)
def test_never_crashes(path, value):
    """Whatever stands where, there is a spec or there are problems."""
    spec, problems = parse_slo(changed(path, value))
    assert (spec is None) == bool(problems)
    assert (parse_slo(value)[0] is None) or value == GOOD
