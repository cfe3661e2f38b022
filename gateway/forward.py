"""From the intent to the checked answer: the part of a call that involves the system (design §11.3-4).

A mutating call's intent is committed before its first byte goes out, its outcome before anything is done with the
answer; from the intent on nothing that a client does stops it. Safe calls are tried a second time when the system had
closed a pooled connection before it answered.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

import msgspec

from catalog.errors import Unavailable
from catalog.network import System
from catalog.record import AttentionEntry, Executed, IntentEntry, OutcomeEntry
from gateway import event
from gateway.call import Call, Reply
from gateway.exchange import cross_references
from gateway.header import folded
from gateway.inbound import Headers, answer_headers
from gateway.plan import OperationPlan, Target
from gateway.problem import PROBLEM_PREFIX
from gateway.shadow import judge_answer
from gateway.state.store import Answer, Claim, ClaimState, CrossReference, Intent, Outcome, ReconcilePlan, Store
from gateway.step import StepRunner, journal_unavailable
from gateway.upstream import UpstreamAnswer, UpstreamBroken, UpstreamError, UpstreamUnreachable
from policies.chain import Step
from policies.decision import Decision
from policies.document import read_json
from policies.media import is_json_type
from policies.request import Response

log = logging.getLogger(__name__)

T = TypeVar("T")

_UNAUTHORIZED = frozenset({401, 407})


class Upstream(Protocol):
    """What is asked of the client that calls systems."""

    async def send(
        self, system: System, method: bytes, target: bytes, headers: Headers, body: bytes
    ) -> UpstreamAnswer: ...


class Forwarder:
    """Calls systems for calls that the chain let through."""

    def __init__(
        self,
        store: Store,
        upstream: Upstream,
        steps: StepRunner,
        clock: Callable[[], float],
        monotonic_ns: Callable[[], int],
    ) -> None:
        self._store = store
        self._upstream = upstream
        self._steps = steps
        self._clock = clock
        self._monotonic_ns = monotonic_ns

    async def read(self, call: Call, plan: OperationPlan, target: Target) -> Reply:
        """A safe call."""
        try:
            answer = await self._send(call, plan, target)
        except UpstreamError as error:
            return self._unanswered(call, error)
        if answer.status in _UNAUTHORIZED:
            return _unauthorized(call)
        response = _response(answer)
        _take_sense(call, plan, response)
        refused = self._steps.judge(plan.chain.back, call, response)
        if refused is not None:
            return _refused(call, *refused)
        call.note_response_fields(response)
        if plan.drafts:
            judge_answer(plan.drafts, call, response)
        return _passed_on(call, answer)

    async def write(self, call: Call, plan: OperationPlan, target: Target) -> Reply:
        """A mutating call: intent, system, outcome, checks. Runs to its end whatever the client does."""
        reconcile = None
        if plan.reconcile is not None and call.context is not None:
            timeouts = target.system.timeouts  # from now: a slow client may have taken its time with the body
            deadline_s = self._clock() + timeouts.connect_s + timeouts.total_s
            reconcile = plan.reconcile.plan(call.context, deadline_s)
        call.understand()
        reply = await self._begin(call, plan, self._store.begin(_intent(call, plan, target, reconcile)))
        if reply is not None:
            return reply
        try:
            answer = await self._send(call, plan, target)
        except UpstreamUnreachable as error:
            await self._finish(call, "no", "not_executed", None)
            return self._unanswered(call, error)
        except UpstreamBroken:
            return await self._in_doubt(call, plan, target, reconcile)
        except BaseException:
            await self._in_doubt(call, plan, target, reconcile)
            raise
        try:
            return await self._answered(call, plan, target, reconcile, answer)
        except Exception:
            if call.is_finished:
                raise
            return await self._in_doubt(call, plan, target, reconcile)

    async def accept(self, call: Call, plan: OperationPlan) -> Reply:
        """An event: on disk with intent and outcome in one commit, and there is nothing else to do."""
        call.understand()
        meant = event.event_of(call, plan)
        intent = _intent(call, plan, None, None)
        intent = msgspec.structs.replace(intent, draft=event.told(intent.draft, meant))
        answer = event.acceptance(call.request.exchange_id, self._store.stream)
        outcome = Outcome(OutcomeEntry(call.request.exchange_id, "yes"), "executed", answer)
        reply = await self._begin(call, plan, self._store.begin(intent, outcome))
        if reply is not None:
            return reply
        call.event, call.executed, call.is_finished = meant, "yes", True
        return Reply(answer.status, list(answer.headers), answer.body)

    async def _begin(self, call: Call, plan: OperationPlan, begun: Coroutine[Any, Any, Claim | None]) -> Reply | None:
        """Commit the intent; the answer when it could not be, or when somebody came first with the same key."""
        try:
            claim = await self._committed(call, begun)
        except Unavailable:
            return journal_unavailable(call)
        if claim is None:
            call.has_intent = True
            return None
        for step in plan.chain.claim:
            reply = self._steps.rejudge(step, call, claim)
            if reply is not None:
                return reply
        return await self.replay(call, plan)

    async def replay(self, call: Call, plan: OperationPlan) -> Reply:
        """The stored answer of an earlier call with the same key; checked first if it never was."""
        replay = call.replay
        if replay is None:  # the claim step let a call pass that somebody else is making
            return call.refuse(409, "idempotency-key-running", "The first call with this Idempotency-Key is running.")
        call.is_replay = True
        headers = list(replay.headers)
        response = _parsed(replay.status, headers, replay.body)
        call.executed = _executed_by(replay.status, response.document)
        _take_sense(call, plan, response)
        if replay.needs_check:
            refused = self._steps.judge(plan.chain.back, call, response)
            if refused is not None:
                return _refused(call, *refused)
        return Reply(replay.status, [*headers, (b"idempotency-replayed", b"true")], replay.body)

    async def _answered(
        self, call: Call, plan: OperationPlan, target: Target, reconcile: ReconcilePlan | None, answer: UpstreamAnswer
    ) -> Reply:
        executed, state = outcome_of(answer.status)
        if state == "in_doubt":
            return await self._in_doubt(call, plan, target, reconcile)
        if answer.status in _UNAUTHORIZED:
            return _unauthorized(call) if await self._finish(call, executed, state, None) else _doubtful(call)
        response = _response(answer)
        _take_sense(call, plan, response)
        reply = _passed_on(call, answer)
        kept = Answer(reply.status, tuple(reply.headers), reply.body)
        if not await self._finish(call, executed, state, kept, target):
            return _doubtful(call)
        if executed == "yes" and answer.status < 300:
            call.event = plan.meaning.event
        refused = self._steps.judge(plan.chain.back, call, response)
        if refused is None:
            call.note_response_fields(response)
            if plan.drafts:
                judge_answer(plan.drafts, call, response)
            return reply
        problem = _refused(call, *refused)
        if state == "executed":
            await self._withhold(call, plan, target, problem)
        return problem

    async def _send(self, call: Call, plan: OperationPlan, target: Target) -> UpstreamAnswer:
        request, trace = call.request, call.trace
        path = request.path.removeprefix(plan.base_path)
        line = f"{path}?{request.query}" if request.query else path
        headers = call.inbound.upstream_headers(trace.upstream_traceparent, trace.tracestate, request.exchange_id)
        if plan.passes_cookies:
            headers = headers + call.inbound.cookies
        if target.credential is not None:
            name = folded(target.credential[0])  # systems may read `x_token` and `x.token` as `x-token`
            headers = [*(header for header in headers if folded(header[0]) != name), target.credential]
        arguments = (target.system, request.method.encode(), line.encode("latin-1"), headers, request.body)
        started_ns = self._monotonic_ns()
        call.upstream_span_id, call.upstream_after_us = trace.client_span_id, (started_ns - call.started_ns) // 1000
        try:
            try:
                answer = await self._upstream.send(*arguments)
            except UpstreamBroken as error:
                if not plan.is_safe or not (error.reused and error.no_answer_byte) or error.timed_out:
                    raise
                call.attempt = 2
                answer = await self._upstream.send(*arguments)
        finally:
            call.upstream_us = (self._monotonic_ns() - started_ns) // 1000
        call.upstream_status = answer.status
        call.response_sha256 = hashlib.sha256(answer.body).hexdigest() if answer.body else ""
        return answer

    async def _finish(
        self, call: Call, executed: Executed, state: ClaimState, answer: Answer | None, target: Target | None = None
    ) -> bool:
        """Commit the outcome; False when the disk refuses (the store keeps trying)."""
        call.executed = executed
        call.is_finished = True
        entry = OutcomeEntry(call.request.exchange_id, executed, call.upstream_status, call.response_sha256)
        references: tuple[CrossReference, ...] = ()
        if target is not None and executed == "yes":
            references = cross_references(call.sense, call.request.entity, target.system.system, call.trace)
        try:
            await self._committed(call, self._store.finish(Outcome(entry, state, answer, references)))
        except Unavailable:
            return False
        return True

    async def _in_doubt(
        self, call: Call, plan: OperationPlan, target: Target, reconcile: ReconcilePlan | None
    ) -> Reply:
        """The system may have acted. Without a look-up that could tell, a person must."""
        await self._finish(call, "unknown", "in_doubt", None)
        reply = _doubtful(call)
        if reconcile is None:
            entry = _attention(call, plan, target, "in_doubt", "the system gave no usable answer")
            try:
                await self._store.open_attention(entry)
            except Unavailable:
                log.error("attention for exchange %s could not be written", call.request.exchange_id)
        return reply

    async def _withhold(self, call: Call, plan: OperationPlan, target: Target, problem: Reply) -> None:
        call.is_verified = False
        entry = _attention(call, plan, target, "withheld", "the system acted and its answer failed a check")
        answer = Answer(problem.status, tuple(problem.headers), problem.body)
        try:
            await self._committed(call, self._store.withhold(call.request.exchange_id, answer, entry))
        except Unavailable:
            log.error("the withheld answer of exchange %s could not be written", call.request.exchange_id)

    async def _committed(self, call: Call, commit: Awaitable[T]) -> T:
        started_ns = self._monotonic_ns()
        try:
            return await commit
        finally:
            call.commit_us += (self._monotonic_ns() - started_ns) // 1000

    def _unanswered(self, call: Call, error: UpstreamError) -> Reply:
        """Nothing was sent, or a safe call got no answer."""
        if isinstance(error, UpstreamUnreachable):
            return call.refuse(502, "upstream-unreachable", "The system cannot be reached.", "upstream")
        if isinstance(error, UpstreamBroken) and error.timed_out:
            return call.refuse(504, "upstream-timeout", "The system did not answer in time.", "upstream")
        return call.refuse(502, "upstream-broken", "The system's answer broke off or was malformed.", "upstream")


def outcome_of(status: int) -> tuple[Executed, ClaimState]:
    """What an answer's status says of a mutating call. State `executed` is remembered for its key; `not_executed` is
    not, so that a client may mend its request. A redirect that keeps method and body (307, 308) was not done here; 303
    shows the result of what was done; every other one and other 5xx leave open whether the system acted (design §11.3,
    RFC 9110 §15.4)."""
    if status < 300 or status == 303:
        return "yes", "executed"
    if status in (307, 308):
        return "no", "not_executed"
    if status < 400:
        return "unknown", "in_doubt"
    if status == 409:
        return "no", "executed"
    if status < 500 or status in (501, 503):
        return "no", "not_executed"
    return "unknown", "in_doubt"


def _executed_by(status: int, document: object) -> Executed:
    """What a stored answer says was done; a withheld one says it itself."""
    if isinstance(document, dict) and str(document.get("type", "")).startswith(PROBLEM_PREFIX):
        return "yes" if document.get("executed") == "yes" else "no"
    return "yes" if status < 400 else "no"


def _unauthorized(call: Call) -> Reply:
    """The client's credential ended here, so a 401 or 407 of the system can only mean the gateway's own."""
    detail = "The system did not accept the gateway's credential; it was not the caller's that was refused."
    return call.refuse(502, "upstream-unauthorized", detail, "upstream")


def _doubtful(call: Call) -> Reply:
    call.executed = "unknown"
    detail = "Whether the system did it is not known; the same Idempotency-Key gets the answer once it is."
    return call.refuse(504, "in-doubt", detail, "upstream")


def _passed_on(call: Call, answer: UpstreamAnswer) -> Reply:
    headers = answer_headers(answer.headers)
    if call.request.method == "HEAD":  # its length is that of the body it leaves out (RFC 9110 §8.6)
        headers += [header for header in answer.headers if header[0] == b"content-length"]
    return Reply(answer.status, headers, answer.body)


def _response(answer: UpstreamAnswer) -> Response:
    return _parsed(answer.status, answer.headers, answer.body)


def _parsed(status: int, headers: Headers, body: bytes) -> Response:
    response = Response(status, headers, body)
    if body and is_json_type(response.media):
        response.document, response.flaw = read_json(body)
    return response


def _take_sense(call: Call, plan: OperationPlan, response: Response) -> None:
    """What the call meant, once a success has said the rest."""
    if call.context is None:
        return
    if response.status < 300:
        call.context.response_document = response.document
        call.context.response_headers = response.headers
    call.understand()
    if plan.is_safe and response.status < 300 and not call.is_replay:
        call.event = plan.meaning.event


def _refused(call: Call, step: Step, decision: Decision | None) -> Reply:
    """A back step's refusal; it failed itself when there is no decision. What the answer said is not journalled."""
    call.disregard_answer()
    if decision is None:
        status, detail = (502 if call.is_mutating else 500), "A policy failed on the system's answer."
        return call.refuse(status, "policy-error", detail, "policy", step.name)
    return call.refuse(
        decision.status, decision.code, decision.detail, "response", step.name, decision.violations, decision.headers
    )


def _intent(call: Call, plan: OperationPlan, target: Target | None, reconcile: ReconcilePlan | None) -> Intent:
    request = call.request
    draft = call.record(0, 0, call.started_ns)
    entry = IntentEntry(
        request.exchange_id,
        plan.contract,
        plan.version.version,
        plan.operation.id,
        draft.consumer,
        request.entity,
        draft.system,
        draft.request_sha256,
        draft.key_sha256,
    )
    draft = msgspec.structs.replace(draft, executed="unknown", upstream_span_id=call.trace.client_span_id)
    return Intent(entry, draft, request.fingerprint, call.claim_key, reconcile, call.sense.object)


def _attention(call: Call, plan: OperationPlan, target: Target, kind: str, reason: str) -> AttentionEntry:
    request = call.request
    return AttentionEntry(
        attention_id=f"{kind.replace('_', '-')}-{request.exchange_id}",
        kind="withheld" if kind == "withheld" else "in_doubt",
        state="open",
        exchange_id=request.exchange_id,
        contract=plan.contract,
        operation=plan.operation.id,
        consumer=request.consumer.consumer if request.consumer else "",
        legal_entity=request.entity,
        system=target.system.system,
        object=call.sense.object,
        reason=reason,
    )
