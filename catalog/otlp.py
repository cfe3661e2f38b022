"""Where telemetry is sent to. Pure: who calls gives the environment.

Source: OpenTelemetry Protocol Exporter specification, "Endpoint URLs for OTLP/HTTP".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from catalog.errors import Invalid

_BASE = "OTEL_EXPORTER_OTLP_ENDPOINT"
_SIGNAL = "OTEL_EXPORTER_OTLP_{}_ENDPOINT"


class Endpoints(NamedTuple):
    """Whole URLs; "" where that signal is not wanted."""

    traces: str = ""
    metrics: str = ""


def endpoints(given: str, environment: Mapping[str, str]) -> Endpoints:
    """`given` is the option's base URL and wins; of the variables the one of a signal does, which is taken as it is.
    Raises: Invalid naming what is no URL."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return Endpoints()
    return Endpoints(_endpoint("traces", given, environment), _endpoint("metrics", given, environment))


def _endpoint(signal: str, given: str, environment: Mapping[str, str]) -> str:
    variable = _SIGNAL.format(signal.upper())
    if not given and environment.get(variable):
        return _checked(environment[variable], variable, is_base=False)
    name = "--otlp-endpoint" if given else _BASE
    base = _checked(given or environment.get(_BASE, ""), name, is_base=True)
    return f"{base.rstrip('/')}/v1/{signal}" if base else ""


def _checked(text: str, name: str, is_base: bool) -> str:
    try:
        url = urlsplit(text)
        is_usable = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        is_usable = False
    if text and not (is_usable and not (is_base and url.query)):
        what = (
            "a base URL such as http://127.0.0.1:4318" if is_base else "a URL such as http://127.0.0.1:4318/v1/traces"
        )
        raise Invalid(f"{name} must be {what}")
    return text
