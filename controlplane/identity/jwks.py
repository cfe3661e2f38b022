"""Keeps the keys of the issuer of sign-ins: fetched when they are due, asked again for an unknown key, kept while the
issuer is down for `max_stale_s` after they were fetched and no longer, over a restart too.

What may be fetched, and what of it counts, is judged by `policies.keyset`; nothing in a token says where keys lie.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec

from catalog.errors import Unavailable
from controlplane.keys import write_secret
from policies.keyset import Issuer, Key, KeySet, discovery_url, read_discovery, read_published

log = logging.getLogger(__name__)

FETCH_S = 5.0  # for one answer
MAX_BYTES = 256 * 1024
ASKED_AGAIN_S = 5.0  # at the earliest, whatever unknown keys tokens name
HEADERS = {"accept": "application/jwk-set+json, application/json", "accept-encoding": "identity"}

Fetch = Callable[[], bytes]


class Kept(msgspec.Struct, frozen=True):
    """What was fetched last, as it is kept on disk."""

    issuer: str
    fetched_s: float  # wall clock
    jwks: str


class Keys:
    """Thread-safe. One thread fetches; others go on with the keys there are, or wait for it when there are none.
    `path` is where they are kept; None: nowhere."""

    def __init__(
        self,
        issuer: Issuer,
        fetch: Fetch,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
        path: Path | None = None,
    ) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._monotonic = monotonic
        self._clock = clock
        self._path = path
        self._fetching = threading.Lock()
        self._keys: KeySet | None = None
        self._until_s = self._due_s = self._asked_s = float("-inf")
        self._restore()

    def find(self, header: Mapping[str, Any]) -> Key | None:
        """The key that a token's header names. Raises: Unavailable when no keys count."""
        if self._monotonic() >= self._due_s:
            self._renew(must_wait=self._current() is None)
        keys = self._current()
        if keys is not None and keys.find(header) is None:
            self._renew(must_wait=True)
            keys = self._current()
        if keys is None:
            raise Unavailable("the keys of the issuer of sign-ins cannot be had just now")
        return keys.find(header)

    def _current(self) -> KeySet | None:
        return self._keys if self._monotonic() < self._until_s else None

    def _renew(self, must_wait: bool) -> None:
        if not self._fetching.acquire(timeout=FETCH_S if must_wait else 0):
            return
        try:
            now_s = self._monotonic()
            if now_s - self._asked_s < ASKED_AGAIN_S:
                return
            self._asked_s = now_s
            body = self._fetch()
            self._take(read_published(body))
            self._keep(body)
        except (Unavailable, ValueError) as error:
            self._due_s = self._monotonic() + ASKED_AGAIN_S
            log.error("keys of %s cannot be fetched: %s", self._issuer.issuer, error)
        finally:
            self._fetching.release()

    def _take(self, keys: KeySet) -> None:
        now_s = self._monotonic()
        self._keys, self._until_s = keys, now_s + self._issuer.max_stale_s
        self._due_s = now_s + self._issuer.max_age_s

    def _keep(self, body: bytes) -> None:
        """Best effort: without it only a restart while the issuer is down finds no keys."""
        if self._path is None:
            return
        kept = Kept(self._issuer.issuer, self._clock(), body.decode())
        try:
            write_secret(self._path, msgspec.json.encode(kept))
        except OSError as error:
            log.error("keys of %s cannot be kept: %s", self._issuer.issuer, error)

    def _restore(self) -> None:
        """What an earlier process fetched, for what is left of its time; the issuer is asked again all the same."""
        if self._path is None or not self._path.exists():
            return
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=Kept)
            keys = read_published(kept.jwks.encode())
        except (OSError, ValueError) as error:
            log.error("%s is left aside: %s", self._path, error)
            return
        left_s = kept.fetched_s + self._issuer.max_stale_s - self._clock()
        if kept.issuer == self._issuer.issuer and 0 < left_s <= self._issuer.max_stale_s:
            self._keys, self._until_s = keys, self._monotonic() + left_s


def fetch_jwks(issuer: Issuer, trust: ssl.SSLContext) -> bytes:
    """The JWKS that the issuer's OpenID configuration names. Raises: Unavailable; ValueError for a wrong one."""
    with httpx.Client(verify=trust, follow_redirects=False, trust_env=False, timeout=FETCH_S) as client:
        return _get(client, read_discovery(_get(client, discovery_url(issuer.issuer)), issuer))


def _get(client: httpx.Client, url: str) -> bytes:
    body, deadline_s = bytearray(), time.monotonic() + FETCH_S
    try:
        with client.stream("GET", url, headers=HEADERS) as response:
            if response.status_code != 200 or response.headers.get("content-encoding", "identity") != "identity":
                raise Unavailable(f"{url} answers {response.status_code}")
            for piece in response.iter_raw():
                body += piece
                if len(body) > MAX_BYTES or time.monotonic() > deadline_s:
                    raise Unavailable(f"{url} answers too much or too slowly")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"{url}: {type(error).__name__} {error}".rstrip()) from error
    return bytes(body)
