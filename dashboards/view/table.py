"""Tables that become cards on a phone: each cell carries its column's name. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple


class Column(NamedTuple):
    """`is_whole`: short texts that are not broken into lines where there is room."""

    name: str
    is_number: bool = False
    is_whole: bool = False


class Html(str):
    """Text that is HTML already and made by us."""

    __slots__ = ()


def table(columns: Sequence[Column | str], rows: Sequence[Sequence[object]], name: str) -> str:
    """`name` finds the table in tests and tells screen readers what it is. Cells are escaped, but for `Html`."""
    told = [column if isinstance(column, Column) else Column(column) for column in columns]
    head = "".join(f"<th{_kind(column)}>{escape(column.name)}</th>" for column in told)
    body = "".join(_row(told, row) for row in rows)
    return (
        f'<table class="wb-table" data-testid="{escape(name)}"><caption>{escape(name)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def pill(text: str, kind: str = "plain") -> Html:
    """A word on a coloured ground; the word carries the meaning. Kinds: good, watch, bad, plain."""
    return Html(f'<span class="wb-pill wb-is-{kind}">{escape(text)}</span>')


def _row(columns: Sequence[Column], row: Sequence[object]) -> str:
    cells = (
        f'<td{_kind(column)} data-label="{escape(column.name)}">{_text(cell)}</td>'
        for column, cell in zip(columns, row, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>"


def _text(cell: object) -> str:
    if isinstance(cell, Html):
        return cell
    text = f"{cell:,}" if isinstance(cell, int) else str(cell)
    return escape(text) or "–"


def _kind(column: Column) -> str:
    if column.is_number:
        return ' class="wb-number"'
    return ' class="wb-whole"' if column.is_whole else ""
