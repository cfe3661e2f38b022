"""The control plane's API as a gateway sees it. Foreign errors become those of `catalog.errors` here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import httpx
import msgspec

from catalog.errors import Conflict, Invalid, NotFound, Unauthorized, Unavailable
from catalog.snapshot import SignedManifest
from gateway.state.store import Batch

_SLACK_S = 10.0  # on top of a long poll's wait
_DETAIL_CHARACTERS = 4_000

T = TypeVar("T")


class Enrolled(msgspec.Struct, frozen=True):
    """What the control plane gives once."""

    gateway: str
    group: str
    credential: str
    pepper: str  # base64
    snapshot_key: str  # base64, raw Ed25519 public key


class Command(msgspec.Struct, frozen=True):
    """Something a person asks the gateway to do."""

    command_id: str
    kind: str
    attention_id: str = ""
    exchange_id: str = ""
    resolution: str = ""
    by: str = ""
    note: str = ""


class OutOfStep(Conflict):
    """The control plane wants another entry next than the one sent."""

    code = "out-of-step"

    def __init__(self, expected: int) -> None:
        super().__init__(f"entry {expected} is expected next")
        self.expected = expected


class _Commands(msgspec.Struct):
    commands: list[Command]


class _Renewed(msgspec.Struct):
    credential: str


class _Taken(msgspec.Struct):
    last: int


class _Expected(msgspec.Struct):
    expected: int


class _Detail(msgspec.Struct):
    detail: str = ""


class ControlPlane:
    """All calls may raise Unavailable (away, or an answer that makes no sense) and Unauthorized. `newest` gives the
    credential as it is kept: another process of this gateway may have renewed it."""

    def __init__(
        self, url: str, credential: str = "", timeout_s: float = 10.0, newest: Callable[[], str] = lambda: ""
    ) -> None:
        self._http = httpx.AsyncClient(base_url=f"{url.rstrip('/')}/api/v1", timeout=timeout_s, trust_env=False)
        self._newest = newest
        self._credential = ""
        if credential:
            self.use(credential)

    def use(self, credential: str) -> None:
        """Present `credential` from now on."""
        self._credential = credential
        self._http.headers["authorization"] = f"Bearer {credential}"

    async def close(self) -> None:
        await self._http.aclose()

    async def enrol(self, token: str, name: str) -> Enrolled:
        response = await self._call("POST", "/gateways/enrol", json={"token": token, "name": name})
        return _read(response, Enrolled)

    async def snapshot(self, generation: int, wait_s: float) -> SignedManifest | None:
        """The manifest when its generation is not `generation`; None when there was none in time, or none at all."""
        try:
            response = await self._call(
                "GET",
                "/snapshot",
                params={"generation": generation, "wait_s": wait_s},
                timeout=wait_s + _SLACK_S,
            )
        except NotFound:
            return None
        return None if response.status_code == httpx.codes.NOT_MODIFIED else _read(response, SignedManifest)

    async def blob(self, sha256: str) -> bytes:
        """Bytes as received, not checked. Raises also: NotFound."""
        return (await self._call("GET", f"/blobs/{sha256}")).content

    async def report(self, generation: int, state: Literal["ack", "nack"], detail: str, at_us: int) -> None:
        body = {"generation": generation, "state": state, "detail": detail[:_DETAIL_CHARACTERS], "at_us": at_us}
        await self._call("POST", "/gateways/status", json=body)

    async def halted(self, stream: str, reason: str) -> None:
        """Tell that `stream` cannot be shipped."""
        await self._call("POST", "/gateways/shipping", json={"stream": stream, "reason": reason[:_DETAIL_CHARACTERS]})

    async def renew(self) -> str:
        """A new credential; the old one counts until the command that asks for it is acknowledged."""
        return _read(await self._call("POST", "/gateways/credential"), _Renewed).credential

    async def commands(self, wait_s: float) -> list[Command]:
        response = await self._call("GET", "/commands", params={"wait_s": wait_s}, timeout=wait_s + _SLACK_S)
        return _read(response, _Commands).commands

    async def ingest(self, batch: Batch) -> int:
        """Send lines; the last sequence number taken. Raises also: OutOfStep, Invalid (the chain is broken)."""
        response = await self._call(
            "POST",
            "/ingest",
            params={"stream": batch.stream, "first": batch.first, "last": batch.last},
            content=batch.lines,
            headers={"content-type": "application/x-ndjson"},
            timeout=30.0,
        )
        return _read(response, _Taken).last

    async def _call(self, method: str, path: str, **options: Any) -> httpx.Response:
        response = await self._send(method, path, **options)
        newest = self._newest() if response.status_code == 401 else ""
        if newest and newest != self._credential:
            self.use(newest)
            response = await self._send(method, path, **options)
        if response.status_code < 400:
            return response
        raise _error(response)

    async def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return await self._http.request(method, path, **options)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(f"the control plane is away: {type(error).__name__} {error}".rstrip()) from error


def _read(response: httpx.Response, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.DecodeError as error:
        raise Unavailable(f"the control plane's answer makes no sense: {error}") from error


def _error(response: httpx.Response) -> Exception:
    status = response.status_code
    detail = _said(response) or f"status {status}"
    if status in (401, 403):
        return Unauthorized(f"the control plane refuses this gateway: {detail}")
    if status == 404:
        return NotFound(detail)
    if status == 409:
        try:
            return OutOfStep(msgspec.json.decode(response.content, type=_Expected).expected)
        except msgspec.DecodeError:
            return Unavailable(f"the control plane refuses: {detail}")
    if status in (400, 422):
        return Invalid(detail)
    return Unavailable(f"the control plane answers {status}: {detail}")


def _said(response: httpx.Response) -> str:
    try:
        return msgspec.json.decode(response.content, type=_Detail).detail
    except msgspec.DecodeError:
        return ""
