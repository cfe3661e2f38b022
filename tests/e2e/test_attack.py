"""Attacks that broke other gateways, byte for byte on raw sockets against the real server and edge.

The application behind it echoes what it was given, so each test can say what would have been believed.
"""

from __future__ import annotations

import concurrent.futures
import socket
import time

import pytest

from gateway.edge import EdgeSettings
from tests.gateway.wire import running_edge

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def edge():
    settings = EdgeSettings(headers_s=1.0, body_idle_s=1.0, body_total_s=3.0, keep_alive_s=3.0, linger_s=0.3)
    with running_edge(settings=settings) as running:
        yield running


def attack(edge, *pieces: bytes) -> bytes:
    """Everything the edge sends back until it closes."""
    with edge.client() as client:
        for piece in pieces:
            try:
                client.send(piece)
            except OSError:
                break  # refused meanwhile
            time.sleep(0.01)
        return client.rest()


def targets(edge, since: int) -> list[bytes]:
    return [scope["waybill.target"] for scope in edge.seen[since:] if not scope["is_cut"]]


FRAMING = {
    "CL.TE": POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG" + SMUGGLED,
    "TE.CL": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + SMUGGLED + b"\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 34\r\n\r\n" + SMUGGLED,
    "same length twice": POST + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
    "list of lengths": POST + b"Content-Length: 0, 0\r\n\r\n" + SMUGGLED,
    "signed length": POST + b"Content-Length: +0\r\n\r\n" + SMUGGLED,
    "negative length": POST + b"Content-Length: -1\r\n\r\n" + SMUGGLED,
    "hexadecimal length": POST + b"Content-Length: 0x0\r\n\r\n" + SMUGGLED,
    "underscored length": POST + b"Content-Length: 1_0\r\n\r\n" + SMUGGLED,
    "endless length": POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n" + SMUGGLED,
    "empty length": POST + b"Content-Length:\r\n\r\n" + SMUGGLED,
    "length behind a space": POST + b"Content-Length : 34\r\n\r\n" + SMUGGLED,
    "xchunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunked, identity": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "gzip, chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\n" + SMUGGLED,
    "vertical tab before chunked": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunked in HTTP/1.0": b"POST /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "folded header": POST + b"X: a\r\n Content-Length: 34\r\n\r\n" + SMUGGLED,
    "folded transfer encoding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "space before the first header": b"POST /a HTTP/1.1\r\n Host: a\r\n\r\n" + SMUGGLED,
    "bare LF lines": b"POST /a HTTP/1.1\nHost: a\n\n" + SMUGGLED,
    "one bare LF": POST + b"X: a\nContent-Length: 34\r\n\r\n" + SMUGGLED,
    "bare CR": POST + b"X: a\rContent-Length: 34\r\n\r\n" + SMUGGLED,
    "NUL in a value": POST + b"X: a\0b\r\n\r\n" + SMUGGLED,
    "control in a name": POST + b"X\x01: a\r\n\r\n" + SMUGGLED,
    "colon-less header": POST + b"Content-Length\r\n\r\n" + SMUGGLED,
    "chunk terminator without CR": CHUNKED + b"3\r\nabc\n0\r\n\r\n" + SMUGGLED,
    "chunk terminator replaced": CHUNKED + b"3\r\nabcXX0\r\n\r\n" + SMUGGLED,
    "chunk size ends in LF": CHUNKED + b"3\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "chunk extension ends in LF": CHUNKED + b"3;x\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "signed chunk size": CHUNKED + b"+3\r\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "prefixed chunk size": CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "overflowing chunk size": CHUNKED + b"1" + b"0" * 16 + b"\r\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "spaced chunk size": CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "trailer": CHUNKED + b"3\r\nabc\r\n0\r\nX-Auth-User: root\r\n\r\n" + SMUGGLED,
    "no version": b"GET /a\r\n\r\n" + SMUGGLED,
    "two spaces": b"GET  /a HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED,
    "tab": b"GET\t/a HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED,
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SMUGGLED,
    "another version": b"GET /a HTTP/1.2\r\nHost: a\r\n\r\n" + SMUGGLED,
    "another protocol": b"DESCRIBE /a RTSP/1.0\r\nHost: a\r\n\r\n" + SMUGGLED,
    "CONNECT": b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED,
    "TRACE": b"TRACE /a HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED,
    "another expectation": POST + b"Expect: 200-ok\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
    "TLS to a plain port": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 300,
}


