"""Streams: one line per entry, each holding the SHA-256 of the line before it (`catalog.record`).

Lines are made once, when they are committed, and never encoded again: whoever keeps the bytes can check the chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from catalog.errors import Invalid
from catalog.record import Entry, entry_line

_decode = msgspec.json.Decoder(Entry).decode


class Chain:
    """Where a stream ends: the last sequence number and the SHA-256 (hex) of its line; 0 and "" at the start."""

    __slots__ = ("head", "last")

    def __init__(self, last: int = 0, head: str = "") -> None:
        self.last = last
        self.head = head

    def copy(self) -> Chain:
        return Chain(self.last, self.head)

    def link(self, kind: str, body: msgspec.Struct, at_us: int) -> bytes:
        """The next line, newline included; the chain moves on to it."""
        line = entry_line(self.last + 1, kind, at_us, self.head, body)
        self.last += 1
        self.head = hashlib.sha256(line).hexdigest()
        return line + b"\n"

    def follow(self, line: bytes) -> Entry:
        """Check that `line` (with or without newline) is the next one, and move on to it. Raises: Invalid."""
        line = line.rstrip(b"\n")
        try:
            entry = _decode(line)
        except msgspec.DecodeError as error:
            raise Invalid(f"entry {self.last + 1} is not readable: {error}") from error
        if entry.seq != self.last + 1:
            raise Invalid(f"entry {self.last + 1} is missing; {entry.seq} follows {self.last}")
        if entry.prev != self.head:
            raise Invalid(f"entry {entry.seq} does not continue the chain: an entry before it was changed")
        self.last = entry.seq
        self.head = hashlib.sha256(line).hexdigest()
        return entry


def check(lines: Iterable[bytes], start: Chain | None = None) -> Chain:
    """Follow `lines` from `start` (default: the stream's beginning); where they end. Raises: Invalid."""
    chain = Chain() if start is None else start.copy()
    for line in lines:
        chain.follow(line)
    return chain


def continuation(line: bytes) -> Chain:
    """The chain just before `line`, taken on trust: for a stream whose beginning is no longer kept. Raises: Invalid."""
    try:
        entry = _decode(line)
    except msgspec.DecodeError as error:
        raise Invalid(f"not an entry: {error}") from error
    return Chain(entry.seq - 1, entry.prev)


def skip(lines: bytes, count: int) -> bytes:
    """`lines` without its first `count` lines."""
    start = 0
    for _ in range(count):
        start = lines.index(b"\n", start) + 1
    return lines[start:]
