"""The client to the systems, against a system that answers any bytes, stalls anywhere and closes at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import time

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.network import System, Timeouts
from gateway.upstream import Upstream, UpstreamBroken, UpstreamUnreachable, end_to_end
from tests.gateway.certificate import Authority
from tests.gateway.origin import OK, QUICK, origin

HEAD = b"HTTP/1.1 200 OK\r\n"


@contextlib.asynccontextmanager
async def client(**limits):
    upstream = Upstream(**limits)
    try:
        yield upstream
    finally:
        await upstream.close()


def ask(answer: bytes, method: bytes = b"GET", is_end: bool = False, **limits):
    """Send one request to a system that answers these bytes (and then closes); the answer, or the error."""

    async def script(asked, reader, writer):
        writer.write(answer)
        if is_end:
            writer.close()

    async def scenario():
        async with origin(script) as erp, client(**limits) as upstream:
            return await upstream.send(erp.system(), method, b"/x", [], b"")

    return uvloop.run(scenario())


# Requests


def test_request_as_it_arrives():
    """Method, joined target, our Host and length, the caller's end-to-end headers in order, the body."""

    async def scenario():
        async with origin(OK) as erp, client() as upstream:
            headers = [
                (b"accept", b"application/json"),
                (b"host", b"evil"),
                (b"content-length", b"999"),
                (b"transfer-encoding", b"chunked"),
                (b"connection", b"close"),
                (b"expect", b"100-continue"),
                (b"x-a", b"1"),
                (b"x-a", b"2"),
            ]
            system = erp.system(prefix="/api/v2/")
            got = await upstream.send(system, b"POST", b"/orders/%41?a=%2f", headers, b"body")
            await upstream.send(system, b"GET", b"/a", [], b"")
            await upstream.send(system, b"PUT", b"/a", [], b"")
            return erp, got

    erp, got = uvloop.run(scenario())
    assert (got.status, got.body, got.headers) == (200, b"ok", [(b"content-length", b"2")])
    assert 0 < got.first_byte_us <= got.elapsed_us < 1_000_000
    assert erp.asked[0] == (
        b"POST /api/v2/orders/%%41?a=%%2f HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n"
        b"accept: application/json\r\nx-a: 1\r\nx-a: 2\r\n"
        b"content-length: 4\r\n\r\n" % erp.port,
        b"body",
    )
    assert b"content-length" not in erp.asked[1].head
    assert b"content-length: 0" in erp.asked[2].head


@pytest.mark.parametrize(
    ("method", "target", "header"),
    [
        (b"GET", b"/a", (b"x", b"a\r\nb: c")),
        (b"GET", b"/a", (b"x", b"a\nb")),
        (b"GET", b"/a", (b"x", b"a\rb")),
        (b"GET", b"/a", (b"x", b"a\0b")),
        (b"GET", b"/a", (b"x\r\ny", b"a")),
        (b"GET", b"/a", (b"x: y", b"a")),
        (b"GET", b"/a", (b"", b"a")),
        (b"GET", b"/a b", (b"x", b"a")),
        (b"GET", b"/a\r\nb: c", (b"x", b"a")),
        (b"GET", b"a", (b"x", b"a")),
        (b"GET /", b"/a", (b"x", b"a")),
        (b"", b"/a", (b"x", b"a")),
    ],
)
def test_nothing_is_injected(method, target, header):
    """What would break the request's lines is refused before anything is sent."""

    async def scenario():
        async with origin(OK) as erp, client() as upstream:
            with pytest.raises(UpstreamUnreachable):
                await upstream.send(erp.system(), method, target, [header], b"")
            return erp.connections

    assert uvloop.run(scenario()) == 0


def test_end_to_end_headers():
    """Hop-by-hop headers go, and so do those that Connection names."""
    headers = [
        (b"connection", b"close, X-Hop"),
        (b"x-hop", b"1"),
        (b"te", b"trailers"),
        (b"x", b"2"),
        (b"upgrade", b"a"),
    ]
    assert end_to_end(headers) == [(b"x", b"2")]
    assert end_to_end([(b"x", b"2"), (b"keep-alive", b"5")]) == [(b"x", b"2")]


