"""API keys: `X-API-Key: wbk_<8 characters id>_<43 characters of base64url>`, known by keyed hash only (design §11.13).

Sources: RFC 2104 (HMAC), RFC 9110 §11.6.1 and §15.5.2 (401). The id is public and only finds the hash; hashes are
compared in constant time, and an unknown id costs as much as a wrong key.
"""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime
from typing import ClassVar, Self

import msgspec

from catalog.network import Consumer
from policies.decision import ALLOW, Decision, Identity, reject
from policies.policy import Facts, Phase, Surroundings
from policies.request import Request

HEADER = b"x-api-key"
_FORM = re.compile(rb"wbk_([A-Za-z0-9_-]{8})_[A-Za-z0-9_-]{43}")
_CHALLENGE = ((b"www-authenticate", b'ApiKey realm="waybill"'),)
_INVALID = reject(401, "unauthenticated", "The API key is not valid.", headers=_CHALLENGE)
_EXPIRED = reject(401, "unauthenticated", "The API key has expired.", headers=_CHALLENGE)


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class _Known(msgspec.Struct, frozen=True):
    hmac_sha256: bytes
    expires_s: float
    decision: Decision


class ApiKey:
    id: ClassVar[str] = "api-key"
    version: ClassVar[str] = "1.0.0"
    phase: ClassVar[Phase] = "identity"
    after: ClassVar[tuple[str, ...]] = ()
    config_type: ClassVar[type[msgspec.Struct]] = Config

    def __init__(self, known: dict[bytes, list[_Known]], pepper: bytes) -> None:
        self._known = known
        self._pepper = pepper

    @classmethod
    def compile(cls, config: Config, around: Surroundings) -> Self | None:
        known: dict[bytes, list[_Known]] = {}
        for blob in around.consumers.values():
            if "api_key" not in blob.consumer.auth:
                continue
            for key in blob.keys:
                decision = Decision("allow", identity=_identity(blob.consumer, key.key_id))
                entry = _Known(key.hmac_sha256.lower().encode(), _expiry(key.expires_at), decision)
                known.setdefault(key.key_id.encode(), []).append(entry)
        return cls(known, around.pepper)

    def decide(self, request: Request, facts: Facts) -> Decision:
        presented = request.header(HEADER)
        if presented is None:
            return ALLOW
        form = _FORM.fullmatch(presented)
        if form is None:
            return _INVALID
        digest = hmac.digest(self._pepper, presented, "sha256").hex().encode()
        for known in self._known.get(form[1], ()):
            if hmac.compare_digest(known.hmac_sha256, digest):
                return known.decision if request.started_s < known.expires_s else _EXPIRED
        return _INVALID


def _identity(consumer: Consumer, key_id: str) -> Identity:
    return Identity(consumer, f"key:{key_id}")


def _expiry(text: str | None) -> float:
    if text is None:
        return float("inf")
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
