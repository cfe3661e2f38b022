"""A control plane's gateway side on a real socket: speaks the API of a gateway and may misbehave on demand."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from catalog.snapshot import BlobRef, Manifest, SignedManifest, canonical_json, sha256_hex, sign_manifest
from gateway import stream


class ControlPlaneDouble:
    """Keeps what gateways send. `refuse` may answer a call instead: (method, path) -> (status, body) or None."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.tokens = {"token-1"}
        self.signed: SignedManifest | None = None
        self.generation = 0
        self.blobs: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.reports: list[dict[str, Any]] = []
        self.halts: list[dict[str, Any]] = []
        self.renewed = 0
        self.bearers: list[str] = []
        self.commands: list[dict[str, Any]] = []
        self.streams: dict[str, stream.Chain] = {}
        self.entries: list[Any] = []
        self.refuse: Callable[[str, str], tuple[int, bytes] | None] = lambda method, path: None
        self._server: asyncio.Server | None = None
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_stopped = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def public_key(self) -> str:
        raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.b64encode(raw).decode()

    async def start(self) -> None:
        """Listen; the same port as before after a `stop`."""
        self._is_stopped = False
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._is_stopped = True  # connections that were accepted and not yet served end at once
        for listener in self._server.sockets:
            asyncio.get_running_loop().remove_reader(listener.fileno())
        await asyncio.sleep(0.05)
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)

    def publish(
        self, parts: dict[str, Any], generation: int | None = None, key: Ed25519PrivateKey | None = None
    ) -> None:
        """Sign a manifest of `parts` ("kind/name" -> value) as the next generation."""
        refs = []
        for name, value in parts.items():
            content = canonical_json(value)
            self.blobs[sha256_hex(content)] = content
            refs.append(BlobRef(*name.split("/", 1), sha256_hex(content), len(content)))
        self.offer(tuple(refs), {}, generation, key)

    def offer(
        self,
        refs: tuple[BlobRef, ...],
        blobs: dict[str, bytes],
        generation: int | None = None,
        key: Ed25519PrivateKey | None = None,
    ) -> None:
        """Sign a manifest over blobs as the next generation."""
        self.generation = self.generation + 1 if generation is None else generation
        self.blobs |= blobs
        manifest = Manifest(self.generation, "2026-01-01T00:00:00Z", refs)
        self.signed = sign_manifest(manifest, key or self.key)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_stopped:
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, target, _ = head.split("\r\n", 1)[0].split(" ")
            sizes = [line[15:] for line in head.split("\r\n") if line.lower().startswith("content-length:")]
            body = await reader.readexactly(int(sizes[0]) if sizes else 0)
            url = urlsplit(target)
            path = url.path.removeprefix("/api/v1")
            self.calls.append(f"{method} {path}")
            bearers = [line[22:] for line in head.split("\r\n") if line.lower().startswith("authorization: bearer ")]
            self.bearers += bearers
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            status, content = self.refuse(method, path) or await self._answer(method, path, query, body)
            writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n".encode())
            writer.write(content)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if (method, path) == ("POST", "/gateways/enrol"):
            return self._enrol(json.loads(body))
        if (method, path) == ("GET", "/snapshot"):
            return await self._snapshot(int(query["generation"]), float(query["wait_s"]))
        if path.startswith("/blobs/"):
            content = self.blobs.get(path.removeprefix("/blobs/"))
            return (404, b'{"detail":"no such blob"}') if content is None else (200, content)
        if path == "/gateways/status":
            self.reports.append(json.loads(body))
            return 204, b""
        if path == "/gateways/shipping":
            self.halts.append(json.loads(body))
            return 204, b""
        if path == "/gateways/credential":
            self.renewed += 1
            return 201, json.dumps({"credential": f"wbg_renewed{self.renewed}_secret"}).encode()
        if path == "/commands":
            return 200, json.dumps({"commands": self.commands}).encode()
        return self._ingest(query["stream"], int(query["first"]), int(query["last"]), body)

    def _enrol(self, body: dict[str, str]) -> tuple[int, bytes]:
        if body["token"] not in self.tokens:
            return 401, b'{"detail":"the enrolment token was used already"}'
        self.tokens.discard(body["token"])
        answer = {
            "gateway": f"{body['name']}-1",
            "group": "default",
            "credential": "wbg_test",
            "pepper": base64.b64encode(b"p" * 32).decode(),
            "snapshot_key": self.public_key,
        }
        return 201, json.dumps(answer).encode()

    async def _snapshot(self, generation: int, wait_s: float) -> tuple[int, bytes]:
        for _ in range(int(wait_s / 0.02) + 1):
            if self.signed is not None and self.generation != generation:
                return 200, msgspec.json.encode(self.signed)
            await asyncio.sleep(0.02)
        return (404, b"{}") if self.signed is None else (304, b"")

    def _ingest(self, name: str, first: int, last: int, body: bytes) -> tuple[int, bytes]:
        chain = self.streams.setdefault(name, stream.Chain())
        if first != chain.last + 1:
            return 409, json.dumps({"expected": chain.last + 1, "code": "unexpected-entry"}).encode()
        found = [chain.follow(line) for line in body.splitlines()]
        assert chain.last == last
        self.entries += found
        self.commands = [
            command
            for command in self.commands
            if not any(e.kind == "ack" and command["command_id"].encode() in bytes(e.body) for e in found)
        ]
        return 200, json.dumps({"last": last}).encode()