# Answers

CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: t\r\n\r\n"


@pytest.mark.parametrize(
    ("method", "answer", "is_end", "status", "body"),
    [
        (b"GET", HEAD + b"Content-Length: 3\r\n\r\nabc", False, 200, b"abc"),
        (b"GET", HEAD + b"Content-Length: 0\r\n\r\n", False, 200, b""),
        (b"GET", CHUNKED, False, 200, b"abcde"),
        (b"GET", HEAD + b"\r\nuntil the end", True, 200, b"until the end"),
        (b"GET", b"HTTP/1.0 200 OK\r\n\r\nold", True, 200, b"old"),
        (b"GET", b"HTTP/1.1 204 No\r\n\r\n", False, 204, b""),
        (b"GET", b"HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\nabc", False, 204, b""),
        (b"GET", b"HTTP/1.1 304 No\r\nContent-Length: 3\r\n\r\n", False, 304, b""),
        (b"HEAD", HEAD + b"Content-Length: 300\r\n\r\n", False, 200, b""),
        (b"HEAD", HEAD + b"Transfer-Encoding: chunked\r\n\r\n", False, 200, b""),
        (b"GET", b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 103 H\r\nLink: a\r\n\r\n" + OK, False, 200, b"ok"),
        (b"GET", HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nok", True, 200, b"ok"),
        (b"GET", HEAD + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok", False, 200, b"ok"),
        (b"GET", b"HTTP/1.1 599\r\nContent-Length: 0\r\n\r\n", False, 599, b""),
        (b"GET", OK + b"surplus", False, 200, b"ok"),
    ],
)
def test_answers_are_read(method, answer, is_end, status, body):
    """Length, chunks, end of connection, no body at all, interim answers: each is read to its end and no further."""
    got = ask(answer, method, is_end)
    assert (got.status, got.body) == (status, body)


def test_trailers_are_dropped():
    """A header behind a chunked body is no header."""
    assert ask(CHUNKED).headers == [(b"transfer-encoding", b"chunked")]


MALFORMED = [
    HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    HEAD + b"Content-Length: 3, 3\r\n\r\nabc",
    HEAD + b"Content-Length: +3\r\n\r\nabc",
    HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"X: a\r\n folded\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
    HEAD + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 101 Up\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\nabc",
    b"HTTP/1.1 101 Up\r\n\r\n",
    b"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 99 X\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"SSH-2.0-OpenSSH\r\n",
    b"\x16\x03\x01\x02",
]


@pytest.mark.parametrize("answer", MALFORMED)
def test_malformed_answers_are_refused(answer):
    """Whatever two readers could frame differently ends broken, with its bytes never passed on."""
    with pytest.raises(UpstreamBroken, match="malformed") as caught:
        ask(answer)
    assert (caught.value.timed_out, caught.value.reused, caught.value.no_answer_byte) == (False, False, False)


@pytest.mark.parametrize("answer", [HEAD + b"Content-Length: 4\r\n\r\nabcd", CHUNKED, b"HTTP/1.1 100 Go\r\n\r\n" + OK])
def test_answers_in_two_pieces(answer):
    """An answer cut at any byte is the same answer; one that ends at any byte is broken and never taken for whole."""

    async def scenario():
        cut, is_whole = 0, True

        async def script(asked, reader, writer):
            writer.write(answer[:cut])
            await writer.drain()
            await asyncio.sleep(0.002)
            if is_whole:
                writer.write(answer[cut:])
            else:
                writer.close()

        async with origin(script) as erp, client() as upstream:
            whole = {(await upstream.send(erp.system(), b"GET", b"/", [], b"")).body for cut in range(len(answer))}
            is_whole = False
            for cut in range(len(answer)):
                with pytest.raises(UpstreamBroken, match="closed") as caught:
                    await upstream.send(erp.system(), b"GET", b"/", [], b"")
                assert caught.value.no_answer_byte == (cut == 0)
            return whole

    assert len(uvloop.run(scenario())) == 1


def test_limits():
    """Head and body of an answer are bounded, declared or not."""
    for answer, reason in (
        (HEAD + b"X: " + b"a" * 2000 + b"\r\nContent-Length: 0\r\n\r\n", "head"),
        (HEAD + b"X: " + b"a" * 2000, "head"),
        (HEAD + b"Content-Length: 2000\r\n\r\n" + b"a" * 2000, "body"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"3e8\r\n%b\r\n" % (b"a" * 1000) * 2, "body"),
        (HEAD + b"\r\n" + b"a" * 2000, "body"),
        (b"HTTP/1.1 100 Go\r\n\r\n" * 100, "head"),
    ):
        with pytest.raises(UpstreamBroken, match=f"{reason} of the answer is too large"):
            ask(answer, max_head_bytes=1000, max_body_bytes=1500)
    assert (
        len(ask(HEAD + b"Content-Length: 1500\r\n\r\n" + b"a" * 1500, max_head_bytes=1000, max_body_bytes=1500).body)
        == 1500
    )


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=100).map(lambda tail: HEAD + tail)), st.booleans())
def test_random_answers_only_ever_break(answer, is_chunked):
    """Any bytes are an answer or end as UpstreamBroken."""
    if is_chunked:
        answer = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + answer
    with contextlib.suppress(UpstreamBroken):
        ask(answer, is_end=True)


