"""The same Idempotency-Key twice makes one effect: the first answer again, or word of what stands in its way.

Source: draft-ietf-httpapi-idempotency-key-header-07 (400 missing, 409 running, 422 other payload).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Self

import msgspec
from msgspec import Meta

from policies.decision import ALLOW, Decision, Replay, reject
from policies.policy import Facts, Need, Phase, Surroundings
from policies.request import Request

_KEY = re.compile(r"[!-~]{1,255}")
_MISSING = reject(400, "idempotency-key-missing", "The operation needs an Idempotency-Key header.")
_MALFORMED = reject(400, "idempotency-key-malformed", "An Idempotency-Key has 1 to 255 visible ASCII characters.")
_REUSED = reject(422, "idempotency-key-reused", "The Idempotency-Key was used for a different request.")


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    retry_after_s: Annotated[int, Meta(ge=1, le=3_600, description="advice while the first call is running")] = 2


class Idempotency:
    id: ClassVar[str] = "idempotency"
    version: ClassVar[str] = "1.0.0"
    phase: ClassVar[Phase] = "claim"
    after: ClassVar[tuple[str, ...]] = ()
    config_type: ClassVar[type[msgspec.Struct]] = Config
    asks_once: ClassVar[bool] = True

    def __init__(self, operation: str, is_required: bool, retry_after_s: int) -> None:
        self._operation = operation
        self._is_required = is_required
        headers = ((b"retry-after", b"%d" % retry_after_s),)
        running, unknown = "The first call with this Idempotency-Key is running.", "Its outcome is not known yet."
        self._running = reject(409, "idempotency-key-running", running, headers=headers)
        self._in_doubt = reject(409, "idempotency-key-running", unknown, headers=headers)

    @classmethod
    def compile(cls, config: Config, around: Surroundings) -> Self | None:
        operation = around.operation
        mode = operation.extension.idempotency or ("none" if operation.is_safe else "optional")
        if mode == "none":
            return None
        version = around.version
        name = f"{version.contract.contract}/{version.major}/{operation.id}"
        return cls(name, mode == "required", config.retry_after_s)

    def needs(self, request: Request, facts: Facts) -> tuple[Need, ...]:
        key = request.idempotency_key
        if not key or request.consumer is None or _KEY.fullmatch(key) is None:
            return ()
        return (Need("claim", (request.consumer.consumer, request.entity, self._operation, key)),)

    def decide(self, request: Request, facts: Facts) -> Decision:
        needs = self.needs(request, facts)
        if needs:
            return self._judge(request.fingerprint, facts[needs[0]])
        if request.idempotency_key:
            return _MALFORMED
        return _MISSING if self._is_required else ALLOW

    def _judge(self, fingerprint: str, claim: Any) -> Decision:
        if claim is None or claim.state == "not_executed":
            return ALLOW
        if claim.fingerprint != fingerprint:
            return _REUSED
        answer = claim.answer
        if claim.state == "in_doubt":
            return self._in_doubt
        if claim.state == "running" or answer is None:
            return self._running
        replay = Replay(answer.status, answer.headers, answer.body, claim.exchange_id, not claim.is_checked)
        return Decision("allow", replay=replay)
