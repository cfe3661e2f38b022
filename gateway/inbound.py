"""A call's headers, read once: what the gateway itself needs, and what goes on to the system.

Sources: RFC 9110 §7.6.1 (hop-by-hop), §7.6.3 (Via). Credentials of the client and headers that only the gateway may set
never go upstream; duplicates and aliases of protected names were refused or dropped at the edge.
"""

from __future__ import annotations

from gateway.trace import is_passed_on
from gateway.upstream.request import HOP_BY_HOP, end_to_end

Headers = list[tuple[bytes, bytes]]

VIA = b"1.1 waybill"
CREDENTIALS = frozenset({b"authorization", b"x-api-key"})

#: read here and not passed on as they are
TAKEN = (
    HOP_BY_HOP
    | CREDENTIALS
    | frozenset(
        {
            *(b"host", b"content-length", b"expect", b"accept-encoding", b"via", b"baggage"),
            *(b"traceparent", b"tracestate", b"idempotency-key", b"cookie"),
            *(b"waybill-debug", b"waybill-exchange", b"waybill-chain"),
        }
    )
)
#: judged as the call's own, so that no `Connection` may take them from the call behind the gateway's back
_JUDGED = CREDENTIALS | frozenset(
    {
        *(b"host", b"content-type", b"content-length", b"content-encoding", b"idempotency-key"),
        *(b"traceparent", b"tracestate", b"cookie"),
    }
)
#: of an answer: set by the gateway alone
_OURS_IN_ANSWERS = frozenset(
    {
        *(b"content-length", b"via", b"traceparent", b"tracestate"),
        *(b"waybill-exchange", b"waybill-chain", b"idempotency-replayed"),
        b"set-cookie",  # a session that the system gave to the gateway is none of the client's
    }
)


class Inbound:
    """What the headers of a call say. `passed` are those that go on to the system."""

    __slots__ = (
        "_hops",
        "asks_for_chain",
        "baggage",
        "content_length",
        "cookies",
        "credentials",
        "idempotency_keys",
        "is_chunked",
        "passed",
        "traceparents",
        "tracestates",
        "via",
    )

    def __init__(self, headers: Headers) -> None:
        self.passed: Headers = []
        self.credentials = 0
        self.content_length = 0
        self.is_chunked = False
        self.asks_for_chain = False
        self.idempotency_keys: list[bytes] = []
        self.traceparents: list[bytes] = []
        self.tracestates: list[bytes] = []
        self.via: list[bytes] = []
        self.baggage: list[bytes] = []
        self.cookies: Headers = []
        self._hops: set[bytes] = set()
        for header in headers:
            name = header[0]
            if name not in TAKEN:
                self.passed.append(header)
            else:
                self._take(name, header[1])
        if self._hops:
            self.passed = [header for header in self.passed if header[0] not in self._hops]

    def _take(self, name: bytes, value: bytes) -> None:
        if name in CREDENTIALS:
            self.credentials += 1
        elif name == b"cookie":
            self.cookies.append((name, value))
        elif name == b"connection":
            self._hops.update(token.strip() for token in value.lower().split(b","))
        elif name == b"content-length":
            self.content_length = int(value) if value.isdigit() else 0
        elif name == b"transfer-encoding":
            self.is_chunked = True
        elif name == b"idempotency-key":
            self.idempotency_keys.append(value)
            self.passed.append((name, value))
        elif name == b"traceparent":
            self.traceparents.append(value)
        elif name == b"tracestate":
            self.tracestates.append(value)
        elif name == b"via":
            self.via.append(value)
        elif name == b"baggage":
            self.baggage.append(value)
        elif name == b"waybill-debug":
            self.asks_for_chain = value.strip().lower() == b"chain"

    def takes_away(self, declared: tuple[bytes, ...]) -> bool:
        """Whether `Connection` names a header that is read here, or one of the `declared` ones (RFC 9110 §7.6.1)."""
        return any(name in _JUDGED or name in declared or name.startswith(b"waybill-") for name in self._hops)

    def upstream_headers(self, traceparent: bytes, tracestate: bytes, exchange_id: str) -> Headers:
        """Headers for the system, without host, length and credential."""
        headers = self.passed
        extra = [
            (b"accept-encoding", b"identity"),  # what comes back is checked, hashed and perhaps kept
            (b"via", b", ".join([*self.via, VIA])),
            (b"traceparent", traceparent),
            (b"waybill-exchange", exchange_id.encode()),
        ]
        if tracestate:
            extra.append((b"tracestate", tracestate))
        if self.baggage and is_passed_on(baggage := b",".join(self.baggage)):
            extra.append((b"baggage", baggage))
        return headers + extra


def answer_headers(headers: Headers) -> Headers:
    """A system's headers as they go on to the client, Via added; length, trace and exchange are set by the caller."""
    via = [value for name, value in headers if name == b"via"]
    passed = [header for header in end_to_end(headers) if header[0] not in _OURS_IN_ANSWERS]
    passed.append((b"via", b", ".join([*via, VIA])))
    return passed
