"""Our encoding of spans beside the SDK's: a decoder must find the same in both."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind
from opentelemetry.trace.status import Status, StatusCode

from catalog import conventions as names
from catalog.record import DecisionRecord, ObjectLink, ObjectRef
from gateway.telemetry.encode import OtlpSpanSender, encode
from gateway.telemetry.link import Linker, Place
from gateway.telemetry.span import Address, SpanBuilder
from tests.gateway.telemetry.sample import EXCHANGE

RESOURCE = Resource({names.SERVICE_NAME: "waybill-gateway", names.SERVICE_VERSION: "1"}, names.SCHEMA_URL)
BUILDER = SpanBuilder(RESOURCE, "http", lambda system: Address("erp.example", 8443))
SENDER = OtlpSpanSender(RESOURCE, BUILDER.scope, "http://127.0.0.1:9/v1/traces", {})
ORDER, REQUISITION = ObjectRef("order", "north", "PO-1"), ObjectRef("requisition", "north", "R-1")

text = st.text(st.characters(exclude_categories=["Cs"]))
attributes = st.dictionaries(
    text.filter(bool), text | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.lists(text).map(tuple), max_size=4
)
contexts = st.builds(
    SpanContext, st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.booleans()
)  # all that is valid
moments = st.integers(0, 2**64 - 1)
spans = st.builds(
    ReadableSpan,
    text,
    contexts,
    st.none() | contexts,
    st.just(RESOURCE),
    attributes,
    st.lists(st.builds(Event, text, attributes, moments), max_size=2),
    st.lists(st.builds(Link, contexts, attributes), max_size=2),
    st.sampled_from([SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CLIENT]),
    status=st.sampled_from([Status(StatusCode.UNSET), Status(StatusCode.ERROR)]),
    start_time=moments,
    end_time=moments,
    instrumentation_scope=st.just(BUILDER.scope),
)


def decoded(found):
    return ExportTraceServiceRequest.FromString(SENDER.request([encode(span) for span in found]))


@given(st.lists(spans, min_size=1, max_size=3))
def test_any_span(found):
    """Whatever text, numbers, events and links it has, alone or among others."""
    assert decoded(found) == encode_spans(found)


@pytest.mark.parametrize("size", [0, 1, 0x7F, 0x80, 0x3FFF, 0x4000, 100_000])
def test_lengths(size):
    """On both sides of where a length takes another byte."""
    found = [ReadableSpan("n" * size, SpanContext(1, 2, False), resource=RESOURCE, kind=SpanKind.SERVER,
             attributes={"a": "é" * size}, instrumentation_scope=BUILDER.scope)]  # fmt: skip
    assert decoded(found) == encode_spans(found)


def test_a_whole_exchange():
    """A call with links and decisions, and one that is refused; bytes come out no more than the SDK's."""
    linker = Linker(lambda objects: {it: Place("9" * 32, f"{at + 1:016x}") for at, it in enumerate(objects)})
    called = msgspec.structs.replace(
        EXCHANGE,
        object=ORDER,
        links=(ObjectLink(REQUISITION, "fulfils", "flow"),),
        decisions=(DecisionRecord("request-schema", "reject", "shadow", "schema-violation", ("/a", "/b")),),
        parent_span_id="d" * 16,
        upstream_span_id="c" * 16,
        upstream_us=3_000,
        executed="yes",
    )
    refused = msgspec.structs.replace(EXCHANGE, status=503, code="not-ready")
    linker.prepare([called, refused])
    found = [span for record in (called, refused) for span in BUILDER.spans(record, linker.links(record))]
    assert [len(span.links) for span in found] == [2, 0, 0]
    assert decoded(found) == encode_spans(found)
    assert len(SENDER.request([encode(span) for span in found])) == encode_spans(found).ByteSize()


def test_text_that_is_no_text():
    """Half a surrogate pair costs its character, not the batch."""
    scope = InstrumentationScope("s")
    found = ReadableSpan("a\ud800b", SpanContext(1, 2, False), kind=SpanKind.SERVER, instrumentation_scope=scope)
    (resource,) = decoded([found]).resource_spans
    assert resource.scope_spans[0].spans[0].name == "a?b"
