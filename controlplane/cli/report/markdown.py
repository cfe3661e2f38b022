"""A table in Markdown, as a comment on a change shows it."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable

from controlplane.cli.report.item import LEVELS, Item

_SPECIAL = re.compile(r"([\\`*_\[\]|~@#])")
_HEADER = ("| level | rule | where | what | what to do |", "|---|---|---|---|---|")


def markdown(items: Iterable[Item], title: str, nothing: str = "Nothing found.", before: str = "") -> str:
    """A heading, what is to stand before (Markdown), how many of each level, a row a finding; `nothing` when there is
    none. What documents say is text: it is escaped, and can make no link, no image and no mention."""
    found = list(items)
    parts = [f"## {title}", before, _counts(found) if found else nothing]
    if found:
        parts.append("\n".join([*_HEADER, *map(_row, found)]))
    return "\n\n".join(filter(None, parts)) + "\n"


def _counts(found: list[Item]) -> str:
    levels = Counter("suppressed" if item.suppression else item.level for item in found)
    told = [_count(level, levels[level]) for level in (*LEVELS, "suppressed") if levels[level]]
    return ", ".join(told) + "."


def _count(level: str, number: int) -> str:
    return f"{number} {level}" if number == 1 or level == "suppressed" else f"{number} {level}s"


def _row(item: Item) -> str:
    level = f"~~{item.level}~~" if item.suppression else item.level
    reason = f" (suppressed: {item.suppression.reason})" if item.suppression else ""
    line = f" line {item.line}" if item.line is not None else ""
    cells = [level, *map(cell, (item.rule, item.place + line, item.message + reason, item.remedy))]
    return "| " + " | ".join(cells) + " |"


def cell(text: str) -> str:
    """Text as it is read in a cell of a table, whatever it holds."""
    return _SPECIAL.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))
