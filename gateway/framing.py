"""What a request's head must look like: pure checks on its bytes, and how a refusal reads.

Only what has one meaning for everybody who will read it passes; the rest is refused here, once, so that the path
and the headers a policy judges are the ones the system gets. Sources: RFC 9110, RFC 9112, RFC 3986 §3.3 and §6.2.2.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec


class Refusal(NamedTuple):
    """Why the edge refuses; becomes the problem document. `detail` never holds a value of the request."""

    status: int
    code: str
    detail: str


# RFC 9110 §9; CONNECT and TRACE have no place in a gateway of APIs.
METHODS = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"})

_PCHAR = rb"[A-Za-z0-9._~!$&'()*+,=:@-]"  # RFC 3986 §3.3 without ";" (path parameters) and "%"
_PATH = re.compile(rb"/|(?:/(?!\.\.?(?:/|\Z))(?:" + _PCHAR + rb"++|%[0-9A-Fa-f]{2})++)++/?")
_QUERY = re.compile(rb"(?:[!\"$&-\[\]-~]++|%(?!00)[0-9A-Fa-f]{2})*+")  # printable ASCII without "#", "%" and "\"
# Escapes with a second meaning: controls, unreserved characters (equal to themselves unescaped, RFC 3986 §6.2.2.2,
# so a dot or a letter may hide here), "/", "\", ";", and a percent sign that escapes a second time.
_AMBIGUOUS_ESCAPE = re.compile(
    rb"%(?:[01][0-9a-f]|7f|2[def]|3[0-9b]|4[1-9a-f]|5[0-9acf]|6[1-9a-f]|7[0-9ae]|25[0-9a-f]{2})", re.IGNORECASE
)
_HOST = re.compile(rb"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*)|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


def check_path(path: bytes) -> Refusal | None:
    """Refuse a path that two readers could take for two: dot segments, `//`, `;`, `\\`, escapes that hide something."""
    if _PATH.fullmatch(path) is None:
        return Refusal(400, "target-ambiguous", "The path holds a segment or character that systems read differently.")
    if b"%" in path:
        if _AMBIGUOUS_ESCAPE.search(path) is not None:
            return Refusal(400, "target-ambiguous", "The path holds a percent-escape that systems read differently.")
        try:
            unquote_to_bytes(path).decode("utf-8")
        except UnicodeDecodeError:
            return Refusal(400, "target-ambiguous", "The path's percent-escapes are not UTF-8.")
    return None


def check_query(query: bytes) -> Refusal | None:
    if _QUERY.fullmatch(query) is None:
        return Refusal(400, "target-ambiguous", "The query holds a character or percent-escape that is not allowed.")
    return None


def origin_form(target: bytes, host: bytes | None) -> bytes | Refusal:
    """The target as path and query. An absolute target must name the same authority as `Host` (RFC 9112 §3.2.2)."""
    if target.startswith(b"/"):
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        return Refusal(400, "target-form", "The request target must be a path.")
    authority, rest = absolute.groups()
    if host is None or authority.lower() != host.lower():
        return Refusal(400, "host-invalid", "The authority of the request target is not the one Host names.")
    return rest if rest.startswith(b"/") else b"/" + rest


def check_host(host: bytes | None, version: bytes, allowed: frozenset[str]) -> Refusal | None:
    """`allowed` holds names with or without port, lower case; empty: any. HTTP/1.0 may go without Host."""
    if host is None:
        if version == b"HTTP/1.0" and not allowed:
            return None
        return Refusal(400, "host-invalid", "The Host header is missing.")
    if _HOST.fullmatch(host) is None:
        return Refusal(400, "host-invalid", "The Host header is malformed.")
    if allowed:
        name = host.decode("ascii").lower()
        if name not in allowed and name.rpartition(":")[0] not in allowed:
            return Refusal(421, "host-unknown", "This gateway does not serve the host that the request names.")
    return None


def check_partial_head(data: bytes | bytearray, max_head_bytes: int, max_line_bytes: int) -> Refusal | None:
    """What can be said before a head is complete, so that rubbish is not waited upon."""
    first = data[2:3] if data.startswith(b"\r\n") else data[:1]  # RFC 9112 §2.2 allows for one empty line
    if not (first.isupper() or (first in b"\r" and len(data) < 3)):
        return Refusal(400, "malformed-request", "The request does not start with a method.")
    if data.count(b"\n") != data.count(b"\r\n"):
        return Refusal(400, "malformed-request", "A line of the head ends without carriage return.")
    if len(data) > max_line_bytes and b"\r\n" not in data:
        return Refusal(414, "target-too-long", "The request line is too long.")
    if len(data) > max_head_bytes:
        return Refusal(431, "head-too-large", "The request's header fields are too large.")
    return None


def without_upgrade(head: bytes) -> bytes:
    """The head without its Upgrade lines, which a server may ignore (RFC 9110 §7.8) and this one does."""
    lines = head.split(b"\r\n")
    return b"\r\n".join(line for line in lines if line[:8].lower() != b"upgrade:")


def problem(refusal: Refusal) -> bytes:
    """RFC 9457 document of a refusal that no exchange stands behind (hence no `instance`)."""
    return msgspec.json.encode(
        {
            "type": f"urn:waybill:problem:{refusal.code}",
            "title": HTTPStatus(refusal.status).phrase,
            "status": refusal.status,
            "detail": refusal.detail,
            "code": refusal.code,
            "fault": "gateway" if refusal.status >= 500 and refusal.status not in (501, 505) else "request",
            "executed": "no",
        }
    )


def plain_answer(refusal: Refusal) -> bytes:
    """A whole HTTP answer, for requests that never became a scope. The connection ends with it."""
    body = problem(refusal)
    return (
        b"HTTP/1.1 %d %b\r\ncontent-type: application/problem+json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
        % (
            refusal.status,
            HTTPStatus(refusal.status).phrase.encode("ascii"),
            len(body),
            body,
        )
    )
