"""Sends invented history to a control plane: a stream that says what it is, registered, filled and closed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from catalog.record import Exchange
from catalog.synthetic import batches
from controlplane.cli.client import Client

BATCH = 2_000
PATH = "/synthetic-streams"


class Fed(NamedTuple):
    """What was sent, and how long it took."""

    stream: str
    records: int
    seconds: float


def feed(client: Client, stream: str, exchanges: list[Exchange], show: Callable[[int], None]) -> Fed:
    """`show` is told how many records have arrived, after each batch. Raises: Conflict when the stream is there."""
    started_s = time.monotonic()
    client.post(PATH, {"stream": stream})
    for batch in batches(exchanges, BATCH):
        client.post_lines(f"{PATH}/entries", batch.lines, stream=stream, first=batch.first, last=batch.last)
        show(batch.last)
    client.post(f"{PATH}/close", {"stream": stream})
    return Fed(stream, len(exchanges), time.monotonic() - started_s)