# Time


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200", HEAD, HEAD + b"Content-Length: 3\r\n\r\nab", CHUNKED[:-9]])
def test_stalls_end_in_time(sent):
    """A system that stalls at any stage is given up at the deadline of that stage."""
    started = time.monotonic()
    with pytest.raises(UpstreamBroken) as caught:
        ask(sent)
    assert (caught.value.timed_out, caught.value.no_answer_byte) == (True, not sent)
    assert (0.3 if not sent else 0.6) <= time.monotonic() - started < 2.0


def test_drip_does_not_extend_the_deadline():
    """The deadline for the whole answer holds however busily it drips in."""

    async def drip(asked, reader, writer):
        writer.write(HEAD + b"Content-Length: 1000\r\n\r\n")
        for _ in range(100):
            writer.write(b"a")
            await asyncio.sleep(0.02)

    async def scenario():
        async with origin(drip) as erp, client() as upstream:
            started = time.monotonic()
            with pytest.raises(UpstreamBroken, match="did not end"):
                await upstream.send(erp.system(), b"GET", b"/", [], b"")
            return time.monotonic() - started

    assert 0.6 <= uvloop.run(scenario()) < 1.8


def test_system_that_never_reads():
    """A request that cannot be written away ends at the first-byte deadline, as maybe seen."""

    async def scenario():
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            async with client() as upstream:
                system = System("a", "A", "r", f"http://127.0.0.1:{deaf.getsockname()[1]}", timeouts=QUICK)
                with pytest.raises(UpstreamBroken) as caught:
                    await upstream.send(system, b"POST", b"/", [], b"x" * 20_000_000)
                return caught.value

    broken = uvloop.run(scenario())
    assert (broken.timed_out, broken.no_answer_byte) == (True, True)


def test_reset_after_the_request():
    """A reset is broken: the system may have seen the request."""

    async def reset(asked, reader, writer):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def scenario():
        async with origin(reset) as erp, client() as upstream:
            with pytest.raises(UpstreamBroken) as caught:
                await upstream.send(erp.system(), b"POST", b"/", [], b"x")
            return caught.value

    broken = uvloop.run(scenario())
    assert (broken.timed_out, broken.reused, broken.no_answer_byte) == (False, False, True)


