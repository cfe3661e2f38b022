"""Keeps the keys of the issuers that the running snapshot names: fetched beside the calls, ahead of their age.

Policies see a `Source` each; its keys are replaced as a whole. While an issuer cannot be reached its last keys count
for `max_stale_s` after they were fetched, over restarts too: they lie on disk. A token that names an unknown key has
the issuer asked again, at most once in 5 s however many tokens come; the call waits for that, others do not.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from weakref import WeakValueDictionary

import msgspec

from catalog.errors import Invalid, Problem, Unavailable
from catalog.snapshot import canonical_json, sha256_hex
from gateway.backoff import Backoff
from gateway.jwks import Fetched, fetch, trust
from gateway.sync.enrolment import write_whole
from policies.keyset import Issuer, KeySet, KeySource, read_published

log = logging.getLogger(__name__)

ASKED_AGAIN_S = 5.0  # at the earliest, whatever unknown keys tokens name
WAIT_S = 2.0  # longest that a call waits for keys
FIRST_S = 3.0  # longest that a new snapshot waits for issuers it is the first to name
REFRESH_RATIO = 0.8  # of the keys' age
LEAST_AGE_S = 10.0  # however short the answer's max-age is
TICK_S = 0.25

Fetch = Callable[[Issuer, ssl.SSLContext], Awaitable[Fetched]]


class Stored(msgspec.Struct, frozen=True):
    """Keys on disk."""

    issuer: str
    fetched_s: float  # wall clock
    jwks: str  # base64


class Source:
    """The keys of one issuer, and when they are asked for again."""

    def __init__(self, issuer: Issuer, trust: ssl.SSLContext, backoff: Backoff) -> None:
        self.issuer = issuer
        self.trust = trust
        self.backoff = backoff
        self.keys: KeySet | None = None
        self.until_s = 0.0  # wall clock
        self.due_s = 0.0  # monotonic; of the next fetch
        self.asked_s = float("-inf")  # monotonic
        self.fetching: asyncio.Task[bool] | None = None

    @property
    def name(self) -> str:
        """Of the issuer and of where its keys lie: another place never inherits the keys of this one."""
        issuer = self.issuer
        place = [issuer.issuer, issuer.jwks_url or "", issuer.discovery, sorted(issuer.jwks_hosts)]
        return sha256_hex(canonical_json(place))


class KeySets:
    """`source` may be called from any thread, everything else on the loop. Issuers that no running snapshot names any
    more are forgotten with it."""

    def __init__(
        self,
        directory: Path | None = None,
        fetch: Fetch = fetch,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._fetch = fetch
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._sources: WeakValueDictionary[tuple[Issuer, bytes], Source] = WeakValueDictionary()
        self.failures = 0  # fetches that came to nothing

    def source(self, issuer: Issuer, ca: bytes) -> KeySource:
        """The live keys of `issuer`, its server known by `ca` (PEM; empty: the platform's CAs). Raises: Invalid."""
        with self._lock:
            found = self._sources.get((issuer, ca))
            if found is None:
                try:
                    found = Source(issuer, trust(ca), Backoff())
                except ValueError as error:
                    raise Invalid("policy refused", [Problem(f"{issuer.ca_file} {error}", rule="jwks")]) from error
                self._restore(found)
                self._sources[issuer, ca] = found
            return found

    def without_keys(self) -> int:
        """How many issuers have no keys that count."""
        now_s = self._clock()
        return sum(source.keys is None or now_s >= source.until_s for source in self._known())

    def overdue(self) -> int:
        """How many issuers could not be asked again when their keys were due; these count until they are too old."""
        return sum(source.backoff.tries > 0 for source in self._known())

    async def first(self) -> None:
        """Wait a moment for issuers that were never asked, so that a new snapshot starts with their keys."""
        asking = [self._ask(source) for source in self._known() if source.keys is None]
        if asking:
            await asyncio.wait(asking, timeout=FIRST_S)

    async def refresh(self, source: KeySource) -> bool:
        """Ask the issuer again for a call that misses a key; whether there are fresh keys now."""
        if not isinstance(source, Source):
            return False
        if source.fetching is None and self._monotonic() - source.asked_s < ASKED_AGAIN_S:
            return False
        asking = self._ask(source)
        await asyncio.wait({asking}, timeout=WAIT_S)
        return asking.done() and not asking.cancelled() and asking.result()

    async def step(self) -> float:
        """Ask every issuer whose keys are due, without waiting for the answers; seconds to pause."""
        now_s = self._monotonic()
        for source in self._known():
            if now_s >= source.due_s:
                self._ask(source)
        return TICK_S

    async def close(self) -> None:
        asking = [source.fetching for source in self._known() if source.fetching is not None]
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    def _known(self) -> list[Source]:
        with self._lock:
            return list(self._sources.values())

    def _ask(self, source: Source) -> asyncio.Task[bool]:
        """The fetch that runs, else a new one."""
        if source.fetching is None:
            source.asked_s = self._monotonic()
            source.fetching = asyncio.create_task(self._renew(source), name=f"keys of {source.issuer.issuer}")
        return source.fetching

    async def _renew(self, source: Source) -> bool:
        issuer = source.issuer.issuer
        try:
            fetched = await self._fetch(source.issuer, source.trust)
            keys = read_published(fetched.jwks)
        except Unavailable as error:
            self._failed(source, str(error))
            return False
        except Exception as error:
            self._failed(source, f"the JWKS {error}" if isinstance(error, ValueError) else type(error).__name__)
            return False
        finally:
            source.fetching = None
        if source.backoff.tries:
            log.info("keys of %s: the issuer answers again", issuer)
        source.backoff.reset()
        now_s = self._clock()
        self._take(source, keys, now_s)
        age_s = source.issuer.max_age_s if fetched.max_age_s is None else max(fetched.max_age_s, LEAST_AGE_S)
        source.due_s = self._monotonic() + REFRESH_RATIO * min(age_s, source.issuer.max_age_s)
        await asyncio.to_thread(self._keep, source, Stored(issuer, now_s, base64.b64encode(fetched.jwks).decode()))
        return True

    def _failed(self, source: Source, reason: str) -> None:
        self.failures += 1
        if source.backoff.tries == 0:
            held = "none are held" if source.keys is None else f"those held count for {self._left_s(source):.0f} s more"
            log.error("keys of %s cannot be fetched, %s: %s", source.issuer.issuer, held, reason)
        source.due_s = self._monotonic() + source.backoff.next_s()

    def _left_s(self, source: Source) -> float:
        return max(0.0, source.until_s - self._clock())

    def _take(self, source: Source, keys: KeySet, fetched_s: float) -> None:
        source.until_s = fetched_s + source.issuer.max_stale_s
        before: Mapping[str, object] = {} if source.keys is None else source.keys.entries
        if source.keys is not None and before == keys.entries:
            return  # tokens that were verified stay so
        source.keys = keys
        gone = sorted(before.keys() - keys.entries.keys())
        log.info("keys of %s: %d, gone %s", source.issuer.issuer, len(keys.by_kid), gone or "none")
        if not keys.by_kid:
            log.warning("keys of %s: the issuer publishes none: its tokens are refused", source.issuer.issuer)

    def _restore(self, source: Source) -> None:
        if self._directory is None:
            return
        try:
            stored = msgspec.json.decode((self._directory / source.name).read_bytes(), type=Stored)
            keys = read_published(base64.b64decode(stored.jwks))
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError, ValueError) as error:
            log.warning("keys of %s: what is on disk cannot be used: %s", source.issuer.issuer, error)
            return
        if stored.issuer == source.issuer.issuer:
            self._take(source, keys, min(stored.fetched_s, self._clock()))

    def _keep(self, source: Source, stored: Stored) -> None:
        if self._directory is None:
            return
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self._directory / source.name, msgspec.json.encode(stored))
        except OSError as error:
            log.warning("keys of %s cannot be kept on disk: %s", source.issuer.issuer, error.strerror)
