"""Spans of records, by the semantic conventions."""

import msgspec
import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import SpanKind
from opentelemetry.trace.status import StatusCode

from catalog import conventions as names
from catalog.record import Amount, DecisionRecord, ObjectRef
from gateway.telemetry.span import Address, SpanBuilder
from tests.gateway.telemetry.sample import EXCHANGE, STARTED_US

BUILDER = SpanBuilder(
    Resource({names.SERVICE_VERSION: "1"}), "https", lambda system: Address("erp.example", 8443) if system else None
)
CALLED = {"upstream_span_id": "c" * 16, "upstream_us": 3_000, "upstream_after_us": 1_000, "system": "erp"}


def spans(**more):
    return BUILDER.spans(msgspec.structs.replace(EXCHANGE, **more))


def test_a_call_is_two_spans():
    """The server span lasts as long as the exchange, the client span within it as long as the system took."""
    server, client = spans(parent_span_id="d" * 16, upstream_status=200, **CALLED)
    assert (server.name, client.name) == ("GET /buying/v1/orders/{id}",) * 2
    assert (server.kind, client.kind) == (SpanKind.SERVER, SpanKind.CLIENT)
    assert (server.parent.span_id, server.parent.is_remote) == (0xDDDDDDDDDDDDDDDD, True)
    assert client.parent == server.context
    assert client.context.span_id == 0xCCCCCCCCCCCCCCCC
    start_ns = STARTED_US * 1000
    assert (server.start_time, server.end_time) == (start_ns, start_ns + 5_000_000)
    assert (client.start_time, client.end_time) == (start_ns + 1_000_000, start_ns + 4_000_000)
    assert (client.attributes[names.SERVER_ADDRESS], client.attributes[names.SERVER_PORT]) == ("erp.example", 8443)
    assert server.instrumentation_scope.schema_url == "https://opentelemetry.io/schemas/1.44.0"


def test_a_call_that_did_not_reach_the_system_is_one():
    """Refusals before the call to the system have a server span only."""
    (server,) = spans(status=422, code="schema-violation", fault="request", refused_by="request-schema")
    assert server.attributes[names.CODE] == "schema-violation"
    assert server.attributes[names.REFUSED_BY] == "request-schema"


@pytest.mark.parametrize(
    ("status", "code", "has_failed", "error"),
    [
        (200, "", False, None),
        (422, "schema-violation", False, None),
        (499, "", False, None),
        (500, "", True, "500"),
        (502, "response-schema", True, "response-schema"),
        (504, "in-doubt", True, "in-doubt"),
    ],
)
def test_status_of_the_server_span(status, code, has_failed, error):
    """A 4xx is no error of the server's; a 5xx is, and error.type tells which."""
    server = spans(status=status, code=code)[0]
    assert (server.status.status_code is StatusCode.ERROR) is has_failed
    assert server.attributes.get(names.ERROR_TYPE) == error


@pytest.mark.parametrize(
    ("upstream_status", "code", "has_failed", "error"),
    [(201, "", False, None), (404, "", True, "404"), (503, "", True, "503"), (0, "in-doubt", True, "in-doubt")],
)
def test_status_of_the_client_span(upstream_status, code, has_failed, error):
    """For whoever calls, a 4xx is an error too, and so is no answer."""
    client = spans(upstream_status=upstream_status, code=code, **CALLED)[1]
    assert (client.status.status_code is StatusCode.ERROR) is has_failed
    assert client.attributes.get(names.ERROR_TYPE) == error


def test_a_second_attempt_is_told():
    """The record holds one time for both."""
    assert spans(attempt=2, **CALLED)[1].attributes[names.HTTP_REQUEST_RESEND_COUNT] == 1


def test_a_method_of_nobodys():
    """It is counted as _OTHER, told as it was, and is in no span's name."""
    (server,) = spans(method="BREW", route="")
    assert (server.name, server.attributes[names.HTTP_REQUEST_METHOD]) == ("HTTP", "_OTHER")
    assert server.attributes[names.HTTP_REQUEST_METHOD_ORIGINAL] == "BREW"


def test_decisions_are_events():
    """Policy, kind, mode, reason and pointers; values are in no record."""
    decisions = (
        DecisionRecord("request-schema", "reject", "enforce", "schema-violation", ("/total",)),
        DecisionRecord("life-cycle", "flag", "shadow"),
    )
    (server,) = spans(decisions=decisions)
    assert [(event.name, dict(event.attributes)) for event in server.events] == [
        (
            names.DECISION,
            {
                names.POLICY: "request-schema",
                names.DECISION_KIND: "reject",
                names.DECISION_MODE: "enforce",
                names.DECISION_CODE: "schema-violation",
                names.DECISION_POINTERS: ("/total",),
            },
        ),
        (names.DECISION, {names.POLICY: "life-cycle", names.DECISION_KIND: "flag", names.DECISION_MODE: "shadow"}),
    ]
    assert {event.timestamp for event in server.events} == {server.end_time}


def test_what_is_not_exported():
    """Principal, money, states and hashes stay in the record."""
    secret = {
        "principal": "jane@example.org",
        "amount": Amount("120.55", "USD"),
        "status_axes": {"order": "frozen"},
        "key_sha256": "1" * 64,
        "request_sha256": "2" * 64,
        "response_sha256": "3" * 64,
        "occurred_at": "2026-03-01",
    }
    told = repr(
        [dict(span.attributes) for span in spans(object=ObjectRef("order", "north", "PO-1"), **secret, **CALLED)]
    )
    assert "PO-1" in told
    for value in ("jane", "120.55", "frozen", "111", "222", "333", "2026-03-01"):
        assert value not in told
