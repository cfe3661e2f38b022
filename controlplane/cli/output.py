"""How commands print: results to standard output as text or JSON, errors to standard error as one message."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from catalog.errors import Problem
from catalog.note import NoteGroup
from controlplane.cli.report import Item, RuleText, junit, markdown, sarif

_SHOWN_PLACES = 3  # of a group of notes


class Format(StrEnum):
    text = "text"
    json = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="How to print the result.")]


class Report(StrEnum):
    """Forms of what checks found: for people, programs, comments on a change, build servers, code scanning."""

    text = "text"
    json = "json"
    markdown = "markdown"
    junit = "junit"
    sarif = "sarif"


ReportOption = Annotated[Report, typer.Option("--format", help="How to print the result.")]


def console() -> Console:
    """Standard output as it is now; long words are never broken, so that keys and paths can be copied."""
    return Console(soft_wrap=True, highlight=False)


def say(text: str) -> None:
    """One line or paragraph, verbatim."""
    print(text, flush=True)


def remark(text: str) -> None:
    """One line beside the result, on standard error, so that the result alone can be piped on."""
    print(text, file=sys.stderr, flush=True)


def say_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def say_report(
    form: Report, items: Sequence[Item], command: str, rules: Sequence[RuleText] = (), before: str = ""
) -> None:
    """What a command found, as Markdown (with `before` above the table), JUnit XML or SARIF."""
    if form is Report.sarif:
        say_json(sarif(items, rules, command))
    else:
        say((junit(items, command) if form is Report.junit else markdown(items, command, before=before)).rstrip("\n"))


def say_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    Console(highlight=False, width=None if console().is_terminal else 200).print(table)


def say_problems(problems: Iterable[Problem]) -> None:
    """Each as `file#pointer: message`, its remedy on a line of its own."""
    for problem in problems:
        place = f"{problem.file}#{problem.pointer}" if problem.file else problem.pointer
        rule = f" [{problem.rule}]" if problem.rule else ""
        say(f"  {place}: {problem.message}{rule}" if place else f"  {problem.message}{rule}")
        if problem.remedy:
            say(f"      → {problem.remedy}")


def say_groups(groups: Sequence[NoteGroup]) -> None:
    """Each on a line with its count, and where it is found first."""
    for group in groups:
        more = f", … ({group.count - _SHOWN_PLACES} more)" if group.count > _SHOWN_PLACES else ""
        say(f"  {group.count:>5}  {group.message}")
        say(f"         {', '.join(group.places[:_SHOWN_PLACES])}{more}")


def moment(at_us: int | None) -> str:
    """A time for people, UTC to the second; empty for none."""
    if at_us is None:
        return ""
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
