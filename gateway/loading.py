"""From blobs to what runs, without the loop standing still.

Python's collector walks every object it knows: with a snapshot of thousands of operations that is a pause of hundreds
of milliseconds, at a moment that nobody chose. What is loaded is freed by counting references alone (no cycles lead
through it, `tests/gateway/test_loading.py`), so it is taken out of the collector's sight for good (`gc.freeze`).
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from catalog.contract import ContractVersion
from catalog.running import Snapshot, read_snapshot
from catalog.schema import Validators
from catalog.snapshot import Manifest
from gateway.compile import Compiled, KeySources, compile_snapshot
from gateway.plan import OperationPlan

#: allocations between collections of the youngest objects; at Python's 700 collecting cost 15 % of the CPU here
_YOUNG = 50_000
#: how long the loop waits at most for a thread that compiles to let go; at Python's 5 ms each of the half a dozen
#: turns of one call waits that long
_SWITCH_S = 0.000_2
_RELEASED = 50  # plans at a time


class Loading:
    """Reads and compiles snapshots, one after the other, each on the shoulders of the one before: contract versions
    that it has are not read again. Schemas are compiled on first use: the control plane compiled them to publish."""

    def __init__(
        self,
        pepper: bytes,
        key_source: KeySources,
        most_compiled_bytes: int | None = None,
        tells_fields: bool = True,
    ) -> None:
        self.validators = (
            Validators(is_lazy=True) if most_compiled_bytes is None else Validators(True, most_compiled_bytes)
        )
        self._pepper = pepper
        self._key_source = key_source
        self._tells_fields = tells_fields
        self._read: dict[str, ContractVersion] = {}

    def known(self) -> Iterable[str]:
        """SHA-256 of the blobs that need not be read again."""
        return tuple(self._read)

    def compile(self, manifest: Manifest, blobs: Mapping[str, bytes], secrets: Mapping[str, str]) -> Compiled:
        """For a thread beside the loop, one at a time. Raises: Invalid."""
        with undisturbed():
            snapshot = read_snapshot(manifest, blobs, self.validators, self._read)
            compiled = self._compile(snapshot, secrets)
            self._read = snapshot.read
        return compiled

    def _compile(self, snapshot: Snapshot, secrets: Mapping[str, str]) -> Compiled:
        return compile_snapshot(snapshot, self._pepper, secrets, self._key_source, self._tells_fields)


def settle_collector() -> None:
    """At the start of a process, when everything is imported."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 50)


@contextmanager
def undisturbed() -> Iterator[None]:
    """No collection meanwhile, and the loop gets its turns soon; what was made stays out of the collector's sight
    afterwards."""
    gc.collect()  # what calls have left behind until now, and that alone: the rest is frozen
    gc.disable()
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)
        gc.freeze()
        gc.enable()


def release(plans: list[OperationPlan]) -> None:
    """Let go of what no longer runs, a few at a time: all at once would hold up the loop for some 40 ms. For a
    thread."""
    while plans:
        del plans[-_RELEASED:]
        time.sleep(_SWITCH_S)
