"""Bearer tokens: asymmetric signatures only, keys from a JWKS file that travels with the policy (design §11.13).

Sources: RFC 7519, RFC 8725 (explicit algorithms, `typ`, `aud`, `iss`), RFC 7515 §4.1.11 (`crit`), RFC 6750 §3.
Verified tokens are remembered by hash until they expire; nothing in a token ever names where a key comes from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import jwt as pyjwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from msgspec import Meta

from catalog.errors import Invalid, Problem
from catalog.network import Consumer
from policies.decision import ALLOW, Decision, Identity, reject
from policies.policy import Facts, Need, Phase, Surroundings
from policies.request import Request

HEADER = b"authorization"
_CHALLENGE = ((b"www-authenticate", b'Bearer error="invalid_token"'),)
_INVALID = reject(401, "unauthenticated", "The token is not valid.", headers=_CHALLENGE)
_EXPIRED = reject(401, "unauthenticated", "The token has expired.", headers=_CHALLENGE)
_STRANGER = reject(401, "unauthenticated", "The token's subject is no consumer here.", headers=_CHALLENGE)
_TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
_LEAST_RSA_BITS = 2048  # RFC 7518 §3.3
_MOST_REMEMBERED = 10_000

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


class Issuer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    issuer: Annotated[str, Meta(min_length=1, description="value of `iss`")]
    audience: Annotated[str, Meta(min_length=1, description="value that `aud` must hold")]
    jwks_file: Annotated[str, Meta(min_length=1, description="JWKS file (RFC 7517) in the workspace")]
    algorithms: Annotated[tuple[Algorithm, ...], Meta(min_length=1, description="algorithms that are accepted")]


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    issuers: Annotated[tuple[Issuer, ...], Meta(description="who may sign tokens; none: no token is accepted")] = ()
    leeway_s: Annotated[int, Meta(ge=0, le=300, description="clock difference allowed for `exp` and `nbf`")] = 30
    max_token_bytes: Annotated[int, Meta(ge=256, description="longest token looked at")] = 8_192


class _Keys:
    """One issuer with its public keys."""

    def __init__(self, issuer: Issuer, jwks: bytes) -> None:
        self.issuer = issuer
        self.by_kid = _read_jwks(issuer.jwks_file, jwks)

    def find(self, header: Mapping[str, Any]) -> Any:
        """The key that a token's header names; None when there is none, or its `alg` is another."""
        kid = header.get("kid")
        if kid is None and len(self.by_kid) == 1:
            key = next(iter(self.by_kid.values()))
        else:
            key = self.by_kid.get(kid) if isinstance(kid, str) else None
        declared = None if key is None else key._jwk_data.get("alg")
        return None if declared not in (None, header.get("alg")) else key


class Jwt:
    id: ClassVar[str] = "jwt"
    version: ClassVar[str] = "1.0.0"
    phase: ClassVar[Phase] = "identity"
    after: ClassVar[tuple[str, ...]] = ("api-key",)
    config_type: ClassVar[type[msgspec.Struct]] = Config

    def __init__(self, config: Config, keys: dict[str, _Keys], subjects: dict[tuple[str, str], Decision]) -> None:
        self._config = config
        self._keys = keys
        self._subjects = subjects
        self._remembered: dict[bytes, tuple[Decision, float]] = {}

    @classmethod
    def compile(cls, config: Config, around: Surroundings) -> Self | None:
        """Raises `Invalid` when a JWKS file is missing, unreadable, or holds a secret or a weak key."""
        if not config.issuers:
            return None
        keys = {issuer.issuer: _Keys(issuer, around.files.get(issuer.jwks_file, b"")) for issuer in config.issuers}
        consumers = [blob.consumer for blob in around.consumers.values()]
        return cls(config, keys, _subjects(consumers))

    def needs(self, request: Request, facts: Facts) -> tuple[Need, ...]:
        return ()

    def decide(self, request: Request, facts: Facts) -> Decision:
        presented = request.header(HEADER)
        if presented is None or presented[:7].lower() != b"bearer ":
            return ALLOW
        token = presented[7:].strip()
        if len(token) > self._config.max_token_bytes or token.count(b".") != 2:
            return _INVALID
        digest = hashlib.sha256(token).digest()
        known = self._remembered.get(digest)
        if known is not None:
            return known[0] if request.started_s < known[1] else _EXPIRED
        try:
            decision, until_s = self._verify(token, request.started_s)
        except (pyjwt.PyJWTError, ValueError, TypeError):
            return _INVALID
        if until_s:
            self._remember(digest, decision, until_s)
        return decision

    def _verify(self, token: bytes, now_s: float) -> tuple[Decision, float]:
        """(decision, wall clock until which it holds; 0 when it is not to be remembered)."""
        header = pyjwt.get_unverified_header(token)
        claimed = pyjwt.decode(token, options={"verify_signature": False})
        keys = self._keys.get(claimed.get("iss", "")) if isinstance(claimed.get("iss"), str) else None
        if keys is None or "crit" in header or header.get("b64") is False:
            return _INVALID, 0.0
        kind = header.get("typ", "JWT")
        key = keys.find(header)
        if key is None or not isinstance(kind, str) or kind.lower() not in _TYPES:
            return _INVALID, 0.0
        claims = pyjwt.decode(
            token,
            key=key.key,
            algorithms=list(keys.issuer.algorithms),
            audience=keys.issuer.audience,
            issuer=keys.issuer.issuer,
            options={
                "require": ["exp", "iss", "aud", "sub"],
                "verify_exp": False,  # times are judged below, by the gateway's own clock
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
        return self._judge(claims, now_s)

    def _judge(self, claims: Mapping[str, Any], now_s: float) -> tuple[Decision, float]:
        until_s = _seconds(claims["exp"]) + self._config.leeway_s
        if now_s >= until_s:
            return _EXPIRED, 0.0
        if _seconds(claims.get("nbf", 0)) > now_s + self._config.leeway_s:
            return _INVALID, 0.0
        decision = self._subjects.get((claims["iss"], claims["sub"]))
        return (_STRANGER, 0.0) if decision is None else (decision, until_s)

    def _remember(self, digest: bytes, decision: Decision, until_s: float) -> None:
        if len(self._remembered) >= _MOST_REMEMBERED:
            for oldest in list(self._remembered)[: _MOST_REMEMBERED // 10]:
                del self._remembered[oldest]
        self._remembered[digest] = (decision, until_s)


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise ValueError("not a NumericDate")
    return float(value)


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


def _read_jwks(name: str, data: bytes) -> dict[str, Any]:
    """Public keys by `kid` (one without has the name "")."""
    try:
        entries = msgspec.json.decode(data)["keys"]
        if any(entry.get("kty") == "oct" or "d" in entry for entry in entries):
            raise _refused(name, "holds a secret or private key; only public keys belong there")
        keys = {entry.get("kid", ""): pyjwt.PyJWK(entry) for entry in entries if entry.get("use", "sig") == "sig"}
    except (msgspec.DecodeError, pyjwt.PyJWTError, KeyError, TypeError, AttributeError, ValueError):
        raise _refused(name, "is missing or not a JWKS with usable keys") from None
    if not keys:
        raise _refused(name, "holds no key for signatures")
    if any(isinstance(key.key, RSAPublicKey) and key.key.key_size < _LEAST_RSA_BITS for key in keys.values()):
        raise _refused(name, f"holds an RSA key of less than {_LEAST_RSA_BITS} bits")
    return keys


def _refused(name: str, message: str) -> Invalid:
    return Invalid("policy refused", [Problem(f"{name} {message}", rule="jwks")])
