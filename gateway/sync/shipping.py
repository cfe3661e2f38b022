"""Ships the streams, oldest lines first, in batches that may be sent again: the receiver takes each entry once."""

from __future__ import annotations

import logging

from catalog.errors import Conflict, Invalid, NotFound, Unavailable
from gateway.state.store import Store
from gateway.sync.client import ControlPlane, OutOfStep

log = logging.getLogger(__name__)

BATCH_BYTES = 1 << 20
FULL_BYTES = BATCH_BYTES // 2  # after less, entries gather for a moment: a batch costs the same whatever it holds


class Shipper:
    """Runs beside the calls and never makes one wait. `halted` says why it stopped, and the control plane is told so
    again and again; the lines stay where they are."""

    def __init__(self, control_plane: ControlPlane, store: Store, idle_s: float = 0.2) -> None:
        self._control_plane = control_plane
        self._store = store
        self._idle_s = idle_s
        self.halted = ""
        self._halted_stream = ""

    async def ship(self) -> float:
        """Send one batch; seconds to pause. Raises: Unavailable, Unauthorized."""
        if self.halted:
            await self._control_plane.halted(self._halted_stream, self.halted)
            return 60.0
        batch = await self._store.unshipped(BATCH_BYTES)
        if batch is None:
            return self._idle_s
        try:
            last = await self._control_plane.ingest(batch)
        except OutOfStep as error:
            await self._step_to(batch.stream, batch.first, error.expected)
            return 0.0
        except Invalid as error:
            entries = f"entries {batch.first} to {batch.last} of {batch.stream}"
            self._halt(batch.stream, f"the control plane refuses {entries}: {error}")
            return 0.0
        await self._store.shipped(batch.stream, last)
        return 0.0 if len(batch.lines) >= FULL_BYTES else self._idle_s

    async def _step_to(self, stream: str, sent: int, expected: int) -> None:
        if expected == sent:
            raise Unavailable(f"the control plane refuses entry {sent} of {stream} and expects the same")
        log.warning("stream %s: sent from entry %d, the control plane expects %d", stream, sent, expected)
        try:
            await self._store.shipped(stream, expected - 1)
        except (NotFound, Conflict) as error:
            self._halt(stream, f"the control plane expects entry {expected} of {stream}: {error}")

    def _halt(self, stream: str, reason: str) -> None:
        self.halted, self._halted_stream = reason, stream
        log.critical("SHIPPING STOPPED, nothing is lost here: %s", reason)
