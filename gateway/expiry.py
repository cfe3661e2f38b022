"""A gateway that was without its control plane for too long answers nothing, where that is asked for (design §4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.edge import Application
from gateway.framing import Refusal, problem
from gateway.problem import CONTENT_TYPE

ALWAYS_ANSWERED = frozenset({"/healthz", "/metrics"})


class Expiry:
    """Refuses calls once the snapshot was not confirmed for `max_age_s`, until it is again."""

    def __init__(self, app: Application, age_s: Callable[[], float], max_age_s: float) -> None:
        self._app = app
        self._age_s = age_s
        self._max_age_s = max_age_s
        self.is_expired = False

    async def step(self) -> float:
        self.is_expired = self._age_s() > self._max_age_s
        return min(1.0, self._max_age_s / 4)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if not self.is_expired or scope["type"] != "http" or scope["path"] in ALWAYS_ANSWERED:
            await self._app(scope, receive, send)
            return
        body = problem(Refusal(503, "snapshot-expired", "The gateway has been without its control plane for too long."))
        headers = [CONTENT_TYPE, (b"content-length", b"%d" % len(body)), (b"retry-after", b"10")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})
