"""The rules about bytes, one by one."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.framing import (
    Refusal,
    check_host,
    check_partial_head,
    check_path,
    check_query,
    origin_form,
    plain_answer,
    problem,
    without_upgrade,
)

GOOD_PATHS = [
    b"/",
    b"/a",
    b"/a/",
    b"/a/b.c",
    b"/.well-known/x",
    b"/...",
    b"/a..b",
    b"/a%20b",
    b"/%C3%A9",
    b"/a%25",
    b"/x:y@z",
]
# fmt: off
AMBIGUOUS_PATHS = [
    b"", b"a", b"//", b"//a", b"/a//b", b"/a//", b"/.", b"/..", b"/./a", b"/a/.", b"/a/..", b"/a/../b", b"/../a",
    b"/a;b", b"/admin;x=y", b"/a%3Bb", b"/a\\b", b"/a%5cb", b"/a%5Cb", b"/a%2fb", b"/a%2Fb", b"/%2e%2e/a",
    b"/.%2E/a", b"/a%2ejson", b"/%61dmin", b"/a%2D", b"/a%5F", b"/a%7E", b"/a%30", b"/a%252fb", b"/a%2541",
    b"/a%25%2f", b"/a%00", b"/a%0d%0a", b"/a%7f", b"/a%1F", b"/a%", b"/a%2", b"/a%g0", b"/a%u002f", b"/%C0%AF",
    b"/%FF", b"/caf\xc3\xa9", b"/a b", b"/a\x00", b"/a\x7f", b"/a#b", b'/a"b', b"/a<b", b"/a^b", b"/a{b}", b"/a|b",
    b"/[a]",
]
# fmt: on


@pytest.mark.parametrize("path", GOOD_PATHS)
def test_plain_paths_pass(path):
    """A path with one reading passes."""
    assert check_path(path) is None


@pytest.mark.parametrize("path", AMBIGUOUS_PATHS)
def test_ambiguous_paths_are_refused(path):
    """A path with more than one reading is refused."""
    refusal = check_path(path)
    assert refusal is not None
    assert refusal[:2] == (400, "target-ambiguous")


@given(st.binary(max_size=60).map(lambda tail: b"/" + tail))
def test_a_path_that_passes_has_one_reading(path):
    """Decoding a path that passed, once or twice, changes neither its segments nor brings dots or controls in."""
    if check_path(path) is not None:
        return
    once = unquote_to_bytes(path)
    assert once.count(b"/") == path.count(b"/")
    assert unquote_to_bytes(once).count(b"/") == path.count(b"/")
    assert not {b".", b".."} & set(once.split(b"/"))
    assert not any(byte < 32 or byte in (0x5C, 0x3B, 0x7F) for byte in once)
    once.decode("utf-8")


def test_long_hostile_paths_are_judged_in_linear_time():
    """No path makes the patterns backtrack: 100,000 characters are judged at once."""
    for path in (b"/a" * 50_000 + b"\\", b"/" + b"%20" * 30_000 + b"%", b"/" + b"a" * 100_000 + b";", b"/." * 50_000):
        assert check_path(path) is not None
    assert check_query(b"a" * 100_000 + b"#") is not None


@pytest.mark.parametrize("query", [b"", b"a=b&c=%20", b"a=/../;x//", b'a=[b]|"<>^`{}', b"a=%2F%25"])
def test_plain_queries_pass(query):
    assert check_query(query) is None


@pytest.mark.parametrize("query", [b"a=%00", b"a=%", b"a=%4", b"a=%zz", b"a\\b", b"a#b", b"a b", b"\xe9", b"a\r"])
def test_malformed_queries_are_refused(query):
    refusal = check_query(query)
    assert refusal is not None
    assert refusal.status == 400


@pytest.mark.parametrize(
    ("target", "host", "expected"),
    [
        (b"/a?b", None, b"/a?b"),
        (b"http://h/a?b", b"h", b"/a?b"),
        (b"HTTPS://H:1/a", b"h:1", b"/a"),
        (b"http://h", b"h", b"/"),
        (b"http://h?q", b"h", b"/?q"),
        (b"http://h/a", b"i", "host-invalid"),
        (b"http://u@h/a", b"h", "host-invalid"),
        (b"http://h/a", None, "host-invalid"),
        (b"*", b"h", "target-form"),
        (b"h:443", b"h", "target-form"),
        (b"ftp://h/a", b"h", "target-form"),
        (b"?a", b"h", "target-form"),
    ],
)
def test_target_forms(target, host, expected):
    """Origin form stays, absolute form must agree with Host, nothing else is a target."""
    got = origin_form(target, host)
    assert expected == (got.code if isinstance(got, Refusal) else got)


@pytest.mark.parametrize(
    "host", [b"", b" a", b"a b", b"a/b", b"a@b", b"a:b", b"a:123456", b"[::1", b"a,b", b"a?x", b"-\\"]
)
def test_malformed_hosts(host):
    """A Host that could poison a URL built from it is refused."""
    refusal = check_host(host, b"HTTP/1.1", frozenset())
    assert refusal is not None
    assert refusal.code == "host-invalid"


@pytest.mark.parametrize("host", [b"a", b"a.example:80", b"[::1]:8080", b"127.0.0.1", b"a_b"])
def test_wellformed_hosts(host):
    assert check_host(host, b"HTTP/1.1", frozenset()) is None


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HT", None),
        (b"\r", None),
        (b"\r\n", None),
        (b"\r\nGET", None),
        (b"\r\n\r", 400),
        (b"\x16\x03\x01", 400),
        (b"get /", 400),
        (b"GET / HTTP/1.1\nHost", 400),
        (b"GET /" + b"a" * 100, 414),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 300, 431),
    ],
)
def test_partial_heads(data, status):
    """Rubbish and oversize are told before the head is complete."""
    refusal = check_partial_head(data, max_head_bytes=200, max_line_bytes=50)
    assert status == (refusal.status if refusal else None)


def test_without_upgrade():
    """Every Upgrade line goes, nothing else."""
    head = b"GET / HTTP/1.1\r\nUPGRADE: a\r\nX-Upgrade: b\r\nupgrade:c\r\nConnection: upgrade\r\n\r\n"
    assert without_upgrade(head) == b"GET / HTTP/1.1\r\nX-Upgrade: b\r\nConnection: upgrade\r\n\r\n"


def test_problem_and_plain_answer():
    """The document has the members every refusal of the gateway has; the plain answer frames it."""
    refusal = Refusal(431, "head-too-large", "Too large.")
    assert msgspec.json.decode(problem(refusal)) == {
        "type": "urn:waybill:problem:head-too-large",
        "title": "Request Header Fields Too Large",
        "status": 431,
        "detail": "Too large.",
        "code": "head-too-large",
        "fault": "request",
        "executed": "no",
    }
    head, _, body = plain_answer(refusal).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert (b"content-length: %d" % len(body)) in head
    assert body == problem(refusal)
