"""Text: lengths, patterns and formats against each other. A format is the same or unknown."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from catalog.compatibility.language import Language, language
from catalog.compatibility.outcome import EMPTY, Outcome, some
from catalog.compatibility.regex import samples

if TYPE_CHECKING:
    from catalog.compatibility.branch import Branch
    from catalog.compatibility.solver import Solver

_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "a@example.org",
    "idn-email": "a@example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.org",
    "uri": "https://example.org/",
    "uri-reference": "/a",
    "uuid": "6f1c2d3e-4b5a-4c6d-8e7f-0a1b2c3d4e5f",
    "duration": "P1D",
    "regex": "a",
    "json-pointer": "/a",
    "iri": "https://example.org/",
    "iri-reference": "/a",
    "idn-hostname": "example.org",
    "relative-json-pointer": "0",
    "uri-template": "/{a}",
    "byte": "YQ==",
}
_ODD = ("", "a", "A", "0", "-1", " ", "a b", "[", "(", "0a", "Z9", "~", "zzzz", "2026-13-45", "é", "x-\u2603", "aA0-_.")
_LONGEST = 5_000


def decide(solver: Solver, branch: Branch) -> Outcome:
    """What the atoms of a branch leave of text."""
    least, most = lengths(branch)
    if most is not None and least > most:
        return EMPTY
    if most == 0:
        return some([""]) if solver.fits("", branch) else EMPTY
    found = _language(solver, branch, least, most)
    if found.is_empty:
        return EMPTY
    candidates = chain(found.texts, _candidates(branch, least, most))
    return some(value for value in candidates if solver.fits(value, branch))


def _language(solver: Solver, branch: Branch, least: int, most: int | None) -> Language:
    """What the patterns leave."""
    held, broken = (frozenset(term.args[0] for term in terms if term.op == "pattern") for terms in branch)
    if not held and not broken:
        return Language(None)
    for _ in range(len(held) + len(broken)):
        solver.step()
    return language(held, broken, least, most)


def lengths(branch: Branch) -> tuple[int, int | None]:
    """The fewest and most characters; None for no limit."""
    least = [0]
    most: list[int] = []
    for term in branch.held:
        if term.op in ("min-length", "max-length"):
            (least if term.op == "min-length" else most).append(term.args[0])
    for term in branch.broken:
        if term.op in ("min-length", "max-length"):
            (most if term.op == "min-length" else least).append(
                term.args[0] - 1 if term.op == "min-length" else term.args[0] + 1
            )
    return max(least), min(most) if most else None


def _candidates(branch: Branch, least: int, most: int | None) -> Iterator[str]:
    formats = [term.args[0] for term in branch.held if term.op == "format"]
    patterns = [term.args[0] for term in branch.held if term.op == "pattern"]
    others = [term.args[0] for term in branch.broken if term.op == "pattern"]
    yield from (_FORMATS[name] for name in formats if name in _FORMATS)
    for pattern in patterns:
        yield from samples(pattern, least, most)
    if least <= _LONGEST and not formats:
        for pattern in others:
            yield from (text + "~" for text in samples(pattern, least, most)[:3])
            yield from (text[:-1] for text in samples(pattern, least, most)[:3])
        for char in ("a", "A", "0", "~", "é"):
            yield char * max(least, 1)
        if most is not None and most <= _LONGEST:
            yield "a" * most
        for text in _ODD:
            padded = text + "a" * (least - len(text))
            yield padded if most is None else padded[:most]
    for pattern in patterns:
        for text in samples(pattern, least, most):
            yield from (text.swapcase(), text + text, text + "0", text + "a", text[1:])
