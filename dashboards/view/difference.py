"""Two versions compared, for people: the verdict in words, each change with its proof and both sides. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import SequenceMatcher
from html import escape
from typing import Any

from dashboards.view.table import pill

#: severity of a change, or a bump -> words, kind of pill
SEVERITIES = {
    "major": ("breaks", "bad"),
    "minor": ("adds or relaxes", "good"),
    "patch": ("words only", "plain"),
}
COUNTED = {
    "major": ("breaks", "break"),
    "minor": ("adds or relaxes", "add or relax"),
    "patch": ("of words", "of words"),
}
VERDICTS = {
    "compatible": ("Nothing breaks", "good"),
    "incompatible": ("Breaks those who use the old version", "bad"),
    "unknown": ("Not proved safe: counts as breaking", "watch"),
}
SIDES = {"request": "in what is sent", "response": "in what is answered"}
#: tokens of locations that say where, in words; others that are left out
_WORDS = {"requestBody": "body", "responses": "answer", "properties": "", "content": "", "schema": "", "headers": ""}
_SKIPPED = {"paths": 3, "webhooks": 3, "x-webhooks": 3, "operations": 2}
_LINES = 60  # of one side that are laid out


def headline(told: dict[str, Any]) -> str:
    """Verdict and least bump in a sentence."""
    words, kind = VERDICTS[told["verdict"]]
    return sentence(bump_sentence(told), "verdict", pill(words, kind))


def sentence(text: str, name: str, before: str = "") -> str:
    """A text that comes first, found by tests under `name`; `before` is HTML."""
    return f'<p class="wb-sentence" data-testid="{name}">{before} {escape(text)}</p>'


def bump_sentence(told: dict[str, Any]) -> str:
    """What the number says against what the changes ask for."""
    if not told["total"]:
        return f"{told['old']} and {told['new']} say the same."
    least = f"The changes from {told['old']} to {told['new']} ask for a {told['bump']} version at least"
    is_enough = told["declared"] == told["bump"]
    held = ", which it is" if is_enough else f"; by its number it is a {told['declared']} one"
    return f"{least}{held}. {_counted(told)}."


def _counted(told: dict[str, Any]) -> str:
    """`3 changes: 1 breaks, 2 add or relax`."""
    parts = []
    for severity, (one, many) in COUNTED.items():
        count = told["counts"].get(severity, 0)
        parts += [f"{count} {one if count == 1 else many}"] if count else []
    changes = "1 change" if told["total"] == 1 else f"{told['total']} changes"
    return f"{changes}: {', '.join(parts)}"


def changes(told: dict[str, Any]) -> str:
    """One part for each change, the heaviest first."""
    return "".join(_change(change, told) for change in told["changes"])


def where(change: dict[str, Any]) -> str:
    """The place in words: the operation, which way, and the names that lead there."""
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in change["location"].split("/")[1:]]
    rest = tokens[_SKIPPED.get(tokens[0], 0) :] if tokens and change["operation"] else tokens
    names = [_WORDS.get(token, token) for token in rest]
    path = " › ".join(name for name in names if name)
    side = SIDES.get(change["direction"] or "", "")
    return " · ".join(part for part in (change["operation"], side, path) if part) or "the document"


def _change(change: dict[str, Any], told: dict[str, Any]) -> str:
    words, kind = SEVERITIES[change["severity"]]
    if change["is_undecided"]:
        words, kind = "not proved safe", "watch"
    return (
        f'<article class="wb-difference" data-change="{escape(change["rule"])}">'
        f"<h4>{pill(words, kind)} {escape(change['message'])}</h4>"
        f'<p class="wb-small">{escape(where(change))}</p>'
        f"<p>{escape(change['explanation'])}</p>{_witness(change)}{_sides(change['fragment'], told)}"
        f'<p class="wb-small">Rule {escape(change["rule"])} · fingerprint for a waiver '
        f'<code title="{change["fingerprint"]}">{change["fingerprint"][:16]}</code></p></article>'
    )


def _witness(change: dict[str, Any]) -> str:
    if not change["has_witness"]:
        return ""
    value = json.dumps(change["witness"], ensure_ascii=False)
    return (
        f'<p class="wb-witness"><b>For example</b> <code>{escape(value)}</code>: '
        f"{escape(change['accepted_by'])} takes it, {escape(change['refused_by'])} refuses it.</p>"
    )


def _sides(fragment: dict[str, Any], told: dict[str, Any]) -> str:
    old, new = (_lines(fragment[name]) if fragment[f"has_{name}"] else [] for name in ("old", "new"))
    if not old and not new:
        return ""
    rows = "".join(f"<span{_sign(a, b, 0)}>{_cell(a)}</span><span{_sign(a, b, 1)}>{_cell(b)}</span>"
                   for a, b in _pairs(old, new))  # fmt: skip
    names = "".join(
        f"<b>{escape(told[name])}{'' if fragment[f'has_{name}'] else ': not there'}</b>" for name in ("old", "new")
    )
    label = f"What stands there in {told['old']} and in {told['new']}"
    return f'<div class="wb-diff" role="group" aria-label="{escape(label)}">{names}{rows}</div>'


def _lines(value: Any) -> list[str]:
    lines = json.dumps(value, indent=2, ensure_ascii=False).splitlines()
    return lines if len(lines) <= _LINES else [*lines[:_LINES], "…"]


def _pairs(old: list[str], new: list[str]) -> Iterator[tuple[str | None, str | None]]:
    """Lines beside one another; None where one side has nothing."""
    for _, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        left, right = old[i1:i2], new[j1:j2]
        for index in range(max(len(left), len(right))):
            yield left[index] if index < len(left) else None, right[index] if index < len(right) else None


def _sign(old: str | None, new: str | None, side: int) -> str:
    """Lines that differ carry a class and a sign; on a phone the second of two that are the same is not shown."""
    own = (old, new)[side]
    if own is None:
        return ' class="wb-none"'
    if old == new:
        return f' class="wb-same{" wb-twin" if side else ""}"'
    return f' class="wb-{("gone", "new")[side]}"'


def _cell(line: str | None) -> str:
    return "" if line is None else escape(line)
