"""One call on its way through the gateway: what is known so far, and at the end its exchange record."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from catalog.errors import Violation
from catalog.expression import Context
from catalog.record import DecisionRecord, Exchange, Executed, Fault
from gateway.compile import Compiled
from gateway.entity import sole_entity
from gateway.exchange import NO_SENSE, Sense, blot_out
from gateway.inbound import Headers, Inbound
from gateway.plan import OperationPlan, Target
from gateway.problem import CONTENT_TYPE, fault_of, problem_body
from gateway.state.store import ClaimKey
from gateway.trace import Trace
from policies.decision import Replay
from policies.keyset import KeySource
from policies.request import Request, Response

log = logging.getLogger(__name__)

CLIENT_GONE = 499  # in no registry; what proxies log for a client that did not wait


class Reply(msgspec.Struct, frozen=True):
    """An answer to the client, without the headers that every answer gets."""

    status: int
    headers: Headers
    body: bytes


class Call:
    """Filled in step by step by the runner; `record` tells what became of it."""

    __slots__ = (
        "_request_sha256",
        "answer_headers",
        "attempt",
        "claim_key",
        "code",
        "commit_us",
        "compiled",
        "context",
        "decisions",
        "event",
        "executed",
        "fault",
        "has_intent",
        "inbound",
        "is_finished",
        "is_gone",
        "is_replay",
        "is_verified",
        "plan",
        "pointers",
        "refused_by",
        "replay",
        "request",
        "request_fields",
        "response_fields",
        "response_sha256",
        "sense",
        "started_ns",
        "started_us",
        "target",
        "trace",
        "upstream_after_us",
        "upstream_span_id",
        "upstream_status",
        "upstream_us",
        "wanted_keys",
    )

    def __init__(
        self, request: Request, inbound: Inbound, trace: Trace, compiled: Compiled, started_us: int, started_ns: int
    ) -> None:
        self.request = request
        self.inbound = inbound
        self.trace = trace
        self.compiled = compiled
        self.started_us = started_us  # wall clock
        self.started_ns = started_ns  # monotonic
        self.plan: OperationPlan | None = None
        self.target: Target | None = None
        self.context: Context | None = None
        self.sense: Sense = NO_SENSE
        self.claim_key: ClaimKey | None = None
        self.replay: Replay | None = None
        self.decisions: list[DecisionRecord] = []
        self.answer_headers: Headers = []  # of policies; on the answer whatever it becomes
        self.executed: Executed = "no"
        self.fault: Fault = "none"
        self.refused_by = ""
        self.pointers: tuple[str, ...] = ()  # of the violations that it was refused for
        self.code = ""
        self.event = ""
        self.upstream_status = 0
        self.upstream_us = 0
        self.upstream_after_us = 0
        self.upstream_span_id = ""  # once the system is called
        self.commit_us = 0
        self.attempt = 1
        self._request_sha256 = ""
        self.response_sha256 = ""
        self.request_fields: tuple[str, ...] = ()  # to be told: of a request that was let through
        self.response_fields: tuple[str, ...] = ()
        self.has_intent = False
        self.is_finished = False  # the outcome was handed to the store
        self.is_replay = False
        self.is_verified = True
        self.is_gone = False
        self.wanted_keys: KeySource | None = None  # without which it was refused

    def refuse(
        self,
        status: int,
        code: str,
        detail: str,
        fault: Fault | None = None,
        policy: str = "",
        violations: tuple[Violation, ...] = (),
        headers: tuple[tuple[bytes, bytes], ...] = (),
        members: dict[str, Any] | None = None,
    ) -> Reply:
        """The problem that answers this call; what it says is noted for the record too."""
        self.fault = fault or fault_of(status)
        self.code = code
        self.refused_by = policy
        self.pointers = tuple(violation.pointer for violation in violations)
        body = problem_body(
            self.request.exchange_id, status, code, detail, self.fault, self.executed, policy, violations, members
        )
        return Reply(status, [CONTENT_TYPE, *headers], body)

    def forget_refusal(self) -> None:
        """Before the chain decides anew: nothing of what it decided is told."""
        self.decisions.clear()
        self.fault, self.code, self.refused_by, self.pointers = "none", "", "", ()
        self.wanted_keys = None

    def open_context(self) -> Context:
        """What expressions see of the request; made once the body is there."""
        request, consumer = self.request, self.request.consumer
        self.context = Context(
            request.document,
            request.path_parameters,
            request.query,
            request.headers,
            credential=None if consumer is None else sole_entity(consumer),
        )
        return self.context

    def request_sha256(self) -> str:
        """Of the body, hex; made once it is there."""
        if not self._request_sha256:
            self._request_sha256 = hashlib.sha256(self.request.body).hexdigest()
        return self._request_sha256

    def understand_refused(self, pointers: tuple[str, ...]) -> None:
        """Like `understand`, for a request that was refused: what broke a rule, at `pointers`, is taken out first, so
        that nothing but well-formed business keys reaches the journal."""
        if self.context is not None:
            blot_out(self.context, pointers)
        self.understand()

    def disregard_answer(self) -> None:
        """Read again what the call means, from its request only: the answer failed a check."""
        if self.context is not None:
            self.context.response_document, self.context.response_headers = None, ()
            self.sense = NO_SENSE
            self.understand()

    def understand(self) -> None:
        """Read what the call means, with whatever of request and response the context holds."""
        if self.plan is not None and self.context is not None and self.request.entity:
            self.sense = self.plan.meaning.read(self.context, self.sense)

    def note_request_fields(self) -> None:
        """Once nothing but the system stands between the request and its answer."""
        if self.plan is not None and self.plan.fields is not None:
            self.request_fields = self._noted(self.plan.fields.of_request, self.request)

    def note_response_fields(self, response: Response) -> None:
        """Once an answer is what is passed on."""
        if self.plan is not None and self.plan.fields is not None:
            self.response_fields = self._noted(self.plan.fields.of_response, self.request, response)

    def _noted(self, tell: Callable[..., tuple[str, ...]], *what: Any) -> tuple[str, ...]:
        """What is told of a call must not cost it its answer."""
        try:
            return tell(*what)
        except Exception as error:
            # whatever its text says may be the payload's: only the type is told
            log.error("fields of exchange %s are not told: %s", self.request.exchange_id, type(error).__name__)
            return ()

    @property
    def is_mutating(self) -> bool:
        return self.plan is not None and not self.plan.is_safe

    def record(self, status: int, response_bytes: int, now_ns: int) -> Exchange:
        request, plan, sense, trace, target = self.request, self.plan, self.sense, self.trace, self.target
        body = request.body
        return Exchange(
            exchange_id=request.exchange_id,
            trace_id=trace.trace_id,
            span_id=trace.span_id,
            started_us=self.started_us,
            duration_us=(now_ns - self.started_ns) // 1000,
            upstream_us=self.upstream_us,
            snapshot=self.compiled.name,
            method=request.method,
            status=status,
            executed=self.executed,
            fault=self.fault,
            parent_span_id=trace.parent_span_id,
            commit_us=self.commit_us,
            contract=plan.contract if plan else "",
            version=plan.version.version if plan else "",
            operation=plan.operation.id if plan else "",
            route=plan.route if plan else "",
            layer=plan.layer if plan else "",
            priority=plan.operation.extension.priority if plan else "standard",
            consumer=request.consumer.consumer if request.consumer else "",
            principal=request.principal,
            legal_entity=request.entity,
            system=target.system.system if target else "",
            upstream_status=self.upstream_status,
            upstream_span_id=self.upstream_span_id,
            upstream_after_us=self.upstream_after_us,
            refused_by=self.refused_by,
            code=self.code,
            decisions=tuple(self.decisions),
            event=self.event,
            is_verified=self.is_verified,
            occurred_at=sense.occurred_at,
            object=sense.object,
            aliases=sense.aliases,
            links=sense.links,
            amount=sense.amount,
            status_axes=sense.status_axes,
            key_sha256=hashlib.sha256(request.idempotency_key.encode()).hexdigest() if request.idempotency_key else "",
            is_replay=self.is_replay,
            first_exchange_id=self.replay.first_exchange_id if self.is_replay and self.replay else "",
            attempt=self.attempt,
            request_sha256=self.request_sha256() if body else "",
            response_sha256=self.response_sha256,
            request_bytes=len(body),
            response_bytes=response_bytes,
            request_fields=self.request_fields,
            response_fields=self.response_fields,
        )
