"""What the processes behind one port tell of each other: a scrape or a probe reaches one of them and asks for all.

Each process listens at a Unix socket of its own in a directory that the supervisor made for them, and tells whoever
connects its snapshot and its metrics. A process that does not answer takes no calls either: its metrics are left out
until it is back, and it keeps none of the others from being ready.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from catalog import conventions as names
from catalog.metric import Family, exposition
from gateway.app import App, metrics_reply, ready_reply
from gateway.call import Reply

log = logging.getLogger(__name__)

PATIENCE_S = 1.0  # a process that takes longer counts as not answering


class Together(NamedTuple):
    """The processes behind one port."""

    directory: Path  # where each has its socket
    slots: range


class Told(msgspec.Struct, frozen=True):
    """What one process tells."""

    snapshot: str  # name of what it runs; "" before its first
    families: list[Family]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Told).decode


class Siblings:
    """Answers `/metrics` and `/readyz` of `app` for all of `together`."""

    def __init__(self, app: App, slot: int, together: Together) -> None:
        self._app = app
        self._slot = slot
        self._together = together
        self._server: asyncio.Server | None = None
        app.own["/metrics"] = self._metrics
        app.own["/readyz"] = self._readyz

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._answer, self._path(self._slot))

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()

    def _path(self, slot: int) -> str:
        return str(self._together.directory / str(slot))

    def _own(self) -> Told:
        compiled = self._app.compiled
        return Told("" if compiled is None else compiled.name, self._app.telemetry.families())

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(_encode(self._own()))
            await writer.drain()
        except ConnectionError:
            log.debug("who asked for metrics has gone")
        finally:
            writer.close()

    async def _metrics(self) -> Reply:
        return metrics_reply(exposition(merged(await self._all())))

    async def _readyz(self) -> Reply:
        """Ready when no process that may take a call is without a snapshot."""
        snapshots = [told.snapshot for told in (await self._all()).values() if told is not None]
        return ready_reply("" if "" in snapshots else ", ".join(sorted(set(snapshots))))

    async def _all(self) -> dict[int, Told | None]:
        """By slot; None for one that does not answer."""
        others = [slot for slot in self._together.slots if slot != self._slot]
        found = await asyncio.gather(*(self._ask(slot) for slot in others))
        return dict(sorted([(self._slot, self._own()), *zip(others, found, strict=True)]))

    async def _ask(self, slot: int) -> Told | None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                reader, writer = await asyncio.open_unix_connection(self._path(slot))
                try:
                    return _decode(await reader.read(-1))
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return None
        except msgspec.DecodeError as error:
            log.warning("what the process of slot %d tells cannot be read: %s", slot, error)
            return None


def merged(told: dict[int, Told | None]) -> Sequence[Family]:
    """Each family once, its readings by slot; and which slots are told."""
    families: dict[str, Family] = {}
    for slot, each in told.items():
        for family in each.families if each is not None else ():
            known = families.setdefault(family.instrument.name, Family(family.instrument, []))
            known.samples.extend(({names.SLOT: slot, **attributes}, value) for attributes, value in family.samples)
    answering = Family(names.PROCESS_UP, [({names.SLOT: slot}, int(each is not None)) for slot, each in told.items()])
    return [answering, *families.values()]
