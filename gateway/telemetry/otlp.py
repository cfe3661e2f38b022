"""Telemetry from settings: OTLP over HTTP in protobuf, by OpenTelemetry's own exporters.

Nothing is built without an endpoint. Beside the settings the exporters read the standard variables
(`OTEL_EXPORTER_OTLP_*`: endpoint, headers, timeout, compression, certificates), which settings win over.

Source: OpenTelemetry Protocol Exporter specification.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from catalog import conventions as names
from catalog.errors import Invalid, WaybillError
from catalog.metric import Family
from catalog.network import System
from catalog.otlp import endpoints
from catalog.record import ObjectRef
from gateway.app import App
from gateway.state.store import CrossReference, Store
from gateway.telemetry.export import CAPACITY, Exporter
from gateway.telemetry.link import Firsts, Linker, Place
from gateway.telemetry.point import metrics_data
from gateway.telemetry.process import own_process, waybill_version
from gateway.telemetry.span import Address, SpanBuilder

T = TypeVar("T")

_ASK_S = 2.0  # the loop is asked for so long; it is busy only for milliseconds
_PORTS = {"http": 80, "https": 443}


class OtlpSettings(msgspec.Struct, frozen=True):
    """`endpoint` is a base URL, "" the environment's; `headers` gives names of secrets by header; `sample_ratio` is of
    traces that begin at this gateway."""

    endpoint: str = ""
    headers: Mapping[str, str] = {}
    sample_ratio: float = 1.0
    interval_s: float = 60.0
    capacity: int = CAPACITY

    @property
    def is_wanted(self) -> bool:
        """Raises: Invalid."""
        return any(endpoints(self.endpoint, os.environ))


class Asked:
    """What only the loop's thread may touch, for the thread of the exporter. An answer that does not come is none."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        cross_references: Callable[[Sequence[tuple[str, str]]], Awaitable[Sequence[CrossReference]]],
        families: Callable[[], list[Family]],
    ) -> None:
        self._loop = loop
        self._cross_references = cross_references
        self._families = families

    def first_exchanges(self, objects: Sequence[ObjectRef]) -> Firsts:
        """The exchanges that first made `objects` known, as far as the store knows them."""
        found: Firsts = {}
        places: dict[tuple[str, str], list[CrossReference]] = {}
        nothing: Sequence[CrossReference] = ()
        for known in self._ask(self._cross_references([(it.type, it.value) for it in objects]), nothing):
            places.setdefault((known.object, known.value), []).append(known)
        for wanted in objects:
            for known in places.get((wanted.type, wanted.value), ()):
                if known.span_id and wanted.assigner in (known.entity, known.system):
                    found.setdefault(wanted, Place(known.trace_id, known.span_id))  # of several systems, one
        return found

    def families(self) -> list[Family]:
        return self._ask(self._read(), [])

    def _ask(self, question: Any, otherwise: T) -> T:
        if not self._loop.is_running():
            question.close()
            return otherwise
        asked = asyncio.run_coroutine_threadsafe(question, self._loop)
        with suppress(TimeoutError, CancelledError, WaybillError):
            answer: T = asked.result(_ASK_S)
            return answer
        asked.cancel()
        return otherwise

    async def _read(self) -> list[Family]:
        return self._families()


def attach(
    settings: OtlpSettings, app: App, store: Store, secrets: Mapping[str, str], instance: str, scheme: str
) -> Exporter | None:
    """Complete `app`'s metrics, and have its exchanges exported when that is wanted. The exporter is not started.
    Raises: Invalid. To be called on the running loop."""
    telemetry = app.telemetry
    telemetry.scheme = scheme
    telemetry.join(own_process)
    if not settings.is_wanted:
        return None
    asked = Asked(asyncio.get_running_loop(), store.cross_references_of, telemetry.families)
    exporter = open_exporter(settings, secrets, asked, instance, scheme, lambda: _systems(app))
    app.sample_ratio = settings.sample_ratio
    if exporter.has_spans:
        app.observe = exporter.offer
    telemetry.join(exporter.families)
    return exporter


def header_secrets(text: str) -> dict[str, str]:
    """`header=secret,…` taken apart. Raises: Invalid."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if any(not (name.strip() and equals and secret.strip()) for name, equals, secret in pairs):
        raise Invalid("--otlp-headers must be header=secret-name, comma-separated; values stay in the secrets file")
    return {name.strip(): secret.strip() for name, _, secret in pairs}


def open_exporter(
    settings: OtlpSettings,
    secrets: Mapping[str, str],
    asked: Asked,
    instance: str,
    scheme: str,
    systems: Callable[[], Mapping[str, System]],
) -> Exporter:
    """An exporter, not started. Raises: Invalid naming what is wrong with endpoint or headers."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.resources import Resource

    from gateway.telemetry.encode import OtlpSpanSender

    traces, metrics = endpoints(settings.endpoint, os.environ)
    headers = {name: _secret(secrets, secret) for name, secret in settings.headers.items()}
    resource = Resource.create(
        {
            names.SERVICE_NAME: "waybill-gateway",
            names.SERVICE_INSTANCE_ID: instance,
            names.SERVICE_VERSION: waybill_version(),
        },
        names.SCHEMA_URL,
    )
    builder = SpanBuilder(resource, scheme, lambda system: address_of(systems().get(system)))
    started_ns = time.time_ns()

    def read_metrics() -> Any:
        families = asked.families()
        return metrics_data(families, resource, started_ns, time.time_ns()) if families else None

    return Exporter(
        OtlpSpanSender(resource, builder.scope, traces, headers) if traces else None,
        OTLPMetricExporter(metrics, headers=headers) if metrics else None,
        builder,
        Linker(asked.first_exchanges),
        read_metrics,
        settings.interval_s,
        settings.capacity,
    )


def _systems(app: App) -> Mapping[str, System]:
    return {} if app.compiled is None else app.compiled.systems


def address_of(system: System | None) -> Address | None:
    """Host and port of its base URL."""
    if system is None:
        return None
    with suppress(ValueError, KeyError):
        url = urlsplit(system.base_url)
        if url.hostname:
            return Address(url.hostname, url.port or _PORTS[url.scheme])
    return None


def _secret(secrets: Mapping[str, str], name: str) -> str:
    if name not in secrets:
        raise Invalid(f"--otlp-headers names the secret {name!r}, which is neither in --secrets nor in the environment")
    return secrets[name]
