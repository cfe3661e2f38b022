"""Calls through the gateway as a sane vendor makes them: one key per call, bounded retries, every attempt logged.

A log line of kind `call` is one attempt: the trace and span sent, the exchange id answered (`""` when no answer came),
status (0: none), problem code, what went wrong on the way (`error`), and which statuses the caller reckons with.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import secrets
import time
from typing import Any, NamedTuple

import httpx

from controlplane.simulation.credential import Credential
from controlplane.simulation.log import Log

OK: tuple[int, ...] = (200, 201, 202, 204)
IDLE_S = 2.0  # connections idle for longer are closed here, before any server does it
CONNECTIONS = 64  # of one caller; calls beyond that wait for one
BACKOFF_FIRST_S, BACKOFF_MOST_S = 0.1, 2.0


class Reply(NamedTuple):
    """The last answer of a call; `status` 0 when the caller gave up without one."""

    status: int
    body: Any
    code: str
    exchange: str

    @property
    def is_ok(self) -> bool:
        return self.status in OK


class Call(NamedTuple):
    """One logical call; attempts share its key and trace."""

    method: str
    target: str  # path and query below the gateway's address
    body: Any = None  # JSON document
    key: str = ""  # Idempotency-Key; "" sends none
    entity: str = ""  # Waybill-Legal-Entity; "" sends none
    expect: tuple[int, ...] = OK  # statuses the caller reckons with
    is_safe: bool = False  # may be sent again without a key
    fault: str = ""  # id of the planned fault this call belongs to
    trace: str = ""  # 32 hex digits of the trace to continue
    patience_s: float = 40.0  # no attempt starts later than this after the first
    media: str = "application/json"  # of the body
    credential: Credential | None = None  # instead of the caller's own


class Caller:
    """One identity's way to the gateway."""

    def __init__(self, name: str, url: str, credential: Credential, log: Log, timeout_s: float = 10.0) -> None:
        self.name = name
        self.credential = credential
        self._log = log
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=32, keepalive_expiry=IDLE_S)
        self._client = httpx.AsyncClient(
            base_url=url, limits=limits, timeout=httpx.Timeout(timeout_s, connect=2.0), trust_env=False
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def call(self, call: Call) -> Reply:
        """Send until there is a final answer or patience ends; returns the last answer."""
        started_s, number, attempt = time.monotonic(), secrets.token_hex(8), 0
        trace = call.trace or secrets.token_hex(16)
        while True:
            attempt += 1
            reply, retry_after_s = await self._attempt(call, number, attempt, trace)
            wait_s = _backoff_s(call, reply, attempt, retry_after_s)
            if wait_s is None or time.monotonic() + wait_s - started_s > call.patience_s:
                return reply
            await asyncio.sleep(wait_s)

    async def _attempt(self, call: Call, number: str, attempt: int, trace: str) -> tuple[Reply, float]:
        content = b"" if call.body is None else json.dumps(call.body, separators=(",", ":")).encode()
        span = secrets.token_hex(8)
        headers = {"traceparent": f"00-{trace}-{span}-01", **(call.credential or self.credential).headers()}
        if content:
            headers["Content-Type"] = call.media
        if call.key:
            headers["Idempotency-Key"] = call.key
        if call.entity:
            headers["Waybill-Legal-Entity"] = call.entity
        started_s, error, response = time.monotonic(), "", None
        sending = _Sending()
        try:
            response = await self._client.request(
                call.method, call.target, content=content, headers=headers, extensions={"trace": sending.note}
            )
        except httpx.TransportError as failure:
            error = type(failure).__name__
        except asyncio.CancelledError:
            error = "Cancelled"
            raise
        finally:
            reply = _reply(response)
            self._log.write(
                "call",
                caller=self.name,
                call=number,
                attempt=attempt,
                method=call.method,
                target=call.target,
                key=call.key,
                request_sha256=hashlib.sha256(content).hexdigest(),
                trace=trace,
                span=span,
                exchange=reply.exchange,
                status=reply.status,
                code=reply.code,
                error=error,
                is_sent=sending.is_done,
                is_replay=response is not None and response.headers.get("Idempotency-Replayed") == "true",
                duration_us=round((time.monotonic() - started_s) * 1e6),
                expect=list(call.expect),
                fault=call.fault,
            )
        return reply, _retry_after_s(response)


class _Sending:
    """Whether the whole request has left: before that it waits for a connection, or for room in it."""

    def __init__(self) -> None:
        self.is_done = False

    async def note(self, event: str, _: object) -> None:
        """What httpx tells of a request as it goes (its extension `trace`)."""
        self.is_done = self.is_done or event == "http11.send_request_body.complete"


def _reply(response: httpx.Response | None) -> Reply:
    if response is None:
        return Reply(0, None, "", "")
    try:
        body = response.json() if response.content else None
    except ValueError:
        body = None
    is_problem = response.headers.get("content-type", "").startswith("application/problem+json")
    code = str(body.get("code", "")) if is_problem and isinstance(body, dict) else ""
    return Reply(response.status_code, body, code, response.headers.get("Waybill-Exchange", ""))


def _retry_after_s(response: httpx.Response | None) -> float:
    text = "" if response is None else response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0


def _backoff_s(call: Call, reply: Reply, attempt: int, retry_after_s: float) -> float | None:
    """Seconds until the next attempt, None when the answer is final."""
    is_repeatable = call.is_safe or call.method == "GET" or bool(call.key)
    is_passing = (
        reply.status in (429, 503)
        or reply.code in ("idempotency-key-running", "upstream-unreachable")
        or (is_repeatable and reply.status in (0, 502, 504) and reply.code != "response-violation")
    )
    if call.fault or not is_passing:
        return None
    grown_s = min(BACKOFF_MOST_S, BACKOFF_FIRST_S * float(2 ** min(attempt - 1, 6)))
    return max(min(retry_after_s, BACKOFF_MOST_S), grown_s) * random.uniform(0.8, 1.2)
