"""Recomputes the hash chain of a stream and checks its signed head. Pure: it is given lines, not a store.

A chain alone shows that nothing inside was changed; the head that the control plane signed anchors the part up to
it against truncation and against its own owner (design §6).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from controlplane.keys import is_signed


class StreamHead(msgspec.Struct, frozen=True):
    """A stream's head as the API tells it."""

    stream: str
    last: int
    head: str
    signature: str
    signed_at_us: int


class Verdict(msgspec.Struct, frozen=True):
    """What a check of one stream found."""

    stream: str
    entries: int  # that follow one another without a break
    anchored: int  # of those, covered by the signed head
    break_at: int | None = None  # sequence number where the chain breaks
    reason: str = ""

    @property
    def is_intact(self) -> bool:
        return not self.reason


class _Link(msgspec.Struct, frozen=True):
    """The members of a line that make the chain."""

    seq: int
    prev: str


def head_message(head: StreamHead) -> bytes:
    """The bytes that the control plane signs for a head."""
    return f"waybill-head\n{head.stream}\n{head.last}\n{head.head}\n{head.signed_at_us}".encode()


def verify_stream(head: StreamHead, lines: Iterable[bytes], public_key: str) -> Verdict:
    """Check all `lines` (without newlines, from the first) against one another and against `head`."""
    count, previous, anchor = 0, "", ""
    for line in lines:
        reason = _breach(line, count + 1, previous)
        if reason:
            return Verdict(head.stream, count, min(count, head.last) if anchor else 0, count + 1, reason)
        count, previous = count + 1, hashlib.sha256(line).hexdigest()
        anchor = previous if count == head.last else anchor
    if count < head.last:
        return Verdict(head.stream, count, 0, count + 1, f"the signed head is entry {head.last}; the rest is missing")
    if anchor != head.head:
        return Verdict(head.stream, count, 0, head.last, "the signed head has another hash than the entry")
    if not is_signed(public_key, head_message(head), head.signature):
        return Verdict(head.stream, count, 0, None, "the signature of the head is not the control plane's")
    return Verdict(head.stream, count, head.last)


def _breach(line: bytes, seq: int, previous: str) -> str:
    try:
        link = msgspec.json.decode(line, type=_Link)
    except msgspec.DecodeError:
        return "not an entry"
    if link.seq != seq:
        return f"has the number {link.seq}"
    return "" if link.prev == previous else "does not name the hash of the entry before it"
