"""Issuers of tokens and their public keys: what a JWKS may hold, and where one may lie. Pure: hosts fetch, this judges.

Sources: RFC 7517 (JWK sets), RFC 7518 §3.3 (RSA of 2,048 bits and more), OpenID Connect Discovery 1.0 §4. Only the
architect's configuration says where keys come from; nothing in a token does (RFC 8725 §3.10).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple, Protocol
from urllib.parse import SplitResult, urlsplit

import jwt as pyjwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from msgspec import Meta

_LEAST_RSA_BITS = 2048
_MOST_KEYS = 100

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


class Issuer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of jwks_file, jwks_url and discovery says where the keys are."""

    issuer: Annotated[str, Meta(min_length=1, description="value of `iss`; with discovery its URL")]
    audience: Annotated[str, Meta(min_length=1, description="value that `aud` must hold")]
    algorithms: Annotated[tuple[Algorithm, ...], Meta(min_length=1, description="algorithms that are accepted")]
    jwks_file: Annotated[str | None, Meta(description="JWKS file (RFC 7517) in the workspace")] = None
    jwks_url: Annotated[str | None, Meta(description="URL of the JWKS")] = None
    discovery: Annotated[bool, Meta(description="whether the issuer's OpenID configuration names the JWKS")] = False
    jwks_hosts: Annotated[
        tuple[str, ...], Meta(description="hosts (host or host:port) beside the issuer's where its JWKS may lie")
    ] = ()
    allow_http: Annotated[bool, Meta(description="whether keys may come without TLS, also from other machines")] = False
    ca_file: Annotated[str | None, Meta(description="PEM file in the workspace; the CA of the issuer's server")] = None
    max_age_s: Annotated[int, Meta(ge=1, le=86_400, description="keys are fetched again at least so often")] = 600
    max_stale_s: Annotated[
        int, Meta(ge=1, le=604_800, description="how long keys count that cannot be fetched again")
    ] = 86_400

    def __post_init__(self) -> None:
        if sum((self.jwks_file is not None, self.jwks_url is not None, self.discovery)) != 1:
            raise ValueError(f"issuer {self.issuer}: give exactly one of jwks_file, jwks_url and discovery: true")
        if self.jwks_url is not None:
            check_url(self.jwks_url, self.allow_http)
        if self.discovery:
            check_url(self.issuer, self.allow_http)


class Key(NamedTuple):
    key: Any  # as PyJWT takes it
    algorithm: str | None  # the only one it may be used with, when it says so


class KeySet:
    """The usable public keys of a JWKS by `kid`; one without has the name ""."""

    __slots__ = ("by_kid", "entries")

    def __init__(self, by_kid: Mapping[str, Key], entries: Mapping[str, Any]) -> None:
        self.by_kid = by_kid
        self.entries = entries  # as the JWKS has them: two sets are the same when these are

    def find(self, header: Mapping[str, Any]) -> Key | None:
        """The key that a token's header names, or the only one there is."""
        kid = header.get("kid")
        if kid is None and len(self.by_kid) == 1:
            return next(iter(self.by_kid.values()))
        return self.by_kid.get(kid) if isinstance(kid, str) else None


class KeySource(Protocol):
    """A live view on an issuer's keys. The host replaces `keys` as a whole, never what is in it."""

    keys: KeySet | None  # None: none were ever fetched
    until_s: float  # wall clock from which `keys` count no longer


class FixedKeys:
    """Keys that came with the configuration."""

    def __init__(self, keys: KeySet) -> None:
        self.keys: KeySet | None = keys
        self.until_s = float("inf")


def read_file(data: bytes) -> KeySet:
    """A JWKS that an architect wrote: all of it must be right. Raises: ValueError."""
    entries = _entries(data)
    if any(_is_secret(entry) for entry in entries):
        raise ValueError("holds a secret or private key; only public keys belong there")
    chosen = [entry for entry in entries if entry.get("use", "sig") == "sig"]
    if not chosen:
        raise ValueError("holds no key for signatures")
    if not all(isinstance(entry.get("kid", ""), str) for entry in chosen):
        raise ValueError("holds a kid that is no text")
    return _key_set({entry.get("kid", ""): (entry, _key(entry)) for entry in chosen})


