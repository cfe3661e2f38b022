"""The snapshot: all published state as a signed manifest of content-addressed blobs (design §11.11).

A blob is canonical JSON (sorted keys, no white space) known by the SHA-256 of its bytes. The manifest's bytes are
signed with the control plane's Ed25519 key; a gateway pins the public key when it enrols.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

import msgspec

BlobKind = Literal["contract", "schema", "entity", "system", "binding", "consumer", "policy"]


class BlobRef(msgspec.Struct, frozen=True):
    kind: BlobKind
    name: str  # "procurement.purchase-orders@1.0.0", "supplier@1.0.0", entity or system id, …
    sha256: str
    size_bytes: int


class Manifest(msgspec.Struct, frozen=True):
    generation: int  # grows by one with each publication; a gateway never goes back unasked
    created_at: str
    blobs: tuple[BlobRef, ...]  # sorted by (kind, name)


class SignedManifest(msgspec.Struct, frozen=True):
    """As it travels: `manifest` is the exact text that was signed."""

    manifest: str
    signature: str  # base64, Ed25519 over the UTF-8 bytes of `manifest`


class ContractBlob(msgspec.Struct, frozen=True):
    """A published contract version. `contract` is contract.yaml reduced to this version's life cycle."""

    contract: dict[str, Any]
    version: str
    document: dict[str, Any]
    pins: dict[str, str]
    sha256: str


def canonical_json(value: Any) -> bytes:
    """The one encoding that is hashed and signed: sorted keys, no white space, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
