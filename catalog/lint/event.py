"""Rules about what is asked and what is told: validations and look-ups are calls, state changes are events.

A question needs its answer at once, so whoever asks must wait for it; that something happened must reach everybody whom
it concerns, also those whom nobody thought of when the call was made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.contract import Operation
from catalog.inventory import Workspace
from catalog.lint.finding import Place, Rule
from catalog.pointer import join

#: <object>.<past participle>, which words may precede: invoice.posted, invoice.exception_raised, payment.sent
_NAMED = re.compile(
    r"(?P<object>[a-z][a-z0-9_]*)\.(?:[a-z]+_)*"
    r"(?:[a-z]+ed|sent|paid|put|held|unheld|made|lost|found|drawn|withdrawn|written|taken|given|split|set|begun|done)"
)


def _operations(workspace: Workspace) -> Iterator[tuple[Operation, str]]:
    """Operation and file of all that may still be changed or called."""
    for version in workspace.versions:
        if version.state.state != "retired":
            for operation in version.operations:
                yield operation, workspace.sources[f"contract/{version.ref}"]


def _question_as_event(workspace: Workspace) -> Iterator[Place]:
    asked = {event for operation, _ in _operations(workspace) if operation.is_safe for event in operation.events}
    for operation, file in _operations(workspace):
        for event in sorted(operation.events & asked) if operation.is_event else ():
            message = f"{event} is the result of a validation or look-up, offered as an event"
            yield Place(message, file, operation.pointer)
    for version in workspace.versions:
        file = workspace.sources[f"contract/{version.ref}"]
        for operation in version.operations:
            declared = version.document.get("operations", {}).get(operation.id, {}) if operation.is_event else {}
            if "reply" in declared and version.state.state != "retired":
                message = f"{operation.id} waits for a reply: that is a question"
                yield Place(message, file, join(operation.pointer, "reply"))


def _change_without_event(workspace: Workspace) -> Iterator[Place]:
    told = {event for operation, _ in _operations(workspace) if operation.is_event for event in operation.events}
    untold: dict[str, set[str]] = {}
    for operation, file in _operations(workspace):
        if not (operation.is_event or operation.is_safe) and operation.events - told:
            untold.setdefault(file, set()).update(operation.events - told)
    for file, events in untold.items():
        yield Place(f"no event contract tells {', '.join(sorted(events))}", file)


def _misnamed(workspace: Workspace) -> Iterator[Place]:
    for operation, file in _operations(workspace):
        place = operation.pointer if operation.is_event else join(operation.pointer, "x-waybill", "event")
        for event in sorted(operation.events):
            named = _NAMED.fullmatch(event)
            if named is None or named["object"] != operation.extension.object:
                yield Place(f"{event!r} does not say what happened to {operation.extension.object}", file, place)


RULES = (
    Rule(
        "question-is-a-call",
        "warning",
        "Who asks waits for the answer; an event has none, and its sender must not need one.",
        "offer it as a synchronous operation marked safe: true",
        _question_as_event,
    ),
    Rule(
        "change-has-event",
        "hint",
        "A state change concerns more systems than the one that was called; without an event they must poll.",
        "add a message to an event contract (asyncapi.yaml) so that others can be told",
        _change_without_event,
    ),
    Rule(
        "event-named",
        "warning",
        "An event tells a fact about one object; lineage and objectives find it by that name.",
        "name it <object>.<past participle>, such as invoice.posted",
        _misnamed,
    ),
)
