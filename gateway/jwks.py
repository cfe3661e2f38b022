"""Fetches an issuer's keys: one bounded GET, or two with discovery. No redirects, no decoding, no proxy of the
environment; what is asked for is what the configuration says (`policies.keyset`)."""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import NamedTuple

import httpx

from catalog.errors import Unavailable
from policies.keyset import Issuer, discovery_url, read_discovery

FETCH_S = 5.0  # for everything, connecting included
MAX_BYTES = 256 * 1024
_MAX_AGE = re.compile(r"\bmax-age\s*=\s*\"?(\d{1,9})")
_HEADERS = {"accept": "application/jwk-set+json, application/json", "accept-encoding": "identity"}


class Fetched(NamedTuple):
    jwks: bytes
    max_age_s: float | None  # as the answer's Cache-Control says (RFC 9111 §5.2.2.1)


async def fetch(issuer: Issuer, trust: ssl.SSLContext) -> Fetched:
    """Raises: Unavailable with the reason."""
    try:
        async with (
            asyncio.timeout(FETCH_S),
            httpx.AsyncClient(verify=trust, follow_redirects=False, trust_env=False, timeout=FETCH_S) as client,
        ):
            url = issuer.jwks_url
            if url is None:
                url = await _discovered(client, issuer)
            return await _get(client, url)
    except TimeoutError as error:
        raise Unavailable(f"no whole answer within {FETCH_S:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"{type(error).__name__} {error}".rstrip()) from error


async def _discovered(client: httpx.AsyncClient, issuer: Issuer) -> str:
    url = discovery_url(issuer.issuer)
    document = await _get(client, url)
    try:
        return read_discovery(document.jwks, issuer)
    except ValueError as error:
        raise Unavailable(f"{url} {error}") from error


async def _get(client: httpx.AsyncClient, url: str) -> Fetched:
    body = bytearray()
    async with client.stream("GET", url, headers=_HEADERS) as response:
        if response.status_code != 200:
            raise Unavailable(f"{url} answers {response.status_code}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise Unavailable(f"{url} answers with an encoding that was not asked for")
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > MAX_BYTES:
                raise Unavailable(f"{url} answers more than {MAX_BYTES} bytes")
    found = _MAX_AGE.search(response.headers.get("cache-control", ""))
    return Fetched(bytes(body), float(found[1]) if found else None)


def trust(ca: bytes) -> ssl.SSLContext:
    """Whom to believe: the CA in `ca` (PEM), else the platform's. Raises: ValueError when `ca` is none."""
    try:
        return ssl.create_default_context(cadata=ca.decode("ascii") if ca else None)
    except (ssl.SSLError, UnicodeDecodeError) as error:
        raise ValueError("is no PEM file of certificates") from error
