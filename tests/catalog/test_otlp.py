"""Where telemetry goes, by option and by the standard variables."""

import pytest

from catalog.errors import Invalid
from catalog.otlp import Endpoints, endpoints

BASE, TRACES, METRICS = (f"OTEL_EXPORTER_OTLP_{part}ENDPOINT" for part in ("", "TRACES_", "METRICS_"))


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        ("", {}, Endpoints()),
        ("http://a:1/", {}, Endpoints("http://a:1/v1/traces", "http://a:1/v1/metrics")),
        ("", {BASE: "http://b/x"}, Endpoints("http://b/x/v1/traces", "http://b/x/v1/metrics")),
        ("", {TRACES: "https://t/as/it/is?k=v"}, Endpoints(traces="https://t/as/it/is?k=v")),
        ("", {METRICS: "http://m/"}, Endpoints(metrics="http://m/")),
        ("", {BASE: "http://b", METRICS: "http://m/in"}, Endpoints("http://b/v1/traces", "http://m/in")),
        ("http://a", {BASE: "http://b", TRACES: "http://t"}, Endpoints("http://a/v1/traces", "http://a/v1/metrics")),
        ("http://a", {"OTEL_SDK_DISABLED": "true"}, Endpoints()),
    ],
)
def test_endpoints(given, environment, expected):
    """The option wins; a signal's own variable is taken as it is; a signal that nobody asked for goes nowhere."""
    assert endpoints(given, environment) == expected


@pytest.mark.parametrize("text", ["collector:4318", "http://", "http://127.0.0.1:x", "ftp://a", "http://a:0"])
@pytest.mark.parametrize("name", ["--otlp-endpoint", BASE, TRACES, METRICS])
def test_what_is_no_endpoint(name, text):
    """The message names the option or the variable."""
    with pytest.raises(Invalid, match=f"^{name} must be"):
        endpoints(text if name.startswith("--") else "", {name: text})
