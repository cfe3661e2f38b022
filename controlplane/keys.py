"""The control plane's own secrets, made at its first start and kept as 0600 files under the data directory.

`snapshot.ed25519` signs manifests and stream heads; `pepper` keys the HMAC of API keys and is shared with the
gateways of the group when they enrol.
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


class KeyRing:
    """Signs, and knows the pepper. `public_key` is the raw Ed25519 public key in base64."""

    def __init__(self, signing_key: Ed25519PrivateKey, pepper: bytes) -> None:
        self._signing_key = signing_key
        self.pepper = pepper
        raw = signing_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public_key = base64.b64encode(raw).decode()

    @classmethod
    def open(cls, directory: Path) -> KeyRing:
        """Read the keys, making those that do not exist yet."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        raw = _read_or_make(directory / "snapshot.ed25519", _new_signing_key)
        return cls(Ed25519PrivateKey.from_private_bytes(raw), _read_or_make(directory / "pepper", _new_pepper))

    def sign(self, message: bytes) -> str:
        """Base64 of the Ed25519 signature over `message`."""
        return base64.b64encode(self._signing_key.sign(message)).decode()


def is_signed(public_key: str, message: bytes, signature: str) -> bool:
    """Whether `signature` (base64) over `message` was made with the key behind `public_key` (base64, raw)."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
        key.verify(base64.b64decode(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def write_secret(path: Path, content: bytes) -> None:
    """Create `path` with mode 0600 from the first byte on, replacing atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _new_signing_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())


def _new_pepper() -> bytes:
    return secrets.token_bytes(32)


def _read_or_make(path: Path, make: Callable[[], bytes]) -> bytes:
    if not path.exists():
        write_secret(path, make())
    return path.read_bytes()
