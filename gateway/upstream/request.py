"""A request as the bytes that go to a system: one buffer, its headers checked against injection."""

from __future__ import annotations

import re

from gateway.upstream.answer import Headers, UpstreamUnreachable

# RFC 9110 §7.6.1: these concern one connection only, whoever names them.
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# `expect` would wait for a 100 that nobody asked for here: the body is complete and goes along at once.
_OURS = HOP_BY_HOP | {b"host", b"content-length", b"expect"}
_BODYLESS = frozenset({b"GET", b"HEAD", b"DELETE", b"OPTIONS"})  # RFC 9110 §8.6: no length unless there is a body
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TARGET = re.compile(rb"/[!-~]*")
_KNOWN_NAMES: set[bytes] = set()  # names found to be tokens; bounded
_KNOWN_NAMES_MAX = 1024


def end_to_end(headers: Headers) -> Headers:
    """`headers` (names lower case) without the hop-by-hop ones and those that `Connection` names (RFC 9110 §7.6.1)."""
    kept = [header for header in headers if header[0] not in HOP_BY_HOP]
    if len(kept) == len(headers):
        return kept
    named: set[bytes] = set()
    for name, value in headers:
        if name == b"connection":
            named.update(token.strip() for token in value.lower().split(b","))
    return [header for header in kept if header[0] not in named] if named else kept


def encode_request(method: bytes, target: bytes, authority: bytes, headers: Headers, body: bytes) -> bytes:
    """The whole request as one buffer. Host, length and connection headers are set here, whatever `headers` says.

    Raises UpstreamUnreachable when method, target or a header would not survive as what it is (CR, LF, NUL, a name
    that is no token): nothing was sent.
    """
    lines = [b"%b %b HTTP/1.1\r\nhost: %b" % (method, target, authority)]
    for name, value in headers:
        if name in _OURS:
            continue
        if name not in _KNOWN_NAMES:
            _check_name(name)
        lines.append(name + b": " + value)
    if body or method not in _BODYLESS:
        lines.append(b"content-length: %d" % len(body))
    lines.append(b"\r\n")
    head = b"\r\n".join(lines)
    line_ends = len(lines) + 1  # the first holds two lines
    if head.count(b"\n") != line_ends or head.count(b"\r") != line_ends or b"\0" in head:
        raise UpstreamUnreachable("a header of the request holds a line break or NUL")
    if _TARGET.fullmatch(target) is None or _TOKEN.fullmatch(method) is None:
        raise UpstreamUnreachable("the request line is malformed")
    return head + body


def _check_name(name: bytes) -> None:
    if _TOKEN.fullmatch(name) is None:
        raise UpstreamUnreachable("a header name of the request is no token")
    if len(_KNOWN_NAMES) < _KNOWN_NAMES_MAX:
        _KNOWN_NAMES.add(name)
