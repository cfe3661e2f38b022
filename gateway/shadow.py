"""What drafts of a contract would have refused: recorded, and nothing else of it.

A call that the version in force lets through is judged by the request schema of each draft above it, its answer by the
response schema, both as the workspace's envelopes of these policies say. Decisions bear the draft's version and are in
shadow: the call waits for nothing here, nor is it refused, changed or failed by what a draft says; an error inside is a
decision too. Without drafts there is nothing to do.
"""

from __future__ import annotations

import logging
from typing import Any

from catalog.record import DecisionRecord
from gateway.call import Call
from gateway.draft import Draft
from policies.chain import Step
from policies.decision import Decision
from policies.request import Response

log = logging.getLogger(__name__)

#: name under which is noted that a call was judged, where no policy has anything to say
ITSELF = "draft"
_NO_FACTS: dict[Any, Any] = {}


def judge_request(drafts: tuple[Draft, ...], call: Call) -> None:
    """Note what each draft says of a request that is about to go to its system."""
    for draft in drafts:
        if not draft.is_known:
            code = "operation-not-in-draft"
            call.decisions.append(DecisionRecord(ITSELF, "flag", "shadow", code, version=draft.version))
        elif not _note(draft, draft.late, call, _NO_FACTS):
            call.decisions.append(DecisionRecord(ITSELF, "allow", "shadow", version=draft.version))


def judge_answer(drafts: tuple[Draft, ...], call: Call, response: Response) -> None:
    """Note what each draft finds wrong with an answer that is about to be passed on."""
    for draft in drafts:
        _note(draft, draft.back, call, response)


def _note(draft: Draft, steps: tuple[Step, ...], call: Call, subject: Any) -> bool:
    """Whether any of `steps` had something to say, which is noted."""
    before = len(call.decisions)
    for step in steps:
        try:
            if not step.is_conditional or step.applies(call.request):
                decision: Decision = step.decide(call.request, subject)
                if decision.kind != "allow":
                    call.decisions.append(_record(draft, step, decision))
        except Exception as error:
            # the text of an error may hold what the payload holds: only its type is told
            where = f"{draft.version} in exchange {call.request.exchange_id}"
            log.error("policy %s of draft %s failed: %s", step.name, where, type(error).__name__)
            call.decisions.append(DecisionRecord(step.name, "error", "shadow", "policy-error", version=draft.version))
    return len(call.decisions) > before


def _record(draft: Draft, step: Step, decision: Decision) -> DecisionRecord:
    kind: Any = "error" if decision.code == "schema-not-compiled" else decision.kind
    pointers = tuple(violation.pointer for violation in decision.violations)
    return DecisionRecord(step.name, kind, "shadow", decision.code, pointers, draft.version)
