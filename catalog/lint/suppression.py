"""Findings that may stay, because somebody said so and why: `x-waybill-lint` in a document, at the place or around it,

    x-waybill-lint: {ignore: [{rule: lists-are-paged, reason: "ten departments at most"}]}

and `lint.ignore` in waybill.yaml for files that have no place for it. One that gives no reason, or that hides nothing,
is a finding itself: it would hide what comes later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from catalog.inventory import SETTINGS, Workspace
from catalog.lint.finding import Finding, Place, Rule
from catalog.lint.position import documents
from catalog.pointer import is_within, join
from catalog.walk import objects_in

MEMBER = "x-waybill-lint"
UNREASONED, UNUSED = "suppression-reasoned", "suppression-used"

RULES = (
    Rule(
        UNREASONED,
        "warning",
        "Who comes later must be able to tell whether the finding may still stay.",
        'write {ignore: [{rule: <id>, reason: "why it may stay"}]}',
        told_by="suppression",
    ),
    Rule(
        UNUSED,
        "warning",
        "A suppression that hides nothing today hides tomorrow's mistake.",
        "remove it, or correct the rule's id or the place",
        told_by="suppression",
    ),
)


class Suppression(NamedTuple):
    """A rule that need not be kept in `file` at `within` and below; `pointer` is where that is said."""

    rule: str
    reason: str
    file: str
    within: str
    told_in: str  # the file that says so
    pointer: str

    def hides(self, finding: Finding) -> bool:
        problem = finding.problem
        return (self.rule, self.file) == (finding.rule, problem.file) and is_within(problem.pointer, self.within)


def read_suppressions(workspace: Workspace) -> tuple[list[Suppression], list[Place]]:
    """What may stay, and the places of what is said without a reason, or in no shape at all: that hides nothing."""
    read = [*_in_documents(workspace), *_in_settings(workspace)]
    suppressions = [each for each in read if isinstance(each, Suppression)]
    return suppressions, [each for each in read if isinstance(each, Place)]


def _in_documents(workspace: Workspace) -> Iterator[Suppression | Place]:
    for file, document in documents(workspace):
        for node, pointer in objects_in(document):
            if MEMBER in node and not pointer.endswith("/properties"):
                for entry, told_at in _entries(node[MEMBER], join(pointer, MEMBER)):
                    yield _read(entry, file, pointer, Place("", file, told_at))


def _in_settings(workspace: Workspace) -> Iterator[Suppression | Place]:
    for index, ignored in enumerate(workspace.lint.ignore):
        said = {"rule": ignored.rule, "reason": ignored.reason}
        yield _read(said, ignored.file, "", Place("", SETTINGS, join("/lint/ignore", index)))


def _entries(said: Any, pointer: str) -> Iterator[tuple[Any, str]]:
    entries = said.get("ignore") if isinstance(said, dict) and said.keys() == {"ignore"} else None
    if not isinstance(entries, list) or not entries:
        yield None, pointer
        return
    yield from ((entry, join(pointer, "ignore", index)) for index, entry in enumerate(entries))


def _read(entry: Any, file: str, within: str, told: Place) -> Suppression | Place:
    """What `entry` hides in `file` from `within` on; where it stands, when it is none."""
    rule, reason = (entry.get("rule"), entry.get("reason")) if isinstance(entry, dict) else (None, None)
    if not isinstance(rule, str) or not entry.keys() <= {"rule", "reason"}:
        return told._replace(message="not a suppression")
    if not isinstance(reason, str) or not reason.strip():
        return told._replace(message=f"{rule} is suppressed without a reason")
    return Suppression(rule, reason, file, within, told.file, told.pointer)


def unused(suppressions: Iterable[Suppression], used: set[Suppression], known: Sequence[str]) -> Iterator[Place]:
    """The places of what hides nothing."""
    for each in suppressions:
        if each.rule not in known:
            near = get_close_matches(each.rule, known, 1)
            hint = f": did you mean {near[0]}?" if near else ""
            yield Place(f"there is no rule {each.rule}{hint}", each.told_in, each.pointer)
        elif each not in used:
            yield Place(f"{each.rule} is suppressed, and finds nothing here", each.told_in, each.pointer)