def read_published(data: bytes) -> KeySet:
    """A JWKS that an issuer publishes: entries of no use here are passed over, and a set without keys is one too: it
    takes back all there were. Raises: ValueError when it is no JWKS."""
    usable: dict[str, tuple[Any, Key]] = {}
    for entry in _entries(data):
        if _is_secret(entry) or entry.get("use", "sig") != "sig" or not isinstance(entry.get("kid", ""), str):
            continue
        try:
            usable[entry.get("kid", "")] = entry, _key(entry)
        except ValueError:
            continue
    return _key_set(usable)


def _key_set(found: Mapping[str, tuple[Any, Key]]) -> KeySet:
    return KeySet({kid: key for kid, (_, key) in found.items()}, {kid: entry for kid, (entry, _) in found.items()})


def _entries(data: bytes) -> list[dict[str, Any]]:
    try:
        entries = msgspec.json.decode(data)["keys"]
    except (msgspec.DecodeError, KeyError, TypeError, RecursionError):
        entries = None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("is missing or not a JWKS with usable keys")
    if len(entries) > _MOST_KEYS:
        raise ValueError(f"holds more than {_MOST_KEYS} keys")
    return entries


def _is_secret(entry: Mapping[str, Any]) -> bool:
    return entry.get("kty") == "oct" or "d" in entry


def _key(entry: dict[str, Any]) -> Key:
    try:
        key = pyjwt.PyJWK(entry).key
    except (pyjwt.PyJWTError, KeyError, TypeError, AttributeError, ValueError):
        raise ValueError("is missing or not a JWKS with usable keys") from None
    if isinstance(key, RSAPublicKey) and key.key_size < _LEAST_RSA_BITS:
        raise ValueError(f"holds an RSA key of less than {_LEAST_RSA_BITS} bits")
    return Key(key, entry.get("alg"))


def discovery_url(issuer: str) -> str:
    """Where an issuer's OpenID configuration lies (Discovery 1.0 §4.1)."""
    return issuer.rstrip("/") + "/.well-known/openid-configuration"


def read_discovery(data: bytes, issuer: Issuer) -> str:
    """The URL of the JWKS that an OpenID configuration names. Raises: ValueError when it is another issuer's, or names
    a place where this issuer's keys may not lie."""
    try:
        document = msgspec.json.decode(data)
        said, url = document["issuer"], document["jwks_uri"]
    except (msgspec.DecodeError, KeyError, TypeError, RecursionError):
        raise ValueError("is no OpenID configuration with issuer and jwks_uri") from None
    if said != issuer.issuer:
        raise ValueError("is the OpenID configuration of another issuer")
    if not isinstance(url, str):
        raise ValueError("names no jwks_uri")
    place = check_url(url, issuer.allow_http)
    own = urlsplit(issuer.issuer)
    if place.netloc not in (own.netloc, *issuer.jwks_hosts) and place.hostname not in issuer.jwks_hosts:
        raise ValueError("names a jwks_uri on another host, which jwks_hosts does not list")
    if own.scheme == "https" and place.scheme != "https" and not issuer.allow_http:
        raise ValueError("names a jwks_uri without TLS")
    return url


def check_url(url: str, allow_http: bool) -> SplitResult:
    """Raises: ValueError for what is no plain https URL; http is for this machine, or where it is allowed."""
    place = urlsplit(url)
    if place.scheme not in ("http", "https") or not place.hostname or not url.isascii() or not url.isprintable():
        raise ValueError(f"{url!r} is no https URL")
    if "@" in place.netloc or place.fragment or " " in url or "\\" in url:
        raise ValueError(f"{url!r}: no user, fragment, blank or backslash belongs into this URL")
    _ = place.port  # raises for what is no port
    if place.scheme == "http" and not allow_http and not _is_loopback(place.hostname):
        raise ValueError(f"{url!r} must be https; `allow_http: true` allows otherwise")
    return place


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
