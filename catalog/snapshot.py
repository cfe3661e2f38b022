"""The snapshot: all published state as a signed manifest of content-addressed blobs (design §11.11).

A blob is canonical JSON (sorted keys, no white space) known by the SHA-256 of its bytes. The manifest's bytes are
signed with the control plane's Ed25519 key; a gateway pins the public key when it enrols.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from catalog.errors import Invalid
from catalog.lifecycle import State

BlobKind = Literal[
    "contract", "schema", "ownership", "entity", "calendar", "system", "binding", "record", "consumer", "policy",
    "slo", "measure", "governance", "draft",
]  # fmt: skip


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
    """A published contract version, or a draft. `contract` is contract.yaml reduced to this version's life cycle."""

    contract: dict[str, Any]
    version: str
    document: dict[str, Any]
    pins: dict[str, str]
    sha256: str


class Published(msgspec.Struct, frozen=True):
    """What is known of a thing that was published: enough to keep it immutable and to tell what changed."""

    sha256: str  # of what must not change (contract: document and pins), or of the whole thing
    state: State | None = None  # contracts
    pins: dict[str, str] = {}  # contracts
    detail_sha256: str = ""  # contracts: of owner, title and the like, which may change
    sunset_at: str = ""  # contracts: the end that was announced, RFC 3339
    compatibility: str = ""  # contracts: what a new version owes the one before


def canonical_json(value: Any) -> bytes:
    """The one encoding that is hashed and signed: sorted keys, no white space, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sign_manifest(manifest: Manifest, key: Ed25519PrivateKey) -> SignedManifest:
    """The manifest as exact text with its Ed25519 signature (RFC 8032)."""
    text = canonical_json(msgspec.to_builtins(manifest))
    return SignedManifest(text.decode(), base64.b64encode(key.sign(text)).decode())


def verify_manifest(signed: SignedManifest, key: Ed25519PublicKey) -> Manifest:
    """The manifest, its signature checked. Raises `Invalid` when it does not hold, before anything is parsed."""
    text = signed.manifest.encode()
    try:
        key.verify(base64.b64decode(signed.signature, validate=True), text)
    except (InvalidSignature, ValueError):
        raise Invalid("the manifest's signature does not hold") from None
    try:
        return msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as error:
        raise Invalid(f"the manifest cannot be read: {error}") from None
