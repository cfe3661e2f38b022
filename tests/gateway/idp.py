"""An identity provider on a real socket: OpenID configuration, JWKS, tokens; rotates, stops, misbehaves on demand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import Callable
from typing import Any

import jwt as pyjwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

AUDIENCE = "waybill"
CONFIGURATION = "/.well-known/openid-configuration"
Writer = asyncio.StreamWriter


class Idp:
    """`published` are the kids in the JWKS; `script` may answer a path in its own way and returns whether it did."""

    def __init__(self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.keys: dict[str, Any] = {}
        self.published: list[str] = []
        self.asked: list[str] = []
        self.cache_control = ""
        self.configuration: dict[str, Any] = {}  # members that replace the true ones
        self.script: Callable[[str, Writer], Any] | None = None
        self._tls = tls
        self._host = host
        self._port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[Writer] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self._host}:{self._port}"

    def jwks_asked(self) -> int:
        return self.asked.count("/keys")

    def add(self, kid: str, key: Any = None) -> None:
        """A new key, published from now on."""
        self.keys[kid] = key or ec.generate_private_key(ec.SECP256R1())
        self.published.append(kid)

    def jwks(self) -> bytes:
        return json.dumps({"keys": [self._jwk(kid) for kid in self.published]}).encode()

    def token(self, kid: str, subject: str = "ap", headers: dict[str, Any] | None = None, **claims: Any) -> str:
        key = self.keys[kid]
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        given = {"iss": self.url, "aud": AUDIENCE, "sub": subject, "exp": time.time() + 3_600, **claims}
        return pyjwt.encode(given, key, algorithm=algorithm, headers={"kid": kid, **(headers or {})})

    async def start(self) -> None:
        """Listen; the same port as before after a `stop`."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0.01)

    def _jwk(self, kid: str) -> dict[str, Any]:
        key = self.keys[kid].public_key()
        kind = pyjwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPublicKey) else pyjwt.algorithms.ECAlgorithm
        return {**kind.to_jwk(key, as_dict=True), "kid": kid, "use": "sig"}

    async def _serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                self.asked.append(path)
                if self.script is None or not await self.script(path, writer):
                    writer.write(self._answer(path))
                await writer.drain()
        finally:
            self._writers.discard(writer)
            writer.close()

    def _answer(self, path: str) -> bytes:
        if path == CONFIGURATION:
            found = {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **self.configuration}
            return http(200, json.dumps(found).encode())
        if path == "/keys":
            return http(200, self.jwks(), {"cache-control": self.cache_control} if self.cache_control else {})
        return http(404, b"")


def http(status: int, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@contextlib.asynccontextmanager
async def running(*kids: str, **options: Any):
    """An identity provider that publishes `kids`."""
    idp = Idp(**options)
    for kid in kids:
        idp.add(kid)
    await idp.start()
    try:
        yield idp
    finally:
        await idp.stop()
