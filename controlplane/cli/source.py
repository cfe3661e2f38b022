"""A document that a command is given: the name of a JSON or YAML file, or `-` for standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from catalog.document import MOST_BYTES, parse_document
from catalog.errors import Invalid, Problem

STANDARD_INPUT = "-"


def label_of(name: str | Path) -> str:
    """What messages call it."""
    return "standard input" if str(name) == STANDARD_INPUT else str(name)


def read_source(name: str | Path) -> Any:
    """The one document that `name` holds. Raises `Invalid` when it cannot be read, or is not one JSON or YAML
    document."""
    label = label_of(name)
    documents, problems = _parsed(_content(name), label)
    if not problems and len(documents) != 1:
        problems = [Problem(f"{len(documents)} documents", remedy="give one a file")]
    if problems:
        told = [msgspec.structs.replace(problem, file=label) for problem in problems]
        raise Invalid(f"{label} is not one JSON or YAML document", told)
    return documents[0]


def _parsed(content: bytes, label: str) -> tuple[list[Any], list[Problem]]:
    """JSON where it looks like it, whatever the file is called; else YAML."""
    if not label.endswith(".json") and content.lstrip()[:1] in (b"{", b"["):
        documents, problems = parse_document(content, "input.json")
        if not problems:
            return documents, problems
    return parse_document(content, "input.json" if label.endswith(".json") else "input.yaml")


def _content(name: str | Path) -> bytes:
    try:
        if str(name) == STANDARD_INPUT:
            return sys.stdin.buffer.read(MOST_BYTES + 1)
        with Path(name).open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        remedy = "name a JSON or YAML file, or -"
        problem = Problem(f"cannot be read: {error.strerror}", file=label_of(name), remedy=remedy)
        raise Invalid(f"{label_of(name)} cannot be read", [problem]) from None
