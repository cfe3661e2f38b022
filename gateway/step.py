"""Running the steps of a chain: facts, decisions, and what follows from them. Only the gathering of facts waits."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from catalog.errors import Unavailable
from catalog.record import DecisionRecord
from gateway.call import Call, Reply
from gateway.fact import Gatherer
from gateway.state.store import Store
from policies.builtin.request_schema import RequestSchema
from policies.chain import Step
from policies.decision import ALLOW, Decision, Identity
from policies.policy import Need
from policies.request import Response

log = logging.getLogger(__name__)

_NO_FACTS: Mapping[Need, Any] = {}


class StepRunner:
    """Runs steps over a call until one of them answers."""

    def __init__(self, store: Store) -> None:
        self._facts = Gatherer(store)

    async def run(self, steps: tuple[Step, ...], call: Call) -> Reply | None:
        """The refusal of the first enforcing step that rejects; None when all let the call go on."""
        request = call.request
        for step in steps:
            if step.is_conditional and not step.applies(request):
                continue
            try:
                facts = _NO_FACTS
                if step.needs is not None:
                    facts = await self._facts.gather(step.needs, request, step.asks_once)
                decision = step.decide(request, facts)
            except Unavailable:
                return journal_unavailable(call)
            except Exception as error:
                reply = self._failed(step, call, error)
            else:
                if decision is ALLOW:
                    continue
                if type(decision) is Decision and decision.is_plain:
                    if not step.is_shadow:
                        call.answer_headers += decision.headers
                    continue
                reply = self._follow(step, decision, call)
            if reply is not None:
                return reply
        return None

    def broken(self, steps: tuple[Step, ...], call: Call) -> tuple[str, ...] | None:
        """Where a refused request breaks its schema, also when something else refused it before the schema was
        looked at; None when that cannot be told. Nothing of it is noted."""
        pointers = call.pointers
        for step in steps:
            if step.policy_id != RequestSchema.id or step.name == call.refused_by:
                continue
            try:
                decision = step.decide(call.request, _NO_FACTS)
            except Exception as error:
                log.error(
                    "policy %s failed in exchange %s: %s", step.name, call.request.exchange_id, type(error).__name__
                )
                return None
            pointers += tuple(violation.pointer for violation in decision.violations)
        return pointers

    def rejudge(self, step: Step, call: Call, claim: Any) -> Reply | None:
        """Let a claim step decide about a claim that turned up when the intent was to be written."""
        try:
            needs = step.needs(call.request, _NO_FACTS) if step.needs else ()
            facts = dict.fromkeys(needs, claim)
            return self._follow(step, step.decide(call.request, facts), call)
        except Exception as error:
            return self._failed(step, call, error)

    def judge(self, steps: tuple[Step, ...], call: Call, response: Response) -> tuple[Step, Decision | None] | None:
        """The first enforcing back step that refuses `response`: with its decision, or None when it failed."""
        request = call.request
        for step in steps:
            if step.is_conditional and not step.applies(request):
                continue
            try:
                decision = step.decide(request, response)
                if decision is ALLOW:
                    continue
                _check(decision)
            except Exception as error:
                self._note_failure(step, call, error)
                if not step.is_shadow and step.on_error == "reject":
                    return step, None
                continue
            self._note(step, decision, call)
            if step.is_shadow:
                continue
            call.answer_headers += decision.headers
            if decision.kind == "reject":
                return step, decision
        return None

    def _follow(self, step: Step, decision: Decision, call: Call) -> Reply | None:
        try:
            _check(decision)
        except ValueError as error:
            return self._failed(step, call, error)
        self._note(step, decision, call)
        if step.is_shadow:
            return None
        if decision.kind == "reject":
            call.wanted_keys = decision.wanted_keys
            return call.refuse(
                decision.status,
                decision.code,
                decision.detail,
                policy=step.name,
                violations=decision.violations,
                headers=decision.headers,
                members=decision.members,
            )
        call.answer_headers += decision.headers
        if decision.identity is not None:
            _identify(call, decision.identity)
        if decision.replay is not None:
            call.replay = decision.replay
        return None

    def _note(self, step: Step, decision: Decision, call: Call) -> None:
        if decision.kind == "allow":
            return
        pointers = tuple(violation.pointer for violation in decision.violations)
        mode: Any = "shadow" if step.is_shadow else "enforce"
        call.decisions.append(DecisionRecord(step.name, decision.kind, mode, decision.code, pointers))

    def _note_failure(self, step: Step, call: Call, error: Exception) -> None:
        # the text of an error may hold what the payload holds: only its type is told
        log.error("policy %s failed in exchange %s: %s", step.name, call.request.exchange_id, type(error).__name__)
        mode: Any = "shadow" if step.is_shadow else "enforce"
        call.decisions.append(DecisionRecord(step.name, "error", mode, "policy-error"))

    def _failed(self, step: Step, call: Call, error: Exception) -> Reply | None:
        self._note_failure(step, call, error)
        if step.is_shadow or step.on_error == "allow":
            return None
        return call.refuse(500, "policy-error", "A policy failed; the call was not made.", "policy", step.name)


def _identify(call: Call, identity: Identity) -> None:
    """Scopes are those granted for the contract; a credential can only narrow them."""
    request = call.request
    request.consumer, request.principal = identity.consumer, identity.principal
    granted = call.plan.granted.get(identity.consumer.consumer, frozenset()) if call.plan else frozenset()
    request.scopes = granted if identity.scopes is None else granted & identity.scopes


def _check(decision: Decision) -> None:
    """Whatever is not a decision that can be followed is a failure of the policy. Holding is not available yet."""
    if decision.kind not in ("allow", "flag", "reject") or (decision.kind == "reject" and decision.status < 400):
        raise ValueError("not a decision that can be followed")


def journal_unavailable(call: Call) -> Reply:
    detail = "The gateway cannot write its journal; the call was not made."
    return call.refuse(503, "journal-unavailable", detail, "gateway", headers=((b"retry-after", b"5"),))
