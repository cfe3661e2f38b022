"""What runs just now, as settling an outcome needs it: systems, operations, meanings (`reconcile.Surroundings`)."""

from __future__ import annotations

import logging

from catalog.contract import Operation
from catalog.errors import Violation
from catalog.network import Consumer
from catalog.record import Exchange, Fault
from gateway.app import App
from gateway.plan import OperationPlan, Target
from gateway.problem import CONTENT_TYPE, problem_body
from gateway.reconcile import Withheld
from gateway.secret import Secrets
from gateway.state.store import Answer, Intent
from policies.document import read_json
from policies.media import is_json_type
from policies.request import Request, Response

log = logging.getLogger(__name__)


class Running:
    """Asks the application for its snapshot each time: it may have changed since the intent was written."""

    def __init__(self, app: App, secrets: Secrets) -> None:
        self._app = app
        self._secrets = secrets

    def target(self, intent: Intent) -> Target | None:
        compiled = self._app.compiled
        system = None if compiled is None else compiled.systems.get(intent.entry.system)
        return None if system is None else Target(system, self._secrets.credential(system))

    def operation(self, intent: Intent) -> Operation | None:
        plan = self._plan(intent)
        return None if plan is None else plan.operation

    def complete(self, intent: Intent, answer: Answer | None) -> Exchange:
        plan = self._plan(intent)
        if plan is None:
            return intent.draft
        if answer is None or answer.status >= 300:
            return plan.meaning.complete(intent.draft, None)
        return plan.meaning.complete(intent.draft, read_json(answer.body)[0], answer.headers)

    def withheld(self, intent: Intent, answer: Answer) -> Withheld | None:
        plan, draft = self._plan(intent), intent.draft
        if plan is None:
            return None
        request = Request(draft.exchange_id, draft.method, "", "", [], draft.started_us / 1e6)
        request.version, request.operation, request.entity = plan.version, plan.operation, draft.legal_entity
        request.consumer = Consumer(draft.consumer, draft.consumer)
        response = Response(answer.status, list(answer.headers), answer.body)
        if answer.body and is_json_type(response.media):
            response.document, response.flaw = read_json(answer.body)
        for step in plan.chain.back:
            if step.is_shadow or (step.is_conditional and not step.applies(request)):
                continue
            try:
                decision = step.decide(request, response)
            except Exception as error:
                log.error("policy %s failed on exchange %s: %s", step.name, draft.exchange_id, type(error).__name__)
                if step.on_error == "reject":
                    detail = "A policy failed on the system's answer."
                    return _withheld(draft.exchange_id, 502, "policy-error", detail, "policy", step.name, ())
                continue
            if decision.kind == "reject":
                return _withheld(
                    draft.exchange_id, decision.status, decision.code, decision.detail, "response", step.name,
                    decision.violations,
                )  # fmt: skip
        return None

    def _plan(self, intent: Intent) -> OperationPlan | None:
        compiled, entry = self._app.compiled, intent.entry
        return None if compiled is None else compiled.plan(entry.contract, entry.version, entry.operation)


def _withheld(
    exchange_id: str, status: int, code: str, detail: str, fault: Fault, policy: str, violations: tuple[Violation, ...]
) -> Withheld:
    body = problem_body(exchange_id, status, code, detail, fault, "yes", policy, violations)
    return Withheld(Answer(status, (CONTENT_TYPE,), body), code, fault, policy)
