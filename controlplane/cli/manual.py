"""The help pages as a manual: every command with what it does in one line, an example and its exit statuses.

Commands write docstrings: what happens, the rest, then paragraphs that begin with `Example:`. Everything else is done
here, once, so that all pages read alike.
"""

from __future__ import annotations

import inspect
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

EXIT = "0 done · 1 refused or failed · 2 the command line or an input is wrong"
WIDTH = 100  # columns; narrower where the terminal is

_EXAMPLE = re.compile(r"^Examples?:\s*")
_FIRST = re.compile(r"(.+?)(?:[.;:](?:\s|$)|$)", re.DOTALL)


def written(program: Any) -> Any:
    """`program` (what typer makes of an app) with its pages written out. Changes it in place."""
    for _, command in walk(program):
        _write(command)
    return program


def fit_to_terminal() -> None:
    """Pages are at most `WIDTH` columns wide. typer reads the variable when it prints its first page."""
    os.environ.setdefault("TERMINAL_WIDTH", str(min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)))


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command below `command` and itself, with the words that name it."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from walk(child, (*path, name))


def examples(command: Any) -> list[str]:
    """The command lines that the page of a command shows; of `written` commands."""
    return [line.strip() for line in (command.epilog or "").splitlines() if line.strip().startswith("waybill ")]


def _write(command: Any) -> None:
    texts = [*_paragraphs(command.help), *_paragraphs(command.epilog)]
    shown = [line for text in texts if _EXAMPLE.match(text) for line in _EXAMPLE.sub("", text).splitlines()]
    told = [" ".join(text.split()) for text in texts if not _EXAMPLE.match(text)]
    first = _FIRST.match(told[0]) if told else None
    command.short_help = _plain(first[1]) if first else ""
    command.help = "\n\n".join(map(_plain, told))
    lines = ["Example:", *(f"  {_plain(line.strip())}" for line in shown)] if shown else []
    command.epilog = "\n".join([*lines, *([""] if lines else []), f"Exit status: {EXIT}"])


def _paragraphs(text: str | None) -> list[str]:
    return [part for part in inspect.cleandoc(text or "").split("\n\n") if part.strip()]


def _plain(text: str) -> str:
    """Brackets that rich would take for markup stand for themselves."""
    return text.replace("[", "\\[")
