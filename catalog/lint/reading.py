"""Rules about what was found when documents were read: what is declared and nobody enforces, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.inventory import Workspace
from catalog.lint.finding import Check, Place, Rule


def _noted(rule: str) -> Check:
    def check(workspace: Workspace) -> Iterator[Place]:
        for note in workspace.notes:
            if note.rule == rule:
                yield Place(note.message, note.file, note.pointer)

    return check


RULES = (
    Rule(
        "not-enforced",
        "hint",
        "A reader of the document takes what it declares for checked; the gateway cannot check this.",
        "nothing to mend: know that the system itself must check it",
        _noted("not-enforced"),
    ),
    Rule(
        "operation-named",
        "hint",
        "Records, policies and objectives name an operation by its operationId; one that is made of the path changes "
        "with the path.",
        "add operationId",
        _noted("operation-named"),
    ),
    Rule(
        "operation-id-unique",
        "error",
        "Two operations of one name cannot be told apart in records, policies and objectives.",
        "give each operation an operationId of its own",
        told_by="loading",
    ),
    Rule(
        "deprecation-planned",
        "error",
        "Consumers can only leave a version when they know until when it answers and what to use instead.",
        "a deprecated or retired version needs deprecated_at, sunset_at and a successor that serves calls",
        told_by="loading",
    ),
)
