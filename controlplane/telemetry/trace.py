"""Traces and durations of the control plane's own API, as ASGI middleware around the whole application.

Sources: OpenTelemetry semantic conventions 1.44.0, HTTP server spans and `http.server.request.duration`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from opentelemetry.trace import Span, SpanKind, Tracer, format_span_id, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.trace.status import StatusCode

from catalog import conventions as names
from catalog.conventions import OTHER_METHOD, method_of
from catalog.log import SUBJECT, Subject

_PROPAGATOR = TraceContextTextMapPropagator()
_FAILED = 500  # what a request is told whose handler did not answer


class Traced:
    """Every request gets a span, whose ids its log lines carry, and counts with its duration."""

    def __init__(
        self,
        app: Any,
        tracer: Tracer,
        count: Callable[[float, dict[str, str | int]], None],
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._tracer = tracer
        self._count = count
        self._monotonic = monotonic

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = _FAILED

        async def answer(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started_s = self._monotonic()
        span = self._tracer.start_span(
            method_of(scope["method"]), _PROPAGATOR.extract(_trace_headers(scope)), SpanKind.SERVER
        )
        context = span.get_span_context()
        SUBJECT.set(Subject(format_trace_id(context.trace_id), format_span_id(context.span_id)))
        try:
            await self._app(scope, receive, answer)
        finally:
            attributes = _attributes(scope, status)
            self._count(self._monotonic() - started_s, attributes)
            _finish(span, scope["method"], attributes, status)


def _finish(span: Span, method: str, attributes: dict[str, str | int], status: int) -> None:
    verb = attributes[names.HTTP_REQUEST_METHOD]
    route = attributes.get(names.HTTP_ROUTE)
    if verb == OTHER_METHOD:
        span.set_attribute(names.HTTP_REQUEST_METHOD_ORIGINAL, method)
        verb = "HTTP"
    span.update_name(f"{verb} {route}" if route else str(verb))
    span.set_attributes(attributes)
    if status >= 500:
        span.set_status(StatusCode.ERROR)
    span.end()


def _attributes(scope: Any, status: int) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        names.HTTP_REQUEST_METHOD: method_of(scope["method"]),
        names.URL_SCHEME: scope["scheme"],
        names.HTTP_RESPONSE_STATUS_CODE: status,
    }
    route = scope.get("path_template")  # the framework's, once it has found the route
    if route:
        attributes[names.HTTP_ROUTE] = route
    if status >= 500:
        attributes[names.ERROR_TYPE] = str(status)
    return attributes


def _trace_headers(scope: Any) -> dict[str, str]:
    wanted = (b"traceparent", b"tracestate")
    return {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in wanted}
