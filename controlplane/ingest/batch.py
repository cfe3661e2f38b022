"""Reads the lines of one batch and checks numbers and hash chain. Pure.

A line that is newer than this program (an unknown kind, a body that does not fit) is kept: it is part of the chain,
and only the projections pass over it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from catalog.errors import Invalid, Problem
from catalog.record import Exchange


class Line(msgspec.Struct, frozen=True):
    """`catalog.record.Entry` as an ingest reads it: of any kind."""

    seq: int
    kind: str
    at_us: int
    prev: str
    body: msgspec.Raw


class Head(msgspec.Struct, frozen=True):
    """How far a stream is known: number and hash of its last line; 0 and "" before the first."""

    last: int
    sha256: str


class Position(msgspec.Struct, frozen=True, order=True):
    """Total order of entries: time, then stream, then number (design §11.10)."""

    at_us: int
    stream: str
    seq: int

    @property
    def mark(self) -> str:
        """Text that sorts as the position does, for comparisons inside the store."""
        return f"{self.at_us:020d} {self.stream} {self.seq:012d}"


class Located(msgspec.Struct, frozen=True):
    """An entry and where it stands. `exchange` is None for other kinds, and for one newer than this program."""

    stream: str
    line: Line
    exchange: Exchange | None

    @classmethod
    def of(cls, stream: str, line: Line) -> Located:
        return cls(stream, line, exchange_of(line) if line.kind == "exchange" else None)

    @property
    def is_unread(self) -> bool:
        """Whether this is an exchange that no projection can see."""
        return self.exchange is None and self.line.kind == "exchange"

    @property
    def committed(self) -> Position:
        """Position by the time at which the gateway committed the entry."""
        return Position(self.line.at_us, self.stream, self.line.seq)


ESCAPED_NUL = b"\\u0000"

_decode_line = msgspec.json.Decoder(Line).decode
_decode_exchange = msgspec.json.Decoder(Exchange).decode


def read_batch(first: int, last: int, lines: bytes, head: Head) -> tuple[list[Line], Head]:
    """The entries of a batch that follows `head`, and the head behind it.

    Raises: Invalid when lines are unreadable, misnumbered, or do not chain on to `head`.
    """
    if first != head.last + 1 or last < first:
        raise _broken(first, f"the batch {first}–{last} does not follow entry {head.last}")
    if not lines.endswith(b"\n"):
        raise _broken(last, "the batch does not end with a newline")
    texts = lines[:-1].split(b"\n")
    if len(texts) != last - first + 1:
        raise _broken(first, f"the batch {first}–{last} holds {len(texts)} lines")
    entries: list[Line] = []
    previous = head.sha256
    for seq, text in enumerate(texts, first):
        entries.append(_checked(text, seq, previous))
        previous = hashlib.sha256(text).hexdigest()
    return entries, Head(last, previous)


def split_lines(lines: bytes) -> Iterator[Line]:
    """Stored lines again. They were checked when they arrived."""
    return map(_decode_line, lines[:-1].split(b"\n"))


def exchange_of(line: Line) -> Exchange | None:
    """The exchange of an `exchange` entry; None when its body is newer than this program.

    PostgreSQL keeps no text with a NUL: here it becomes U+FFFD, on every store; the line itself stays as it came.
    """
    try:
        if ESCAPED_NUL in bytes(line.body):
            return msgspec.convert(_without_nul(msgspec.json.decode(line.body)), Exchange)
        return _decode_exchange(line.body)
    except msgspec.DecodeError:
        return None


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(item) for name, item in value.items()}
    return value


def _checked(text: bytes, seq: int, previous: str) -> Line:
    try:
        line = _decode_line(text)
    except msgspec.DecodeError as error:
        raise _broken(seq, "the line is not an entry") from error
    if line.seq != seq:
        raise _broken(seq, f"the line says that it is entry {line.seq}")
    if line.prev != previous:
        raise _broken(seq, "`prev` is not the hash of the line before")
    return line


def _broken(seq: int, message: str) -> Invalid:
    problem = Problem(message, pointer=f"/{seq}", rule="stream-chain", remedy="nothing of this batch was taken")
    return Invalid(f"entry {seq}: {message}", [problem])
