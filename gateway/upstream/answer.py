"""What a call to a system ends in: a whole answer, or one of two errors."""

from __future__ import annotations

import msgspec

Headers = list[tuple[bytes, bytes]]


class UpstreamAnswer(msgspec.Struct, frozen=True):
    """A whole answer of a system, body read to its end."""

    status: int
    headers: Headers  # names lower case, as received, in order; framing headers included
    body: bytes
    first_byte_us: int  # from the call of `send` (wait for a connection included) to the answer's first byte
    elapsed_us: int  # from the call of `send` to the answer's last byte


class UpstreamError(Exception):
    """Base of what `Upstream.send` raises. `reason` is a short text without any value of the call."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UpstreamUnreachable(UpstreamError):
    """Nothing was sent: the system cannot have acted, and the call may be tried again."""


class UpstreamBroken(UpstreamError):
    """Bytes of the request may have reached the system and no whole, well-formed answer came back.

    `timed_out`: a deadline passed. `reused`: the connection had served a call before. `no_answer_byte`: not one
    byte of an answer was read; together with `reused` that is the sign of a connection the system had just closed.
    """

    def __init__(self, reason: str, timed_out: bool, reused: bool, no_answer_byte: bool) -> None:
        super().__init__(reason)
        self.timed_out = timed_out
        self.reused = reused
        self.no_answer_byte = no_answer_byte
