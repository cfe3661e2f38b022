"""The chain over one call: head, body, entity, claim, late; then the system (`forward`) or a refusal (design §4.2)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from operator import itemgetter
from typing import Any

from catalog.cloudevent import key_of
from catalog.errors import Unavailable
from gateway import event
from gateway.call import Call, Reply
from gateway.forward import Forwarder, Upstream
from gateway.plan import OperationPlan
from gateway.shadow import judge_request
from gateway.state.store import ClaimKey, Store
from gateway.step import StepRunner, journal_unavailable
from policies.document import read_json
from policies.keyset import KeySource
from policies.media import is_json_type

Receive = Callable[[], Awaitable[Any]]

_CHALLENGE = ((b"www-authenticate", b'ApiKey realm="waybill", Bearer realm="waybill"'),)
_CLOSE = ((b"connection", b"close"),)


class Runner:
    """Takes calls from the route to the answer; what it learns stays in the `Call`."""

    def __init__(
        self,
        store: Store,
        upstream: Upstream,
        max_body_bytes: int,
        clock: Callable[[], float],
        monotonic_ns: Callable[[], int],
        refresh_keys: Callable[[KeySource], Awaitable[bool]],
    ) -> None:
        self._store = store
        self._refresh_keys = refresh_keys
        self._max_body_bytes = max_body_bytes
        self._steps = StepRunner(store)
        self._forwarder = Forwarder(store, upstream, self._steps, clock, monotonic_ns)

    async def run(self, call: Call, scope: Any, receive: Receive) -> Reply:
        """The answer to a call."""
        reply = self._route(call)
        plan = call.plan
        if reply is not None or plan is None:
            return reply or call.refuse(404, "route-unknown", "No contract has this path.")
        reply = await self._identify(call, plan)
        if reply is not None and call.wanted_keys is not None and await self._refresh_keys(call.wanted_keys):
            call.forget_refusal()
            reply = await self._identify(call, plan)
        reply = reply or await self._steps.run(plan.chain.head, call)
        if reply is not None:
            return reply
        inbound = call.inbound
        if plan.needs_body or inbound.is_chunked or inbound.content_length:
            reply = await self._read_body(call, scope, receive)
            if reply is not None:
                return reply
        reply = await self._judge_body(call, plan) or await self._claim(call, plan)
        if reply is not None:
            return reply
        if call.replay is not None:
            return await self._forwarder.replay(call, plan)
        reply = await self._steps.run(plan.chain.late, call) or self._bind(call, plan)
        if reply is not None:
            self._understand_refused(call, plan)
            return reply
        if plan.drafts:
            judge_request(plan.drafts, call)
        return await self._forward(call, plan)

    def _route(self, call: Call) -> Reply | None:
        request = call.request
        match = call.compiled.router.match(request.method, request.path)
        if match is None:
            return call.refuse(404, "route-unknown", "No contract has this path.")
        if match.target is None:
            allow = (b"allow", ", ".join(match.allowed).encode())
            if request.method == "OPTIONS":
                return Reply(204, [allow], b"")
            return call.refuse(405, "method-unknown", "The path does not know this method.", headers=(allow,))
        call.plan = match.target
        request.version = match.target.version
        request.operation = match.target.operation
        request.path_parameters = match.parameters
        return None

    async def _identify(self, call: Call, plan: OperationPlan) -> Reply | None:
        if call.inbound.takes_away(plan.header_names):
            detail = "The Connection header names one that the call is judged by."
            return call.refuse(400, "connection-ambiguous", detail)
        if call.inbound.credentials > 1:
            return call.refuse(400, "credential-ambiguous", "The call presents more than one credential.")
        reply = await self._steps.run(plan.chain.identity, call)
        if reply is not None:
            return reply
        if call.request.consumer is None:
            detail = "The call presents no credential that is accepted here."
            return call.refuse(401, "unauthenticated", detail, headers=_CHALLENGE)
        return None

    async def _read_body(self, call: Call, scope: Any, receive: Receive) -> Reply | None:
        if call.inbound.content_length > self._max_body_bytes:
            return self._too_large(call)
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            body = message.get("body", b"")
            if len(body) > self._max_body_bytes:
                return self._too_large(call)
            call.request.body = body
            return None
        parts: list[bytes] = []
        size = 0
        while True:
            if message["type"] == "http.disconnect":
                return _cut_off(call, scope)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._max_body_bytes:
                return self._too_large(call)
            if not message.get("more_body", False):
                break
            message = await receive()
        call.request.body = b"".join(parts)
        return None

    def _too_large(self, call: Call) -> Reply:
        detail = f"The body is larger than {self._max_body_bytes} bytes."
        return call.refuse(413, "body-too-large", detail, headers=_CLOSE)

    async def _judge_body(self, call: Call, plan: OperationPlan) -> Reply | None:
        request = call.request
        is_event = plan.operation.is_event
        if is_event and (reply := event.refuse_batch(call)):
            return reply
        if request.body and is_json_type(request.media):
            request.document, request.flaw = read_json(request.body)
        reply = await self._steps.run(plan.chain.body, call)
        if reply is None and request.flaw:
            return call.refuse(400, "malformed-json", request.flaw)
        if reply is None and is_event:
            reply = event.take(call)
        return reply or await self._resolve(call, plan)

    async def _resolve(self, call: Call, plan: OperationPlan) -> Reply | None:
        consumer = call.request.consumer
        context = call.open_context()
        if consumer is None:
            return call.refuse(401, "unauthenticated", "The call presents no credential that is accepted here.")
        try:
            found = await plan.resolver.resolve(context, consumer, self._store)
        except Unavailable:
            return journal_unavailable(call)
        if not found.entity:
            return call.refuse(found.status, found.code, found.detail)
        call.request.entity = context.entity = found.entity
        reply = await self._steps.run(plan.chain.entity, call)
        if reply is not None:
            call.request.entity = ""  # not the caller's to name: nothing is assigned to it
        return reply

    async def _claim(self, call: Call, plan: OperationPlan) -> Reply | None:
        request = call.request
        target = plan.target(request.entity)
        if target is not None and call.context is not None:
            call.target = target
            call.context.system = target.system.system
        if plan.is_safe:
            return None
        is_event = plan.operation.is_event
        if is_event and call.context is not None and request.consumer is not None:
            call.context.system = request.consumer.system  # that whose names the event tells
        request.fingerprint = event.fingerprint(call) if is_event else _fingerprint(call, plan)
        if not plan.chain.claim:
            return None
        keys = call.inbound.idempotency_keys
        if is_event:
            request.idempotency_key = key_of(request.document)
        elif len(keys) > 1:
            return call.refuse(400, "idempotency-key-malformed", "There is more than one Idempotency-Key.")
        elif keys:
            request.idempotency_key = _key_text(keys[0])
        reply = await self._steps.run(plan.chain.claim, call)
        if reply is not None:
            self._understand_refused(call, plan)
        elif request.idempotency_key and request.consumer is not None:
            call.claim_key = ClaimKey(request.consumer.consumer, request.entity, plan.key, request.idempotency_key)
        return reply

    def _understand_refused(self, call: Call, plan: OperationPlan) -> None:
        pointers = self._steps.broken(plan.chain.late, call)
        if pointers is not None:
            call.understand_refused(pointers)

    def _bind(self, call: Call, plan: OperationPlan) -> Reply | None:
        if plan.is_retired:
            return call.refuse(410, "retired", "This version is retired.")
        if call.target is None and not plan.operation.is_event:
            detail = "No system is bound to this contract and legal entity."
            return call.refuse(503, "no-binding", detail, "gateway")
        return None

    async def _forward(self, call: Call, plan: OperationPlan) -> Reply:
        target = call.target
        call.note_request_fields()
        if plan.operation.is_event:
            return await asyncio.shield(asyncio.create_task(self._forwarder.accept(call, plan)))
        if target is None:
            raise RuntimeError("a call without a system was let through")
        if plan.is_safe:
            return await self._forwarder.read(call, plan, target)
        return await asyncio.shield(asyncio.create_task(self._forwarder.write(call, plan, target)))


def _cut_off(call: Call, scope: Any) -> Reply:
    """The body ended early: the edge gave up on it, or the client has gone."""
    refusal = scope.get("waybill.refusal")
    if refusal is not None:
        status, code, detail = refusal
        return call.refuse(status, code, detail)
    call.is_gone = True
    return call.refuse(400, "client-gone", "The client went away before its request was complete.")


def _fingerprint(call: Call, plan: OperationPlan) -> str:
    """SHA-256 over method, path, query, body and declared header parameters."""
    request = call.request
    lines = [request.method, request.path, request.query, call.request_sha256()]
    if plan.header_names:
        given = [header for header in request.headers if header[0] in plan.header_names]
        given.sort(key=itemgetter(0))  # several of one name keep their order, which means something
        lines += [f"{name.decode()}:{value.decode('latin-1')}" for name, value in given]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _key_text(value: bytes) -> str:
    """The key, with or without the quotes of a structured field string (draft -07 §2.1)."""
    text = value.decode("latin-1").strip()
    return text[1:-1] if len(text) > 2 and text[0] == text[-1] == '"' else text