@pytest.mark.parametrize("name", FRAMING)
def test_framing(edge, name):
    """One refusal, whole or drop by drop; nothing the attacker framed in is ever a request."""
    whole = FRAMING[name]
    middle = whole.find(b"\r\n\r\n") + 4
    for pieces in ([whole], [whole[:middle], whole[middle:]], [whole[:25], whole[25:]]):
        before, refused_before = len(edge.seen), len(edge.refusals)
        received = attack(edge, *pieces)
        status = int(received.split(b" ")[1])
        assert status in (400, 414, 417, 431, 501, 505)
        assert received.count(b"\r\nconnection: close\r\n") == 1
        assert b"application/problem+json" in received
        assert targets(edge, before) == []
        assert len(edge.refusals) == refused_before + 1


AMBIGUOUS = [
    "/a/../admin",
    "/a/..;/admin",
    "/./admin",
    "/a/.",
    "/..",
    "/%2e%2e/admin",
    "/a/%2E%2e/admin",
    "/a/.%2e/admin",
    "//admin",
    "/a//admin",
    "/admin;x=y",
    "/a%3b/admin",
    "/a\\admin",
    "/a%5cadmin",
    "/a%2fadmin",
    "/a%2Fadmin",
    "/%61dmin",
    "/a%252fadmin",
    "/a%25%32%66admin",
    "/a%00",
    "/a%0d%0ax:y",
    "/a%0a",
    "/a%c0%af",
    "/a%",
    "/a%zz",
    "/a%u002f",
    "/a#b",
    "/a?x#y",
    "/a?x=%",
    "/a?x=%00",
    "admin",
    "?a",
    "*",
    "http://evil/a",
    "http://a@evil/",
    "http://a:80/a",
    "ftp://a/a",
    "javascript:x",
    "a:443",
    "/café",
    "/a\x7f",
    "/a\x01",
]


