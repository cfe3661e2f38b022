"""Names in telemetry: declared once, described, used nowhere undeclared."""

import re
from pathlib import Path

import pytest
from opentelemetry.semconv._incubating.metrics import otel_metrics, process_metrics
from opentelemetry.semconv.attributes import error_attributes, http_attributes, server_attributes, url_attributes
from opentelemetry.semconv.metrics import http_metrics
from opentelemetry.semconv.schemas import Schemas

from catalog import conventions as names

ROOT = Path(__file__).parents[2]
TELEMETRY = [*(ROOT / "gateway" / "telemetry").glob("*.py"), *(ROOT / "controlplane" / "telemetry").glob("*.py")]
STANDARD = {
    value
    for module in (http_attributes, url_attributes, server_attributes, error_attributes)
    for value in vars(module).values()
    if isinstance(value, str)
}
STANDARD_METRICS = {
    value
    for module in (http_metrics, process_metrics, otel_metrics)
    for value in vars(module).values()
    if isinstance(value, str)
}


def test_the_schema_is_the_installed_one():
    """Version 1.44 of the conventions."""
    assert Schemas.V1_44_0.value == names.SCHEMA_URL


def test_names_that_are_not_ours_are_the_conventions():
    """What does not begin with `waybill.` is spelt as OpenTelemetry's package spells it."""
    foreign = {name for name in names.ATTRIBUTES if not name.startswith("waybill.")}
    assert foreign - STANDARD == {
        *("service.name", "service.instance.id", "service.version", "cpu.mode", "process.runtime.version")
    }
    assert {name for name in names.INSTRUMENTS if not name.startswith("waybill.")} <= STANDARD_METRICS


@pytest.mark.parametrize("path", TELEMETRY, ids=lambda path: "/".join(path.parts[-3:]))
def test_no_name_is_written_out_elsewhere(path):
    """Telemetry modules take every dotted name from here."""
    strings = re.findall(r'"((?:waybill|http|url|server|error|process|otel)\.[a-z_.]+)"', path.read_text())
    assert [name for name in strings if name != "http.response.start"] == []  # that one is ASGI's


def test_everything_is_described():
    """No name without a meaning, none twice."""
    described = [*names.ATTRIBUTES.values(), *names.EVENTS.values(), *(it.text for it in names.INSTRUMENTS.values())]
    assert all(described)
    prometheus = [it.prometheus for it in names.INSTRUMENTS.values()]
    assert len(set(prometheus)) == len(prometheus)


@pytest.mark.parametrize(
    ("instrument", "expected"),
    [
        (names.SERVER_DURATION, "http_server_request_duration_seconds"),
        (names.EXCHANGES, "waybill_exchanges_total"),
        (names.BACKLOG, "waybill_backlog_bytes"),
        (names.SLO_BUDGET_LEFT, "waybill_slo_budget_left_ratio"),
        (names.CPU_TIME, "process_cpu_seconds_total"),
    ],
)
def test_names_in_prometheus(instrument, expected):
    """Units are suffixes, counters end in `_total`; what every client library exports keeps its name."""
    assert expected == instrument.prometheus
