"""Synthetic history: invented traffic that arrives like real traffic and is marked as what it is.

It travels in streams `synthetic/<number>/<epoch>`, hash-chained like any other, that an administrator registers and
closes. No gateway saw its calls: a record names no snapshot, and its one decision says that nothing was evaluated.
Pure.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import msgspec

from catalog.record import DecisionRecord, Exchange, entry_line

OWNER = "synthetic"  # in place of a gateway; gateways' own names end in a dash and six digits
NOT_EVALUATED = DecisionRecord("*", "not_evaluated")
_NAME = re.compile(rf"{OWNER}/[A-Za-z0-9_.-]{{1,40}}/[A-Za-z0-9_.-]{{1,40}}")


class Batch(NamedTuple):
    """Entries `first` to `last` of a stream as lines, each with its newline."""

    first: int
    last: int
    lines: bytes


def is_synthetic(stream: str) -> bool:
    """Whether a stream's name says that its entries are synthetic."""
    return stream.startswith(f"{OWNER}/")


def is_name(stream: str) -> bool:
    """Whether this can be the name of a stream of synthetic history."""
    return _NAME.fullmatch(stream) is not None


def unevaluated(exchange: Exchange) -> Exchange:
    """`exchange` as a record of something that no gateway saw."""
    return msgspec.structs.replace(exchange, snapshot="", decisions=(NOT_EVALUATED,), refused_by="")


def is_unevaluated(exchange: Exchange) -> bool:
    """Whether a record claims no verdict."""
    return not exchange.snapshot and not exchange.refused_by and exchange.decisions == (NOT_EVALUATED,)


def batches(exchanges: Iterable[Exchange], size: int = 2_000) -> Iterator[Batch]:
    """The whole stream of `exchanges`, each committed when it was answered, in batches for the ingest."""
    remaining, last, prev = iter(exchanges), 0, ""
    while some := list(islice(remaining, size)):
        lines = []
        for seq, exchange in enumerate(some, last + 1):
            at_us = exchange.started_us + exchange.duration_us
            line = entry_line(seq, "exchange", at_us, prev, unevaluated(exchange))
            prev = hashlib.sha256(line).hexdigest()
            lines.append(line + b"\n")
        yield Batch(last + 1, last + len(some), b"".join(lines))
        last += len(some)
