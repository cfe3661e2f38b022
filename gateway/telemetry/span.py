"""Spans of an exchange, built from its record afterwards: one for the request, one for the call to the system.

The record holds no path (business keys are parts of paths), so `url.path` and `url.full` are left out though the
conventions ask for them; `http.route` says which operation it was. A call that was tried twice is one span, since the
record holds one time; `http.request.resend_count` tells it.

An exchange that a successor finished has the request's span only, from its start until its end was known: when the
system answered, nobody knows. One whose doubt was settled has told a span by then; what comes to it is a child of that
span, for as long as the outcome was not known, with an id that is made of the exchange's.

Sources: OpenTelemetry semantic conventions 1.44.0, HTTP spans (names, status, `error.type`); W3C Trace Context.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from catalog import conventions as names
from catalog.conventions import OTHER_METHOD, SCHEMA_URL, SCOPE, method_of
from catalog.record import DecisionRecord, Exchange

Attributes = dict[str, str | int | tuple[str, ...]]  # bool among int

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_UNSET, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)


class Address(NamedTuple):
    host: str
    port: int


class SpanBuilder:
    """`address_of` gives where a system is, None when it is not known (any more)."""

    def __init__(self, resource: Resource, scheme: str, address_of: Callable[[str], Address | None]) -> None:
        self.resource = resource
        self._scheme = scheme
        self._address_of = address_of
        version = str(resource.attributes.get(names.SERVICE_VERSION, ""))
        self.scope = InstrumentationScope(SCOPE, version, SCHEMA_URL)

    def spans(self, record: Exchange, links: Sequence[Link] = ()) -> list[ReadableSpan]:
        """The spans of one exchange; both are sampled."""
        trace_id = int(record.trace_id, 16)
        context = SpanContext(trace_id, int(record.span_id, 16), False, _SAMPLED)
        parent = None
        if record.parent_span_id:
            parent = SpanContext(trace_id, int(record.parent_span_id, 16), True, _SAMPLED)
        started_ns = record.started_us * 1000
        ended_ns = started_ns + record.duration_us * 1000
        server = self._span(
            _name(record), SpanKind.SERVER, context, parent, started_ns, ended_ns, self._server_attributes(record),
            _ERROR if record.status >= 500 else _UNSET,
            tuple(_event(decision, ended_ns) for decision in record.decisions), links,
        )  # fmt: skip
        is_call_told = bool(record.upstream_span_id) and not record.is_recovered
        return [server, self._client(record, context)] if is_call_told else [server]

    def settlement(self, record: Exchange, links: Sequence[Link] = ()) -> ReadableSpan:
        """What became of an exchange that was in doubt."""
        trace_id = int(record.trace_id, 16)
        own_id = hashlib.sha256(f"settlement of {record.exchange_id}".encode()).digest()[:8]
        context = SpanContext(trace_id, int.from_bytes(own_id, "big"), False, _SAMPLED)
        parent = SpanContext(trace_id, int(record.span_id, 16), False, _SAMPLED)
        started_ns = record.started_us * 1000
        ended_ns = started_ns + record.duration_us * 1000
        name = f"settle {_name(record)}"
        return self._span(
            name, SpanKind.INTERNAL, context, parent, started_ns, ended_ns, _meaning(record), _UNSET, links=links
        )

    def _client(self, record: Exchange, parent: SpanContext) -> ReadableSpan:
        context = SpanContext(parent.trace_id, int(record.upstream_span_id, 16), False, _SAMPLED)
        started_ns = (record.started_us + record.upstream_after_us) * 1000
        ended_ns = started_ns + record.upstream_us * 1000
        has_failed = not 0 < record.upstream_status < 400
        return self._span(
            _name(record), SpanKind.CLIENT, context, parent, started_ns, ended_ns, self._client_attributes(record),
            _ERROR if has_failed else _UNSET,
        )  # fmt: skip

    def _span(
        self,
        name: str,
        kind: SpanKind,
        context: SpanContext,
        parent: SpanContext | None,
        started_ns: int,
        ended_ns: int,
        attributes: Attributes,
        status: Status,
        events: Sequence[Event] = (),
        links: Sequence[Link] = (),
    ) -> ReadableSpan:
        return ReadableSpan(
            name,
            context,
            parent,
            self.resource,
            attributes,
            events,
            links,
            kind,
            status=status,
            start_time=started_ns,
            end_time=ended_ns,
            instrumentation_scope=self.scope,
        )

    def _server_attributes(self, record: Exchange) -> Attributes:
        found: Attributes = {
            **_method(record),
            names.URL_SCHEME: self._scheme,
            names.HTTP_RESPONSE_STATUS_CODE: record.status,
        }
        if record.route:
            found[names.HTTP_ROUTE] = record.route
        if record.status >= 500:
            found[names.ERROR_TYPE] = record.code or str(record.status)
        found.update(_meaning(record))
        return found

    def _client_attributes(self, record: Exchange) -> Attributes:
        found: Attributes = {**_method(record), names.SYSTEM: record.system, names.EXCHANGE_ID: record.exchange_id}
        address = self._address_of(record.system)
        if address is not None:
            found[names.SERVER_ADDRESS], found[names.SERVER_PORT] = address
        if record.upstream_status:
            found[names.HTTP_RESPONSE_STATUS_CODE] = record.upstream_status
            if record.upstream_status >= 400:
                found[names.ERROR_TYPE] = str(record.upstream_status)
        else:
            found[names.ERROR_TYPE] = record.code or "no-answer"
        if record.attempt > 1:
            found[names.HTTP_REQUEST_RESEND_COUNT] = record.attempt - 1
        return found


def _name(record: Exchange) -> str:
    method = method_of(record.method)
    method = "HTTP" if method == OTHER_METHOD else method
    return f"{method} {record.route}" if record.route else method


def _meaning(record: Exchange) -> Attributes:
    """What the exchange was to the business, and what governed it."""
    held = record.object
    found: Attributes = {
        names.EXCHANGE_ID: record.exchange_id,
        names.SNAPSHOT: record.snapshot,
        names.PRIORITY: record.priority,
        names.EXECUTED: record.executed,
        names.FAULT: record.fault,
    }
    optional: Attributes = {
        names.CONTRACT: record.contract,
        names.CONTRACT_VERSION: record.version,
        names.OPERATION: record.operation,
        names.LAYER: record.layer,
        names.CONSUMER: record.consumer,
        names.LEGAL_ENTITY: record.legal_entity,
        names.SYSTEM: record.system,
        names.CODE: record.code,
        names.REFUSED_BY: record.refused_by,
        names.EVENT: record.event,
        names.FIRST_EXCHANGE_ID: record.first_exchange_id,
        names.OBJECT_TYPE: held.type if held else "",
        names.OBJECT_ASSIGNER: held.assigner if held else "",
        names.OBJECT_KEY: held.value if held else "",
        names.COMMIT_US: record.commit_us,
        names.RECOVERED: record.is_recovered,
        names.RECONCILED: record.is_reconciled,
    }
    found.update((name, value) for name, value in optional.items() if value)
    return found


def _method(record: Exchange) -> Attributes:
    method = method_of(record.method)
    if method != OTHER_METHOD:
        return {names.HTTP_REQUEST_METHOD: method}
    return {names.HTTP_REQUEST_METHOD: method, names.HTTP_REQUEST_METHOD_ORIGINAL: record.method}


def _event(decision: DecisionRecord, at_ns: int) -> Event:
    attributes: Attributes = {
        names.POLICY: decision.policy,
        names.DECISION_KIND: decision.kind,
        names.DECISION_MODE: decision.mode,
    }
    if decision.code:
        attributes[names.DECISION_CODE] = decision.code
    if decision.pointers:
        attributes[names.DECISION_POINTERS] = decision.pointers
    return Event(names.DECISION, attributes, at_ns)
