"""Spans in OTLP's protobuf encoding, written straight into bytes.

The SDK's encoder makes a message object of every attribute, some 50 µs a span; nearly all attributes of ours have been
seen before, so their bytes are remembered. Everything around the spans is the SDK's own encoding. What is told is what
the SDK would tell of the same spans: the tests decode both.

Sources: opentelemetry-proto, `trace/v1/trace.proto`, `common/v1/common.proto` (field numbers); Protocol Buffers,
"Encoding" (wire format).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from struct import Struct
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind
from opentelemetry.trace.status import StatusCode

REMEMBERED = 8_192  # attributes with their values; the least lately used are forgotten

_SMALL = tuple(bytes((number,)) for number in range(0x80))
_UINT64 = 0xFFFF_FFFF_FFFF_FFFF
_KINDS = {SpanKind.INTERNAL: b"\x30\x01", SpanKind.SERVER: b"\x30\x02", SpanKind.CLIENT: b"\x30\x03"}  # Span.kind = 6
_STATUSES = {StatusCode.UNSET: b"\x7a\x00", StatusCode.ERROR: b"\x7a\x02\x18\x02"}  # Span.status = 15, Status.code = 3
_LOCAL, _REMOTE = 0x100, 0x300  # SpanFlags: whether it is remote is known, and it is
_ids = Struct(">2s16s2s8s").pack  # trace_id = 1, span_id = 2, the same in Span and in Link
_parent = Struct(">2s8s").pack  # Span.parent_span_id = 4
_times = Struct("<cQcQ").pack  # Span.start_time_unix_nano = 7, end_time_unix_nano = 8
_time = Struct("<cQ").pack  # Event.time_unix_nano = 1
_flags = Struct("<2sI").pack  # Span.flags = 16
_link_flags = Struct("<cI").pack  # Link.flags = 6


class OtlpSpanSender(OTLPSpanExporter):
    """OpenTelemetry's exporter with an encoding of our own, for spans of one resource and scope."""

    def __init__(
        self,
        resource: Resource,
        scope: InstrumentationScope,
        endpoint: str | None,
        headers: Mapping[str, str],
        timeout_s: float | None = None,
    ) -> None:
        """None leaves it to the environment."""
        super().__init__(endpoint, headers=headers, timeout=timeout_s)
        nothing = ReadableSpan("", SpanContext(1, 1, False), resource=resource, instrumentation_scope=scope)
        (of_resource,) = encode_spans([nothing]).resource_spans
        (of_scope,) = of_resource.scope_spans
        del of_scope.spans[:]
        self._scope = of_scope.SerializeToString()
        del of_resource.scope_spans[:]
        self._resource = of_resource.SerializeToString()

    def encode(self, span: ReadableSpan) -> bytes:
        return encode(span)

    def send(self, spans: Sequence[bytes]) -> bool:
        """Whether the collector has taken `spans`, encoded ones. Blocking."""
        return self._client.export(self.request(spans)).success

    def request(self, spans: Sequence[bytes]) -> bytes:
        """An ExportTraceServiceRequest."""
        scope = _sized(b"\x12", self._scope + b"".join([_sized(b"\x12", span) for span in spans]))  # both are 2
        return _sized(b"\x0a", self._resource + scope)


def encode(span: ReadableSpan) -> bytes:
    """One span. Attributes are text, integers, truth values and sequences of text."""
    context, parent = span.context, span.parent
    assert context is not None
    parts = [_ids(b"\x0a\x10", context.trace_id.to_bytes(16, "big"), b"\x12\x08", context.span_id.to_bytes(8, "big"))]
    if parent is not None:
        parts.append(_parent(b"\x22\x08", parent.span_id.to_bytes(8, "big")))
    parts.append(_text(b"\x2a", span.name))
    parts.append(_KINDS[span.kind])
    parts.append(_times(b"\x39", span.start_time or 0, b"\x41", span.end_time or 0))
    parts.extend(_pairs(b"\x4a", span.attributes))
    parts.extend([_sized(b"\x5a", _event(event)) for event in span.events])
    parts.extend([_sized(b"\x6a", _link(link)) for link in span.links])
    parts.append(_STATUSES[span.status.status_code])
    parts.append(_flags(b"\x85\x01", _REMOTE if parent is not None and parent.is_remote else _LOCAL))
    return b"".join(parts)


def _event(event: Event) -> bytes:
    return b"".join((_time(b"\x09", event.timestamp), _text(b"\x12", event.name), *_pairs(b"\x1a", event.attributes)))


def _link(link: Link) -> bytes:
    context = link.context
    ids = _ids(b"\x0a\x10", context.trace_id.to_bytes(16, "big"), b"\x12\x08", context.span_id.to_bytes(8, "big"))
    flags = _link_flags(b"\x35", _REMOTE if context.is_remote else _LOCAL)
    return b"".join((ids, *_pairs(b"\x22", link.attributes), flags))


def _pairs(tag: bytes, attributes: Mapping[str, Any] | None) -> list[bytes]:
    return [_pair(tag, name, value) for name, value in attributes.items()] if attributes else []


@lru_cache(REMEMBERED, typed=True)
def _pair(tag: bytes, name: str, value: str | int | Sequence[str]) -> bytes:
    return _sized(tag, _text(b"\x0a", name) + _sized(b"\x12", _value(value)))


def _value(value: str | int | Sequence[str]) -> bytes:
    """AnyValue: string_value = 1, bool_value = 2, int_value = 3, array_value = 5."""
    if isinstance(value, str):
        return _text(b"\x0a", value)
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return b"\x18" + _varint(value & _UINT64)
    return _sized(b"\x2a", b"".join([_sized(b"\x0a", _value(each)) for each in value]))


def _text(tag: bytes, text: str) -> bytes:
    return _sized(tag, text.encode(errors="replace"))


def _sized(tag: bytes, body: bytes) -> bytes:
    return tag + _varint(len(body)) + body


def _varint(number: int) -> bytes:
    """Seven bits a byte, the least first; all but the last have the eighth set."""
    if number < 0x80:
        return _SMALL[number]
    parts = []
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*parts, number))
