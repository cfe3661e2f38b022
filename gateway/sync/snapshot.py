"""Pulls what the gateway runs: verifies, fetches only missing blobs, compiles, swaps, reports (design §11.11).

Whatever is wrong with a new generation leaves the running one in place and is reported as NACK. The last good one
lies on disk, so that a gateway starts with the control plane away.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Generic, Literal, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from catalog.errors import Invalid, NotFound, Unauthorized, Unavailable, WaybillError
from catalog.snapshot import Manifest, SignedManifest, sha256_hex, verify_manifest
from gateway.backoff import Backoff
from gateway.sync.client import ControlPlane
from gateway.sync.enrolment import write_whole

log = logging.getLogger(__name__)

NOT_RUN = frozenset({"slo", "measure"})  # kinds of blobs that only the control plane needs
RETRY_REFUSED_S = 30.0  # a refused generation is tried again: a missing secret may have been put in place
REFUSED_PAUSE_S = (
    0.5  # at most, after the first refusal; a control plane that offers the same at once is asked ever less
)

T = TypeVar("T")


class Shelf:
    """The last good manifest and its blobs on disk, under `directory`; the manifest's mtime says when it was last
    known to be the newest."""

    def __init__(self, directory: Path) -> None:
        self._blobs = directory / "blobs"
        self._manifest = directory / "manifest.json"
        self._blobs.mkdir(parents=True, exist_ok=True, mode=0o700)

    def manifest(self) -> SignedManifest | None:
        """Raises: Invalid when it is damaged."""
        try:
            return msgspec.json.decode(self._manifest.read_bytes(), type=SignedManifest)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise Invalid(f"{self._manifest} is damaged: {error}") from error

    def blobs(self, wanted: Iterable[str]) -> dict[str, bytes]:
        """Those of `wanted` (SHA-256) that are here and are what their hash says."""
        found = {}
        for sha256 in wanted:
            path = self._blobs / sha256
            if path.exists() and sha256_hex(content := path.read_bytes()) == sha256:
                found[sha256] = content
        return found

    def has(self, sha256: str) -> bool:
        return (self._blobs / sha256).exists()

    def put(self, blobs: Mapping[str, bytes]) -> None:
        for sha256, content in blobs.items():
            write_whole(self._blobs / sha256, content)

    def keep(self, signed: SignedManifest, manifest: Manifest) -> None:
        """From now on the last good one; blobs that it does not name go."""
        write_whole(self._manifest, msgspec.json.encode(signed))
        named = {ref.sha256 for ref in manifest.blobs}
        for path in self._blobs.iterdir():
            if path.name not in named:
                path.unlink(missing_ok=True)

    def confirm(self, now_s: float) -> None:
        """The one kept is still the newest."""
        if self._manifest.exists():
            os.utime(self._manifest, (now_s, now_s))

    def confirmed_s(self) -> float:
        """When it was last known to be the newest; 0 when there is none."""
        return self._manifest.stat().st_mtime if self._manifest.exists() else 0.0


class Puller(Generic[T]):
    """`compile` makes what runs of a manifest and its blobs, on a thread of its own; `swap` puts it to work, on the
    loop. Either may raise to refuse. In between `prepare` may fetch what the compiled asks for."""

    def __init__(
        self,
        control_plane: ControlPlane,
        shelf: Shelf,
        key: Ed25519PublicKey,
        compile: Callable[[Manifest, dict[str, bytes]], T],  # noqa: A002 - the word of the design
        swap: Callable[[T], None],
        wait_s: float = 20.0,
        clock: Callable[[], float] = time.time,
        backoff: Backoff | None = None,
    ) -> None:
        self._control_plane = control_plane
        self._shelf = shelf
        self._key = key
        self._compile = compile
        self._swap = swap
        self.prepare: Callable[[], Awaitable[None]] = _nothing
        self.known: Callable[[], Iterable[str]] = tuple  # SHA-256 of blobs that `compile` needs no more
        self.agreed: Callable[[int], Awaitable[bool]] = _alone  # whether all processes of the gateway run it
        self._is_acknowledged = True
        self._wait_s = wait_s
        self._clock = clock
        self._backoff = backoff or Backoff(base_s=REFUSED_PAUSE_S, cap_s=RETRY_REFUSED_S)
        self._refused = 0  # generation last refused
        self._refused_until_s = 0.0
        self.generation = 0  # what runs; 0: nothing yet
        self.detail = "no snapshot yet"

    async def load(self) -> bool:
        """Run the last good snapshot from disk; False when there is none that can run."""
        try:
            signed = self._shelf.manifest()
            if signed is None:
                return False
            manifest = verify_manifest(signed, self._key)
            wanted = {ref.sha256 for ref in manifest.blobs if ref.kind not in NOT_RUN}
            blobs = self._shelf.blobs(wanted)
            if len(blobs) < len(wanted):
                raise Invalid(f"{len(wanted) - len(blobs)} blobs of the last good snapshot are missing or damaged")
            await self._run(manifest, blobs)
        except WaybillError as error:
            self.detail = f"the last good snapshot cannot run: {error}"
            log.error("%s", self.detail)
            return False
        with suppress(WaybillError):
            await self.agreed(manifest.generation)
        return True

    async def pull(self) -> float:
        """One long poll and what follows from it; seconds to pause. Raises: Unavailable, Unauthorized."""
        signed = await self._control_plane.snapshot(self._known(), self._wait_s)
        if signed is None:
            if self.generation and not self._refused:
                self._shelf.confirm(self._clock())
                await self._acknowledge()
            return 0.2
        if not await self._take(signed):
            return self._backoff.next_s()
        self._backoff.reset()
        return 0.0

    def age_s(self) -> float:
        """Seconds since what runs was last known to be the newest; 0 while nothing runs."""
        return max(0.0, self._clock() - self._shelf.confirmed_s()) if self.generation else 0.0

    def _known(self) -> int:
        """What to wait beyond: a refused generation is not asked for again at once."""
        return self._refused if self._refused and self._clock() < self._refused_until_s else self.generation

    async def _take(self, signed: SignedManifest) -> bool:
        """False when it was refused."""
        offered = 0
        try:
            manifest = verify_manifest(signed, self._key)
            offered = manifest.generation
            if offered <= self.generation:
                raise Invalid(f"generation {offered} is older than the running {self.generation}: no way back unasked")
            await self._run(manifest, await self._fetch(manifest))
            await asyncio.to_thread(self._shelf.keep, signed, manifest)
        except (Unavailable, Unauthorized):
            raise
        except Exception as error:
            await self._refuse(offered or self._offered(signed), error)
            return False
        self._refused = 0
        log.info("snapshot %d runs", manifest.generation)
        self._is_acknowledged = False
        await self._acknowledge()
        return True

    async def _acknowledge(self) -> None:
        """Report what runs once all processes of this gateway run it: the last one to swap does."""
        if not self._is_acknowledged and await self.agreed(self.generation):
            self._is_acknowledged = True
            await self._report(self.generation, "ack", "")

    async def _run(self, manifest: Manifest, blobs: dict[str, bytes]) -> None:
        compiled = await asyncio.to_thread(self._compile, manifest, blobs)
        await self.prepare()
        self._swap(compiled)
        self.generation = manifest.generation
        self.detail = ""

    async def _fetch(self, manifest: Manifest) -> dict[str, bytes]:
        """All blobs to run that are not known yet, missing ones downloaded. Files are touched off the loop: calls go on
        meanwhile."""
        wanted = {ref.sha256: f"{ref.kind} {ref.name}" for ref in manifest.blobs if ref.kind not in NOT_RUN}
        known, blobs = await asyncio.to_thread(self._present, wanted.keys())
        missing = {sha256: what for sha256, what in wanted.items() if sha256 not in blobs and sha256 not in known}
        downloaded = {sha256: await self._download(sha256, what) for sha256, what in missing.items()}
        await asyncio.to_thread(self._shelf.put, downloaded)
        return blobs | downloaded

    def _present(self, wanted: Collection[str]) -> tuple[set[str], dict[str, bytes]]:
        """Of `wanted` what is known and on the shelf, and the content of what else is there."""
        known = {sha256 for sha256 in self.known() if sha256 in wanted and self._shelf.has(sha256)}
        return known, self._shelf.blobs(sha256 for sha256 in wanted if sha256 not in known)

    async def _download(self, sha256: str, what: str) -> bytes:
        try:
            content = await self._control_plane.blob(sha256)
        except NotFound as error:
            raise Invalid(f"the blob of {what} is not to be had") from error
        if sha256_hex(content) != sha256:
            raise Invalid(f"the blob of {what} is not what its hash says")
        return content

    async def _refuse(self, generation: int, error: Exception) -> None:
        reason = str(error) if isinstance(error, WaybillError) else f"{type(error).__name__}: {error}"
        self.detail = f"generation {generation} refused: {reason}"
        log.error("%s", self.detail, exc_info=None if isinstance(error, WaybillError) else error)
        self._refused = generation
        self._refused_until_s = self._clock() + RETRY_REFUSED_S
        await self._report(generation, "nack", reason)

    async def _report(self, generation: int, state: Literal["ack", "nack"], detail: str) -> None:
        try:
            await self._control_plane.report(generation, state, detail, int(self._clock() * 1e6))
        except WaybillError as error:
            log.warning("%s of generation %d not reported: %s", state, generation, error)

    @staticmethod
    def _offered(signed: SignedManifest) -> int:
        """The generation that a manifest claims, for the report only: its signature may not hold."""
        try:
            return msgspec.json.decode(signed.manifest, type=Manifest).generation
        except msgspec.DecodeError:
            return 0


async def _nothing() -> None:
    pass


async def _alone(_: int) -> bool:
    """There is one process."""
    return True
