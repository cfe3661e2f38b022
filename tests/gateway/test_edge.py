"""The edge on real sockets: what passes unchanged, how long it waits, how it refuses, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.edge import EdgeSettings
from gateway.tls import Tls
from tests.gateway.certificate import Authority
from tests.gateway.wire import answer, running_edge

QUICK = EdgeSettings(
    headers_s=0.5, body_idle_s=0.5, body_total_s=1.5, keep_alive_s=1.0, write_s=0.5, linger_s=0.3, max_connections=40
)
GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def edge():
    with running_edge() as running:
        yield running


@pytest.fixture(scope="module")
def quick():
    with running_edge(settings=QUICK) as running:
        yield running


def post(body: bytes, more: bytes = b"") -> bytes:
    return b"POST /a HTTP/1.1\r\nHost: a\r\n%bContent-Length: %d\r\n\r\n%b" % (more, len(body), body)


# What passes


def test_scope_has_the_exact_target(edge):
    """Path and query reach the application byte for byte, escapes and all."""
    target = b"/a/b%20c/%C3%A9?x=%2F&y=a;b//c"
    assert edge.exchange(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n").json()["target"] == target.decode()
    scope = edge.seen[-1]
    assert (
        scope["raw_path"],
        scope["query_string"],
        scope["path"],
    ) == (b"/a/b%20c/%C3%A9", b"x=%2F&y=a;b//c", "/a/b c/é")


def test_absolute_target_becomes_its_path(edge):
    """An absolute target whose authority is the Host is served as its path."""
    answered = edge.exchange(b"GET http://A.example:80/x?y HTTP/1.1\r\nHost: a.example:80\r\n\r\n")
    assert (answered.status, answered.json()["target"]) == (200, "/x?y")


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_pieces_make_no_difference(edge, step):
    """A request cut anywhere, with length or chunked, is the same request."""
    chunked = b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n3\r\nefg\r\n0\r\n\r\n"
    for whole, body in ((post(b"abcdefg"), "abcdefg"), (chunked, "abcdefg"), (b"\r\n" + GET, "")):
        with edge.client() as client:
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.send(*(whole[index : index + step] for index in range(0, len(whole), step)))
            assert (200, body) == ((got := client.answer()).status, got.json()["body"])


def test_pipelined_requests_are_served_in_order(edge):
    """Requests sent without waiting are answered one after the other, whatever piece they came in."""
    with edge.client() as client:
        client.send(b"".join(post(b"%d" % number) for number in range(20)) + GET)
        assert [str(number) for number in range(20)] == [client.answer().json()["body"] for _ in range(20)]
        assert client.answer().status == 200


def test_chunked_body_in_one_piece_with_the_next_request_ends_the_connection(edge):
    """What follows a chunked body in the same piece is not read; the answer says `Connection: close`."""
    chunked = b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
    before = len(edge.seen)
    with edge.client() as client:
        client.send(chunked + GET)
        answered = client.answer()
        assert (answered.json()["body"], answered.headers["connection"]) == ("a", "close")
        assert client.rest() == b""
    assert len(edge.seen) == before + 1


def test_expect_100_continue(edge):
    """The client is told to go on once the application wants the body."""
    with edge.client() as client:
        client.send(b"POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert client.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"ok")
        assert client.answer().json()["body"] == "ok"


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_upgrade_is_ignored(edge, method):
    """An offer to upgrade is not taken, and the body behind it stays a body."""
    with edge.client() as client:
        client.send(
            method + b" /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            b"HTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 30\r\n\r\n"
            + b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n".ljust(30)
        )
        answered = client.answer()
        assert (200, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n".ljust(30)) == (answered.status, answered.json()["body"])
        assert "upgrade" not in [name for name, _ in answered.json()["headers"]]
        client.send(GET)
        assert client.answer().status == 200


def test_http_10(edge):
    """HTTP/1.0 needs no Host, gets no chunks and is closed after the answer."""
    with edge.client() as client:
        client.send(b"GET /a HTTP/1.0\r\n\r\n")
        assert ((got := client.answer()).status, got.headers["connection"]) == (200, "close")
        assert client.rest() == b""


# Refusals


def test_refusal_is_a_problem_document(edge):
    """Parser errors and refused heads alike answer RFC 9457 problems and end the connection."""
    for attack, code in (
        (b"GET /a%2fb HTTP/1.1\r\nHost: a\r\n\r\n", "target-ambiguous"),
        (b"?\r\n\r\n", "malformed-request"),
    ):
        with edge.client() as client:
            client.send(attack)
            answered = client.answer()
            assert (
                answered.status,
                answered.headers["content-type"],
                answered.headers["connection"],
            ) == (400, "application/problem+json", "close")
            document = answered.json()
            assert (code, f"urn:waybill:problem:{code}", "request", "no") == (
                document["code"],
                document["type"],
                document["fault"],
                document["executed"],
            )
            assert client.rest() == b""
        assert edge.refusals[-1] == code


def test_refused_heads_reach_the_refused_application():
    """A refused request with a readable head is handed to the application that journals it, body unread."""
    journal = []

    async def refused(scope, receive, send):
        journal.append((scope["method"], scope["path"], scope["waybill.refusal"][:2], (await receive())["body"]))
        await answer(send, scope["waybill.refusal"][0], b"journalled")

    with running_edge(refused=refused) as edge:
        with edge.client() as client:
            client.send(b"POST /x HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 5\r\n\r\nhello" + GET)
            assert ((got := client.answer()).status, got.body) == (400, b"journalled")
            assert client.rest() == b""
        assert journal == [("POST", "/x", (400, "header-duplicate"), b"")]
        assert (edge.refusals, edge.seen) == (["header-duplicate"], [])


def test_broken_body_ends_the_running_application(edge):
    """A malformed chunk reaches the running application as a disconnect with its reason, and the client as a 400."""
    head = b"POST /cut HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    for end in (b"zz\r\n", b"0\r\nX-Auth-User: root\r\n\r\n", b"3\r\nabcd\r\n"):
        with edge.client() as client:
            client.send(head)
            time.sleep(0.05)
            client.send(end)
            assert ((got := client.answer()).status, got.json()["code"]) == (400, "malformed-request")
            assert client.rest() == b""
        assert (edge.seen[-1]["is_cut"], edge.seen[-1]["waybill.refusal"].code) == (True, "malformed-request")


def test_allowed_hosts():
    """With an allow-list any other host is misdirected, and a request without one is refused."""
    with running_edge(settings=EdgeSettings(allowed_hosts=frozenset({"gw.example", "b:81"}))) as edge:
        for host, status in ((b"GW.example", 200), (b"gw.example:9", 200), (b"b:81", 200), (b"b", 421), (b"b:82", 421)):
            assert edge.exchange(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n").status == status
        assert edge.exchange(b"GET / HTTP/1.0\r\n\r\n").status == 400


def test_identity_headers_from_a_trusted_proxy():
    """A trusted proxy may say who calls; an alias of such a header is dropped even there."""
    request = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nX-Auth-User: u\r\nX_Auth_User: v\r\n\r\n"
    with running_edge(settings=EdgeSettings(trusted_proxies=("127.0.0.0/8",))) as edge:
        assert edge.exchange(request).json()["headers"] == [
            ["host", "a"],
            ["x-forwarded-for", "1.2.3.4"],
            ["x-auth-user", "u"],
        ]


def test_too_many_connections():
    """A connection beyond the limit is answered 503 and closed; one that ends makes room."""
    with running_edge(settings=EdgeSettings(max_connections=1)) as edge:
        with edge.client() as first:
            first.send(GET)
            assert first.answer().status == 200
            assert edge.exchange().status == 503
        time.sleep(0.1)
        assert edge.exchange(GET).status == 200


def open_sockets():
    """Sockets of this process, which is server and client."""
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            count += str(descriptor.readlink()).startswith("socket:")
    return count


@pytest.mark.parametrize("is_tls", [False, True])
def test_connections_beyond_the_limit_hold_no_descriptor(tmp_path, is_tls):
    """Turned away connections are closed here within a second, also where the client neither reads nor closes."""
    authority = Authority(tmp_path)
    tls = Tls(*authority.issue("localhost")) if is_tls else None
    context = ssl.create_default_context(cafile=authority.file)
    settings = EdgeSettings(max_connections=1, keep_alive_s=60)
    with running_edge(settings=settings, tls=tls) as edge, contextlib.ExitStack() as stack:

        def connect():
            plain = stack.enter_context(socket.create_connection(("127.0.0.1", edge.port), timeout=5))
            if not is_tls:
                return plain
            return stack.enter_context(context.wrap_socket(plain, server_hostname="localhost"))

        kept = connect()
        kept.sendall(GET)
        assert kept.recv(12) == b"HTTP/1.1 200"
        before = open_sockets()
        extra = [connect() for _ in range(30)]
        deadline_s = time.monotonic() + 1 + 4  # a second, and four for a machine that is busy otherwise
        while open_sockets() > before + len(extra) and time.monotonic() < deadline_s:
            time.sleep(0.05)
        assert open_sockets() == before + len(extra)
        assert all(client.recv(12) == b"HTTP/1.1 503" for client in extra)
        assert edge.refusals == ["too-many-connections"] * len(extra)


# Time


def test_slow_head_is_ended(quick):
    """A head that drips in is refused after its deadline, however busy the drip."""
    with quick.client() as client:
        started = time.monotonic()
        with pytest.raises((BrokenPipeError, ConnectionResetError, StopIteration)):
            client.send(b"GET / HTTP/1.1\r\nX: ")
            client.socket.settimeout(0.02)
            while time.monotonic() < started + 5:
                client.send(b"a")
                try:
                    data = client.socket.recv(1000)
                except TimeoutError:
                    continue
                assert b" 408 " in data and b'"request-timeout"' in data
                raise StopIteration
        assert time.monotonic() - started < 3


def test_idle_connections_are_closed(quick):
    """A connection on which nothing was ever sent is closed; so is one after its last answer."""
    with quick.client() as silent, quick.client() as served:
        served.send(GET)
        assert served.answer().status == 200
        assert (silent.rest(), served.rest()) == (b"", b"")


@pytest.mark.parametrize("pause_s", [0.1, 2.0])
def test_slow_body_is_ended(quick, pause_s):
    """A body that stalls, or drips for longer than its total deadline, is refused with 408."""
    with quick.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        started = time.monotonic()
        client.socket.settimeout(pause_s)
        while True:
            client.send(b"a")
            try:
                assert b" 408 " in client.socket.recv(1000)
                break
            except TimeoutError:
                assert time.monotonic() - started < 5
    assert quick.seen[-1]["waybill.refusal"].code == "request-timeout"


def test_client_that_never_reads_is_cut_off():
    """An answer nobody reads does not keep its connection, or its application, for ever."""
    ended = []

    async def flood(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(2000):
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        ended.append(True)

    with running_edge(flood, QUICK) as edge, edge.client() as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(GET)
        deadline = time.monotonic() + 5
        while not ended and time.monotonic() < deadline:
            time.sleep(0.05)
        assert ended == [True]


def test_an_application_may_take_its_time(quick):
    """The edge's deadlines concern the client: a slow application is waited for, its unread body too."""

    async def slow(scope, receive, send):
        await asyncio.sleep(2.5)
        size = 0
        while (message := await receive())["more_body"]:
            size += len(message["body"])
        await answer(send, 200, b"%d" % (size + len(message["body"])))

    with running_edge(slow, QUICK) as edge, edge.client() as client:
        client.send(post(b"x" * 3_000_000))
        assert ((got := client.answer()).status, got.body) == (200, b"3000000")


