"""Secrets that are shown once: `<prefix>_<8 characters of id>_<43 characters of base64url>` (256 random bits).

The id is public and finds the row; the whole text is kept only as SHA-256 (a random secret of 256 bits needs no
slow hash) or, for API keys, as an HMAC under the group's pepper.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import NamedTuple

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
ID_LENGTH = 8

USER_PREFIX = "wbt"
GATEWAY_PREFIX = "wbg"
ENROLMENT_PREFIX = "wbe"
KEY_PREFIX = "wbk"


class Credential(NamedTuple):
    id: str
    text: str  # shown once, never stored


def issue(prefix: str) -> Credential:
    """A new random secret."""
    public = "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))
    return Credential(public, f"{prefix}_{public}_{secrets.token_urlsafe(32)}")


def id_of(prefix: str, text: str) -> str | None:
    """The public id in `text`, or None when `text` has not the form of `prefix`."""
    head, _, rest = text.partition("_")
    public, _, secret = rest.partition("_")
    return public if head == prefix and len(public) == ID_LENGTH and secret else None


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def keyed_digest(pepper: bytes, text: str) -> str:
    return hmac.new(pepper, text.encode(), hashlib.sha256).hexdigest()


def matches(text: str, sha256: str) -> bool:
    """Constant-time comparison with a stored digest."""
    return hmac.compare_digest(digest(text), sha256)