@pytest.mark.parametrize("target", AMBIGUOUS)
def test_path(edge, target):
    """A target that policy and system could read differently is refused, for every method alike."""
    before = len(edge.seen)
    for method in (b"GET", b"POST", b"DELETE"):
        received = attack(edge, method + b" " + target.encode("latin-1") + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        assert received.startswith(b"HTTP/1.1 400 ")
    assert targets(edge, before) == []


@pytest.mark.parametrize(
    "headers",
    [
        b"",
        b"Host: a\r\nHost: a\r\n",
        b"Host: a\r\nHost: b\r\n",
        b"Host: a\r\nhOST: b\r\n",
        b"Host:\r\n",
        b"Host: a/../b\r\n",
        b"Host: a/?x=\r\n",
        b"Host: user@a\r\n",
        b"Host: a b\r\n",
        b"Host: a, b\r\n",
        b"Host: a#b\r\n",
        b"Host: a:99999999\r\n",
    ],
)
def test_host(edge, headers):
    """Exactly one well-formed Host: it cannot be missing, doubled or poison a URL."""
    before = len(edge.seen)
    assert attack(edge, b"GET /a HTTP/1.1\r\n" + headers + b"\r\n").startswith(b"HTTP/1.1 400 ")
    assert targets(edge, before) == []


@pytest.mark.parametrize(
    "name",
    ["Content-Type", "Authorization", "Idempotency-Key", "X-API-Key", "Waybill-Legal-Entity", "Content-Encoding"],
)
def test_singular_headers(edge, name):
    """A header two readers could pick differently from is refused when it comes twice."""
    before = len(edge.seen)
    request = POST + f"{name}: a\r\n{name.upper()}: b\r\nContent-Length: 0\r\n\r\n".encode()
    received = attack(edge, request)
    assert (received.startswith(b"HTTP/1.1 400 "), b"header-duplicate" in received) == (True, True)
    assert targets(edge, before) == []


def test_identity_headers(edge):
    """What says who is calling never reaches the application from outside, under any alias."""
    forged = [
        "X-Auth-User",
        "X_Auth_User",
        "X.Auth.User",
        "x-auth_user",
        "X-AUTH-ROLES",
        "X-User",
        "X-User-Id",
        "X_User",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X_Forwarded_For",
        "Forwarded",
        "X-Real-Ip",
        "Remote-User",
        "X-Remote-User",
        "X-Consumer-Username",
        "X-Client-Cert",
        "X-Original-Url",
        "X-Rewrite-Url",
        "X-HTTP-Method-Override",
        "Proxy",
        "Waybill-Exchange",
        "Waybill_Legal_Entity",
        "X_API_Key",
        "X.Api.Key",
        "Idempotency_Key",
    ]
    headers = "".join(f"{name}: forged\r\n" for name in forged)
    passed = "Accept: */*\r\nX-Vendor-Ref: 1\r\nVendor_Ref: 2\r\nWaybill-Legal-Entity: north\r\nwaybill-debug: 1\r\n"
    got = edge.exchange(f"GET /a HTTP/1.1\r\nHost: a\r\n{headers}{passed}\r\n".encode()).json()["headers"]
    assert [name for name, _ in got] == [
        "host", "accept", "x-vendor-ref", "vendor_ref", "waybill-legal-entity", "waybill-debug",
    ]  # fmt: skip


@pytest.mark.parametrize("offer", [b"websocket", b"h2c", b"TLS/1.0", b"anything"])
def test_upgrade(edge, offer):
    """An upgrade is never honoured, and a request hidden in the body behind the offer stays a body."""
    before = len(edge.seen)
    head = (
        POST + b"Connection: Upgrade\r\nUpgrade: " + offer + b"\r\nSec-WebSocket-Key: x\r\nContent-Length: %d\r\n\r\n"
    )
    with edge.client() as client:
        client.send(head % len(SMUGGLED))
        time.sleep(0.02)
        client.send(SMUGGLED)
        got = client.answer()
        assert (got.status, got.json()["body"]) == (200, SMUGGLED.decode())
    assert targets(edge, before) == [b"/a"]


def test_oversize(edge):
    """Request line, header size and header count are bounded."""
    for request, status in (
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 200 + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40_000, b"431"),
        (b"A" * 40_000, b"414"),
    ):
        assert attack(edge, request).split(b" ")[1] == status


def test_many_slow_connections_leave_room(edge):
    """Two hundred half-sent requests of each kind: others are served meanwhile, and all of them end."""
    starts = [
        b"GET / HTTP/1.1\r\nX: ",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na",
        CHUNKED + b"5\r\nab",
        b"",
    ]
    sockets = []
    try:
        for number in range(200):
            slow = socket.create_connection(("127.0.0.1", edge.port), timeout=10)
            sockets.append(slow)
            slow.sendall(starts[number % len(starts)])
        served = time.monotonic()
        for _ in range(20):
            assert edge.exchange(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
        assert time.monotonic() - served < 2
        for slow in sockets:
            while slow.recv(65536):
                pass
    finally:
        for slow in sockets:
            slow.close()


def test_hostile_heads_cost_little(edge):
    """Heads made to be slow to read (byte by byte, thousands of names, huge paths) do not stall other clients."""
    hostile = [
        b"GET /" + b"a%20" * 2000 + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /" + b"./" * 4000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n"
        + b"".join(b"X-%d: a\r\n" % number for number in range(98))
        + b"Connection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: " + b"close," * 5000 + b"\r\n\r\n",
    ]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(attack, edge, request) for request in hostile * 10]
        started = time.monotonic()
        assert edge.exchange(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
        assert time.monotonic() - started < 2
        for future in futures:
            assert future.result(timeout=30).startswith(b"HTTP/1.1 ")