def test_unreachable():
    """Nobody listening, a name that does not resolve, a base URL that is none: nothing was sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed_port = server.getsockname()[1]
    urls = [
        f"http://127.0.0.1:{closed_port}",
        "http://name.invalid:1",
        "ftp://a",
        "http://",
        "nonsense",
        "http://a:b",
        "http://é",
    ]

    async def scenario():
        async with client() as upstream:
            for url in urls:
                with pytest.raises(UpstreamUnreachable):
                    await upstream.send(System("a", "A", "r", url, timeouts=QUICK), b"POST", b"/", [], b"x")

    uvloop.run(scenario())


def test_connect_deadline():
    """A system that accepts no connection is unreachable after the connect deadline."""

    async def scenario():
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as stack:
            for _ in range(4):  # fill the queue of connections
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(full.getsockname())
            async with client() as upstream:
                port = full.getsockname()[1]
                quick = Timeouts(connect_s=0.3, first_byte_s=5, total_s=5)
                system = System("a", "A", "r", f"http://127.0.0.1:{port}", timeouts=quick)
                with pytest.raises(UpstreamUnreachable, match="in time"):
                    await upstream.send(system, b"GET", b"/", [], b"")

    uvloop.run(scenario())


# The pool


def test_connections_are_reused_last_in_first_out():
    """One call after another uses one connection; the freshest of several is taken."""

    async def scenario():
        async with origin(OK) as erp, client() as upstream:
            system = erp.system()
            for _ in range(10):
                await upstream.send(system, b"GET", b"/", [], b"")
            assert erp.connections == 1
            await asyncio.gather(*(upstream.send(system, b"GET", b"/", [], b"") for _ in range(5)))
            assert upstream.connections(system) == erp.connections == 5
            for _ in range(10):
                await upstream.send(system, b"GET", b"/", [], b"")
            assert erp.connections == 5

    uvloop.run(scenario())


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OK + b"surplus",
    ],
)
def test_unwilling_connections_are_not_reused(answer):
    """After `Connection: close`, HTTP/1.0 or surplus bytes the next call gets a fresh connection."""

    async def scenario():
        async with origin(answer) as erp, client() as upstream:
            for _ in range(3):
                assert (await upstream.send(erp.system(), b"POST", b"/", [], b"x")).body == b"ok"
            assert erp.connections == 3

    uvloop.run(scenario())


def test_bodyless_answers_leave_the_connection_usable():
    """HEAD with a length, 304 with a length: the next answer is read from its first byte."""

    async def script(asked, reader, writer):
        writer.write(HEAD + b"Content-Length: 9\r\n\r\n" if asked.line.startswith(b"HEAD") else OK)

    async def scenario():
        async with origin(script) as erp, client() as upstream:
            for method, body in ((b"HEAD", b""), (b"GET", b"ok"), (b"HEAD", b""), (b"HEAD", b""), (b"GET", b"ok")):
                assert (await upstream.send(erp.system(), method, b"/", [], b"")).body == body
            assert erp.connections == 1

    uvloop.run(scenario())


def test_stale_connections_are_replaced_silently():
    """A pooled connection the system has closed is noticed before anything is written, even if just now."""

    async def scenario():
        async with origin(OK) as erp, client() as upstream:
            system = erp.system()
            for round_ in range(5):
                await asyncio.gather(*(upstream.send(system, b"POST", b"/", [], b"x") for _ in range(3)))
                for writer in erp.writers:
                    writer.close()
                await asyncio.sleep(0.05 * (round_ % 2))
                if round_ % 2 == 0:
                    time.sleep(0.05)  # noqa: ASYNC251  the close arrives while the loop is not looking
            assert (await upstream.send(system, b"POST", b"/", [], b"x")).body == b"ok"

    uvloop.run(scenario())


def test_close_instead_of_an_answer_on_a_reused_connection():
    """The runner can tell it from a first use, and that no byte of an answer came."""
    calls = []

    async def script(asked, reader, writer):
        calls.append(asked)
        if len(calls) == 1:
            writer.write(OK)
        else:
            writer.close()

    async def scenario():
        async with origin(script) as erp, client() as upstream:
            await upstream.send(erp.system(), b"GET", b"/", [], b"")
            with pytest.raises(UpstreamBroken) as caught:
                await upstream.send(erp.system(), b"GET", b"/", [], b"")
            return caught.value

    broken = uvloop.run(scenario())
    assert (broken.timed_out, broken.reused, broken.no_answer_byte) == (False, True, True)


def test_idle_connections_expire():
    """A connection nobody used for a while is closed, and nothing keeps running for it."""

    async def scenario():
        async with origin(OK) as erp, client(idle_s=0.2) as upstream:
            system = erp.system()
            await upstream.send(system, b"GET", b"/", [], b"")
            assert upstream.connections(system) == 1
            await asyncio.sleep(0.5)
            assert upstream.connections(system) == 0
            await upstream.send(system, b"GET", b"/", [], b"")

    uvloop.run(scenario())


async def slow(asked, reader, writer):
    await asyncio.sleep(0.05)
    writer.write(OK)


def test_pool_is_bounded_and_fair():
    """No more connections than allowed; who waits is served in turn; too many waiting, or too long, is unreachable."""

    async def scenario():
        async with origin(slow) as erp, client(max_waiting=20) as upstream:
            system = erp.system(max_connections=2)
            calls = [upstream.send(system, b"GET", b"/%d" % number, [], b"") for number in range(30)]
            results = await asyncio.gather(*calls, return_exceptions=True)
            refused = [result for result in results if isinstance(result, UpstreamUnreachable)]
            assert len(refused) == 8
            assert erp.connections <= 2
            order = [int(asked.line.split(b" ")[1][1:]) for asked in erp.asked]
            assert sorted(order) == list(range(22))
            assert all(abs(number - place) <= 2 for place, number in enumerate(order))

        async with origin(slow) as erp, client() as upstream:
            system = erp.system(Timeouts(connect_s=0.12, first_byte_s=1, total_s=1), max_connections=1)
            calls = [upstream.send(system, b"GET", b"/", [], b"") for _ in range(10)]
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert 1 <= len(erp.asked) <= 4
            assert len([result for result in results if isinstance(result, UpstreamUnreachable)]) == 10 - len(erp.asked)
            assert (await upstream.send(system, b"GET", b"/", [], b"")).body == b"ok"
            assert upstream.connections(system) == 1

    uvloop.run(scenario())


def test_cancelled_calls_close_their_connection():
    """Cancelled while waiting, connecting or reading: nothing leaks, nothing is handed to a stranger."""

    async def scenario():
        async with origin(slow) as erp, client() as upstream:
            system = erp.system(Timeouts(connect_s=2, first_byte_s=2, total_s=4), max_connections=3)
            for round_ in range(20):
                calls = [asyncio.create_task(upstream.send(system, b"GET", b"/", [], b"")) for _ in range(8)]
                await asyncio.sleep(0.004 * round_)
                for call in calls[::2]:
                    call.cancel()
                results = await asyncio.gather(*calls, return_exceptions=True)
                assert all(result.body == b"ok" for result in results[1::2])
            await asyncio.sleep(0.1)
            assert upstream.connections(system) <= 3
            got = await asyncio.gather(*(upstream.send(system, b"GET", b"/", [], b"") for _ in range(9)))
            assert [answer.body for answer in got] == [b"ok"] * 9

    uvloop.run(scenario())


def test_concurrent_load_never_mixes_answers():
    """Under load with systems that close at random, each call gets its own answer or an error, never another's."""
    count = 0

    async def script(asked, reader, writer):
        nonlocal count
        count += 1
        if count % 17 == 0:
            writer.close()
            return
        body = asked.line
        close = b"Connection: close\r\n" if count % 5 == 0 else b""
        writer.write(HEAD + close + b"Content-Length: %d\r\n\r\n" % len(body))
        await asyncio.sleep(0)
        writer.write(body)
        if close:
            writer.close()

    async def scenario():
        async with origin(script) as erp, client() as upstream:
            system = erp.system(Timeouts(connect_s=5, first_byte_s=5, total_s=10), max_connections=8)
            outcomes = {"ok": 0, "broken": 0}

            async def worker(name):
                for number in range(50):
                    target = b"/%d-%d" % (name, number)
                    try:
                        got = await upstream.send(system, b"GET", target, [], b"")
                    except UpstreamBroken as broken:
                        assert broken.no_answer_byte
                        outcomes["broken"] += 1
                    else:
                        assert got.body == b"GET %b HTTP/1.1" % target
                        outcomes["ok"] += 1

            await asyncio.gather(*(worker(name) for name in range(32)))
            assert upstream.connections(system) <= 8
            assert (sum(outcomes.values()), len(erp.asked)) == (1600, 1600)
            assert outcomes["broken"] == 1600 // 17

    uvloop.run(scenario())


