"""Bearer tokens: asymmetric signatures only, keys from a JWKS file, a JWKS URL or OpenID discovery (design §11.13).

Sources: RFC 6750 §3, and those of `policies.bearer`.
Verified tokens are remembered by hash until they expire or their issuer's keys change; nothing in a token ever names
where a key comes from. A token whose key is not known yet is refused with a wish: the host may fetch the issuer's keys
and ask again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

import jwt as pyjwt
import msgspec
from msgspec import Meta

from catalog.errors import Invalid, Problem
from catalog.network import Consumer
from policies.bearer import is_acceptable, numeric_date, verified_claims
from policies.decision import ALLOW, Decision, Identity, reject
from policies.keyset import FixedKeys, Issuer, KeySet, KeySource, read_file
from policies.policy import Facts, Phase, Surroundings
from policies.request import Request

HEADER = b"authorization"
_CHALLENGE = ((b"www-authenticate", b'Bearer error="invalid_token"'),)
_INVALID = reject(401, "unauthenticated", "The token is not valid.", headers=_CHALLENGE)
_EXPIRED = reject(401, "unauthenticated", "The token has expired.", headers=_CHALLENGE)
_STRANGER = reject(401, "unauthenticated", "The token's subject is no consumer here.", headers=_CHALLENGE)
_UNKNOWN_KEY = "The token names a key that its issuer does not have."
_NO_KEYS = "The keys of the token's issuer cannot be had just now."
_RETRY = ((b"retry-after", b"5"),)
_MOST_REMEMBERED = 10_000


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    issuers: Annotated[tuple[Issuer, ...], Meta(description="who may sign tokens; none: no token is accepted")] = ()
    leeway_s: Annotated[int, Meta(ge=0, le=300, description="clock difference allowed for `exp` and `nbf`")] = 30
    max_token_bytes: Annotated[int, Meta(ge=256, description="longest token looked at")] = 8_192


class _Trusted(msgspec.Struct, frozen=True):
    """An issuer with the live view on its keys, and what is decided while a key is not there."""

    issuer: Issuer
    source: KeySource
    unknown_key: Decision
    no_keys: Decision


class _Verified(msgspec.Struct, frozen=True):
    decision: Decision
    until_s: float  # wall clock
    source: KeySource
    keys: KeySet  # by which it was verified


class Jwt:
    id: ClassVar[str] = "jwt"
    version: ClassVar[str] = "1.0.0"
    phase: ClassVar[Phase] = "identity"
    after: ClassVar[tuple[str, ...]] = ("api-key",)
    config_type: ClassVar[type[msgspec.Struct]] = Config

    def __init__(self, config: Config, trusted: dict[str, _Trusted], subjects: dict[tuple[str, str], Decision]) -> None:
        self._config = config
        self._trusted = trusted
        self._subjects = subjects
        self._remembered: dict[bytes, _Verified] = {}

    @classmethod
    def compile(cls, config: Config, around: Surroundings) -> Self | None:
        """Raises `Invalid` when a JWKS file is missing, unreadable, or holds a secret or a weak key."""
        if not config.issuers:
            return None
        trusted = {issuer.issuer: _trusted(issuer, around) for issuer in config.issuers}
        if len(trusted) < len(config.issuers):
            raise Invalid("policy refused", [Problem("an issuer is listed twice", rule="jwks")])
        consumers = [blob.consumer for blob in around.consumers.values()]
        return cls(config, trusted, _subjects(consumers))

    def decide(self, request: Request, facts: Facts) -> Decision:
        presented = request.header(HEADER)
        if presented is None or presented[:7].lower() != b"bearer ":
            return ALLOW
        token = presented[7:].strip()
        if len(token) > self._config.max_token_bytes or token.count(b".") != 2:
            return _INVALID
        now_s = request.started_s
        digest = hashlib.sha256(token).digest()
        known = self._remembered.get(digest)
        if known is not None and known.keys is known.source.keys and now_s < known.source.until_s:
            return known.decision if now_s < known.until_s else _EXPIRED
        try:
            return self._verify(token, digest, now_s)
        except (pyjwt.PyJWTError, ValueError, TypeError):
            return _INVALID

    def _verify(self, token: bytes, digest: bytes, now_s: float) -> Decision:
        header = pyjwt.get_unverified_header(token)
        claimed = pyjwt.decode(token, options={"verify_signature": False}).get("iss")
        trusted = self._trusted.get(claimed) if isinstance(claimed, str) else None
        if trusted is None or not is_acceptable(header, trusted.issuer):
            return _INVALID
        keys = trusted.source.keys
        if keys is None or now_s >= trusted.source.until_s:
            return trusted.no_keys
        key = keys.find(header)
        if key is None:
            return trusted.unknown_key
        if key.algorithm not in (None, header["alg"]):
            return _INVALID
        decision, until_s = self._judge(verified_claims(token, key.key, header["alg"], trusted.issuer), now_s)
        if until_s:
            self._remember(digest, _Verified(decision, until_s, trusted.source, keys))
        return decision

    def _judge(self, claims: Mapping[str, Any], now_s: float) -> tuple[Decision, float]:
        """(decision, wall clock until which it holds; 0 when it is not to be remembered)."""
        until_s = numeric_date(claims["exp"]) + self._config.leeway_s
        if now_s >= until_s:
            return _EXPIRED, 0.0
        if numeric_date(claims.get("nbf", 0)) > now_s + self._config.leeway_s:
            return _INVALID, 0.0
        decision = self._subjects.get((claims["iss"], claims["sub"]))
        return (_STRANGER, 0.0) if decision is None else (decision, until_s)

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        if len(self._remembered) >= _MOST_REMEMBERED:
            for oldest in list(self._remembered)[: _MOST_REMEMBERED // 10]:
                del self._remembered[oldest]
        self._remembered[digest] = verified


def _trusted(issuer: Issuer, around: Surroundings) -> _Trusted:
    unknown, missing = _INVALID, reject(503, "keys-unavailable", _NO_KEYS, headers=_RETRY)
    if issuer.jwks_file is not None:
        try:
            source: KeySource = FixedKeys(read_file(around.files.get(issuer.jwks_file, b"")))
        except ValueError as error:
            raise Invalid("policy refused", [Problem(f"{issuer.jwks_file} {error}", rule="jwks")]) from None
    else:
        source = around.key_source(issuer, around.files.get(issuer.ca_file or "", b""))
        unknown = reject(401, "unauthenticated", _UNKNOWN_KEY, headers=_CHALLENGE, wanted_keys=source)
        missing = reject(503, "keys-unavailable", _NO_KEYS, headers=_RETRY, wanted_keys=source)
    return _Trusted(issuer, source, unknown, missing)


def _subjects(consumers: list[Consumer]) -> dict[tuple[str, str], Decision]:
    found: dict[tuple[str, str], Decision] = {}
    for consumer in consumers:
        if consumer.jwt is None or "jwt" not in consumer.auth:
            continue
        key = (consumer.jwt.issuer, consumer.jwt.subject)
        if key in found:
            raise Invalid("policy refused", [Problem(f"two consumers have the JWT subject of {consumer.consumer}")])
        found[key] = Decision("allow", identity=Identity(consumer, f"jwt:{consumer.jwt.subject}"))
    return found
