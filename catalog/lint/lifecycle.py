"""Rules about how versions come and go."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.canonical import resolve_local
from catalog.compatibility.ending import SUNSET, announced
from catalog.consistency.contract import moment
from catalog.inventory import Workspace
from catalog.lifecycle import SHORTEST_NOTICE
from catalog.lint.finding import Place, Rule
from catalog.lint.operation import operations
from catalog.pointer import join


def _short_notice(workspace: Workspace) -> Iterator[Place]:
    for name, contract in workspace.contracts.items():
        for version, state in contract.versions.items():
            start, end = moment(state.deprecated_at), moment(state.sunset_at)
            if state.state == "deprecated" and start and end and end - start < SHORTEST_NOTICE:
                told = f"{version} ends {(end - start).days} days after it was deprecated"
                yield Place(told, workspace.sources[f"contract/{name}"], join("/versions", version, "sunset_at"))


def _end_untold(workspace: Workspace) -> Iterator[Place]:
    for version, operation, file in operations(workspace):
        node = resolve_local(version.document, f"#{operation.pointer}")
        is_marked = isinstance(node, dict) and (node.get("deprecated") is True or SUNSET in node)
        if is_marked and announced(node) is None:
            yield Place(f"{operation.id} is deprecated without a day on which it ends", file, operation.pointer)


RULES = (
    Rule(
        "sunset-leaves-time",
        "hint",
        "Teams must plan, test and release before a version they use is gone.",
        f"leave {SHORTEST_NOTICE.days} days or more between deprecated_at and sunset_at",
        _short_notice,
    ),
    Rule(
        "operation-end-announced",
        "hint",
        "Callers of a deprecated operation can plan only when they know until when it answers; until then it cannot be "
        "taken away, from then on nobody need approve that.",
        "add deprecated: true and x-sunset with an RFC 3339 date or date-time",
        _end_untold,
    ),
)