def test_early_answer_to_a_large_request():
    """A system that answers before it has read the body is believed, and its connection is not used again."""

    async def scenario():
        async def hasty(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n")
            await asyncio.sleep(0.3)
            writer.transport.abort()

        server = await asyncio.start_server(hasty, "127.0.0.1", 0)
        async with client() as upstream:
            system = System("a", "A", "r", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            got = await upstream.send(system, b"POST", b"/", [], b"x" * 20_000_000)
            assert got.status == 413
            await asyncio.sleep(0.05)
            assert upstream.connections(system) == 0
        server.close()
        await asyncio.sleep(0.4)

    uvloop.run(scenario())


def test_close_ends_everything():
    """Running and waiting calls end, and later ones are refused."""

    async def scenario():
        async with origin(slow) as erp:
            upstream = Upstream()
            system = erp.system(max_connections=1)
            calls = [asyncio.create_task(upstream.send(system, b"GET", b"/", [], b"")) for _ in range(3)]
            await asyncio.sleep(0.02)
            await upstream.close()
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(result) for result in results] == [UpstreamBroken, UpstreamUnreachable, UpstreamUnreachable]
            with pytest.raises(UpstreamUnreachable):
                await upstream.send(system, b"GET", b"/", [], b"")

    uvloop.run(scenario())


# TLS


def test_tls_verifies_the_system(tmp_path):
    """A certificate of the given CA for the right host passes and is reused; any other is unreachable."""
    trusted, other = Authority(tmp_path, "Trusted"), Authority(tmp_path, "Other")

    def context(authority, host):
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        server.load_cert_chain(*authority.issue(host))
        return server

    async def scenario():
        async with origin(OK, context(trusted, "127.0.0.1")) as erp, client() as upstream:
            system = erp.system(Timeouts(), ca_file=trusted.file)
            for _ in range(5):
                assert (await upstream.send(system, b"POST", b"/", [], b"x")).body == b"ok"
                await asyncio.sleep(0.01)
            assert erp.connections == 1
            for ca_file in (other.file, None):
                with pytest.raises(UpstreamUnreachable, match="certificate refused"):
                    await upstream.send(erp.system(ca_file=ca_file), b"GET", b"/", [], b"")
            with pytest.raises(UpstreamUnreachable, match="CA file"):
                await upstream.send(erp.system(ca_file=str(tmp_path / "none.pem")), b"GET", b"/", [], b"")
        async with origin(OK, context(trusted, "wrong.example")) as erp, client() as upstream:
            with pytest.raises(UpstreamUnreachable, match="certificate refused"):
                await upstream.send(erp.system(ca_file=trusted.file), b"GET", b"/", [], b"")
        async with origin(OK) as erp, client() as upstream:
            system = System("a", "A", "r", f"https://127.0.0.1:{erp.port}", timeouts=QUICK, ca_file=trusted.file)
            with pytest.raises(UpstreamUnreachable):
                await upstream.send(system, b"GET", b"/", [], b"")

    uvloop.run(scenario())


def test_server_name_is_sent(tmp_path):
    """TLS names the host of the base URL (SNI), so that a system behind a shared address answers as itself."""
    authority = Authority(tmp_path)
    named = []
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(*authority.issue("localhost"))
    server.sni_callback = lambda connection, name, context: named.append(name)

    async def scenario():
        async with origin(OK, server) as erp, client() as upstream:
            system = System("a", "A", "r", f"https://localhost:{erp.port}", ca_file=authority.file)
            assert (await upstream.send(system, b"GET", b"/", [], b"")).body == b"ok"

    uvloop.run(scenario())
    assert named == ["localhost"]
