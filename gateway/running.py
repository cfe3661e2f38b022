"""What runs just now, as settling an outcome needs it: systems, operations, meanings (`reconcile.Surroundings`)."""

from __future__ import annotations

from catalog.contract import Operation
from catalog.record import Exchange
from gateway.app import App
from gateway.plan import OperationPlan, Target
from gateway.secret import Secrets
from gateway.state.store import Answer, Intent
from policies.document import read_json


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

    def _plan(self, intent: Intent) -> OperationPlan | None:
        compiled, entry = self._app.compiled, intent.entry
        return None if compiled is None else compiled.plan(entry.contract, entry.version, entry.operation)
