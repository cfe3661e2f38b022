"""Notes gathered by what they say, so that a document of a thousand operations is told in a dozen lines."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from catalog.errors import Problem

#: what differs from note to note -> what all of them say
_SAME = (
    (re.compile(r"parameter \S+ has"), "a parameter has"),
    (re.compile(r"(header )?parameter \S+?:? "), r"\1parameter: "),
    (re.compile(r"response header \S+ is"), "response header is"),
    (re.compile(r"[A-Z]+ /\S* has (.*): it is known as .*"), r"an operation has \1"),
    (re.compile(r"an example is not valid: .*"), "an example is not valid"),
)


class NoteGroup(msgspec.Struct, frozen=True):
    """Notes of one file that say the same."""

    message: str
    rule: str
    file: str
    count: int
    places: tuple[str, ...]  # JSON pointers, in the order of the document


def grouped(notes: Iterable[Problem]) -> list[NoteGroup]:
    """The most frequent first."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for note in notes:
        found.setdefault((note.file, note.rule, _general(note.message)), []).append(note.pointer)
    groups = [
        NoteGroup(message, rule, file, len(places), tuple(places)) for (file, rule, message), places in found.items()
    ]
    return sorted(groups, key=lambda group: (group.file, group.rule, -group.count, group.message))


def _general(message: str) -> str:
    for form, same in _SAME:
        if form.match(message):
            return form.sub(same, message, count=1)
    return message