# The answer


def test_answer_before_the_body_keeps_the_connection():
    """An application may answer without reading the body: the rest is dropped and the next request is served."""

    async def hasty(scope, receive, send):
        await answer(send, 403, b"no")

    with running_edge(hasty) as edge, edge.client() as client:
        for _ in range(3):
            client.send(post(b"x" * 500_000))
            assert ((got := client.answer()).status, got.body) == (403, b"no")


def test_answer_before_100_continue_ends_the_connection():
    """When the client was never told to send its body, the next bytes would have two meanings: so it is closed."""

    async def hasty(scope, receive, send):
        await answer(send, 403, b"no")

    with running_edge(hasty) as edge, edge.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 28\r\n\r\n")
        assert ((got := client.answer()).status, got.headers["connection"]) == (403, "close")
        client.send(GET)
        assert client.rest() == b""


def test_streamed_and_bodyless_answers():
    """Chunks without a length, nothing for HEAD, 204 and 304, no chunks for HTTP/1.0; Date once, no Server."""

    async def app(scope, receive, send):
        status = int(scope["path"][1:])
        headers = [(b"date", b"Thu, 01 Jan 2026 00:00:00 GMT")] if status == 201 else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if status not in (204, 304):
            await send({"type": "http.response.body", "body": b"abc", "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    with running_edge(app) as edge, edge.client() as client:
        for method, status, body in (
            ("GET", 200, b"abc"),
            ("HEAD", 200, b""),
            ("GET", 204, b""),
            ("GET", 304, b""),
            ("GET", 201, b"abc"),
        ):
            client.send(f"{method} /{status} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            got = client.answer(method)
            assert (status, body) == (got.status, got.body)
            assert "server" not in got.headers
            assert ("2026" in got.headers["date"], "," in got.headers["date"][5:]) == (True, False)
        client.send(b"GET /200 HTTP/1.0\r\n\r\n")
        assert client.rest().endswith(b"connection: close\r\n\r\nabc")


@pytest.mark.parametrize("flaw", [b"a\r\nX-Injected: b", b"a\nb", b"a\0b"])
def test_injected_answer_header_becomes_a_500(flaw):
    """A line break in an answer's header never reaches the wire."""

    async def app(scope, receive, send):
        await answer(send, 200, b"ok", [(b"x-test", flaw)])

    with running_edge(app) as edge, edge.client() as client:
        client.send(GET)
        got = client.answer()
        assert (got.status, json.loads(got.body)["code"], got.headers.get("x-injected")) == (500, "internal", None)


def test_crashing_application_becomes_a_problem():
    """An exception answers a problem document without a word of its text."""

    async def app(scope, receive, send):
        raise ValueError("secret 4711")

    with running_edge(app) as edge:
        got = edge.exchange(GET)
        assert (got.status, got.json()["code"]) == (500, "internal")
        assert b"4711" not in got.body


# Anything at all


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=1, max_size=400))
def test_random_bytes_neither_crash_nor_hang(quick, data):
    """Any bytes get an answer or a closed connection within the deadlines, and the edge goes on serving."""
    with quick.client() as client:
        client.send(data + b"\r\n\r\n")
        client.rest()
    assert quick.exchange(GET).status == 200


# fmt: off
FRAGMENT = st.sampled_from([
    b"GET ", b"POST ", b"/", b"/a", b"*", b" HTTP/1.1", b" HTTP/1.0", b"\r\n", b"\n", b"\r", b"Host: a", b": ",
    b" ", b"Content-Length: 3", b"Content-Length: -1", b"Transfer-Encoding: chunked", b"Upgrade: x",
    b"Connection: upgrade", b"Connection: close", b"Expect: 100-continue", b"\r\n\r\n", b"3\r\nabc\r\n",
    b"0\r\n\r\n", b"\x00", b"\xff", b"%2e",
])
# fmt: on


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fragments=st.lists(FRAGMENT, min_size=1, max_size=25), step=st.integers(1, 50))
def test_random_requests_neither_crash_nor_hang(quick, fragments, step):
    """Nearly well-formed requests in odd pieces: every answer is well-formed, none is a 500, the connection ends."""
    whole = b"".join(fragments)
    with quick.client() as client:
        try:
            client.send(*(whole[index : index + step] for index in range(0, len(whole), step)))
            client.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused meanwhile
        received = client.rest()
    assert not received or received.startswith(b"HTTP/1.1 ")
    assert b"HTTP/1.1 500" not in received
    assert quick.exchange(GET).status == 200
