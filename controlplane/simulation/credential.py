"""How a client or system proves who it is: an API key, or a signed token that it mints for itself.

A credential file is JSON, mode 0600: `{"api_key": "…"}` or the fields of `Signer`. The demo's token issuer and its
client are one process: the simulated network has no identity provider, only its key pair and a JWKS file.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Protocol

import jwt
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from controlplane.simulation.log import now_us


class Credential(Protocol):
    def headers(self) -> dict[str, str]:
        """Headers of the next request."""
        ...


class ApiKey(msgspec.Struct, frozen=True):
    api_key: str

    def headers(self) -> dict[str, str]:
        return {"X-API-Key": self.api_key}


class Anonymous(msgspec.Struct, frozen=True):
    """No credential at all; for systems that are called without a gateway."""

    def headers(self) -> dict[str, str]:
        return {}


class Signer(msgspec.Struct, frozen=True):
    """Mints ES256 tokens that live for `lifetime_s`; a negative lifetime makes expired ones."""

    issuer: str
    audience: str
    subject: str
    key_id: str
    private_key_pem: str
    lifetime_s: int = 300

    def headers(self) -> dict[str, str]:
        issued = now_us() // 1_000_000
        claims = {"iss": self.issuer, "aud": self.audience, "sub": self.subject, "iat": issued - 900}
        claims["exp"] = issued + self.lifetime_s
        token = jwt.encode(claims, self.private_key_pem, algorithm="ES256", headers={"kid": self.key_id, "typ": "JWT"})
        return {"Authorization": f"Bearer {token}"}

    def expired(self) -> Signer:
        """The same identity with tokens that ran out ten minutes ago."""
        return msgspec.structs.replace(self, lifetime_s=-600)


class TokenCache:
    """A credential that asks its signer again only when half of the token's life is over, as clients do."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer
        self._headers: dict[str, str] = {}
        self._renew_s = 0.0

    def headers(self) -> dict[str, str]:
        if time.monotonic() >= self._renew_s:
            self._headers = self.signer.headers()
            self._renew_s = time.monotonic() + self.signer.lifetime_s / 2
        return self._headers


def new_signer(issuer: str, audience: str, subject: str) -> tuple[Signer, dict[str, Any]]:
    """A fresh P-256 key pair: the signer, and the JWKS document with its public half."""
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    key_id = f"{subject}-1"
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(private.public_key()))
    jwks = {"keys": [{**public, "kid": key_id, "use": "sig", "alg": "ES256"}]}
    return Signer(issuer, audience, subject, key_id, pem), jwks


def write_credential(path: Path, credential: ApiKey | Signer) -> None:
    """Write the credential file with mode 0600, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(credential))
    draft.replace(path)


def read_credential(path: Path) -> ApiKey | Signer:
    fields = json.loads(path.read_bytes())
    return msgspec.convert(fields, ApiKey) if "api_key" in fields else msgspec.convert(fields, Signer)
