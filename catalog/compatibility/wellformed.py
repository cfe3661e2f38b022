"""What a meta-schema cannot see: patterns that no library could read, references that lead nowhere in the document."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from catalog.compatibility.document import Document
from catalog.errors import Problem
from catalog.pointer import join

_PATTERN_REMEDY = "write a regular expression of ECMA-262, for example ^[A-Z]{3}$"
_REFERENCE_REMEDY = "declare what it names in the same document, or correct the reference"
_CONSTRUCTS = ((r"\(\?<(?![=!])", "(?P<"), (r"\\k<(\w+)>", r"(?P=\1)"))  # named groups: ECMA-262's, then Python's


def inner_problems(document: Document) -> list[Problem]:
    """Patterns that are no regular expressions, and references to what the document itself ought to hold and does not.
    What lies in other documents is not looked for, and nothing is told of dialects that are not known."""
    known = document.dialect.keywords
    if not known:
        return []
    return [
        problem
        for schema, base, pointer in document.schemas()
        for problem in (*_bad_patterns(schema, known, pointer), *_dangling(schema, document, base, pointer))
    ]


def unread(document: Document) -> list[str]:
    """Why parts of a schema can only be compared as text, each as a sentence: references that lead elsewhere, a dialect
    that is not known."""
    if not document.dialect.keywords:
        return [f"$schema {document.root.get('$schema')!r} names no dialect that is known: it is compared as text"]
    leads = ((schema.get("$ref"), base) for schema, base, _ in document.schemas())
    addresses = {document.address(ref, base) for ref, base in leads if isinstance(ref, str)}
    outside = sorted(each for each in addresses if document.find(each) is None)
    return [
        f"$ref {each.rstrip('#')!r} is not followed, for nothing is fetched: embed what it names" for each in outside
    ]


def _bad_patterns(schema: dict[str, Any], known: frozenset[str], pointer: str) -> Iterator[Problem]:
    if "pattern" in known and isinstance(schema.get("pattern"), str) and not is_pattern(schema["pattern"]):
        yield _no_pattern(schema["pattern"], join(pointer, "pattern"))
    named = schema.get("patternProperties") if "patternProperties" in known else None
    for name in named if isinstance(named, dict) else ():
        if not is_pattern(name):
            yield _no_pattern(name, join(pointer, "patternProperties", name))


def _dangling(schema: dict[str, Any], document: Document, base: str, pointer: str) -> Iterator[Problem]:
    ref = schema.get("$ref")
    if not isinstance(ref, str):
        return
    address = document.address(ref, base)
    if document.holds(address) and document.find(address) is None:
        message = f"the reference {ref[:200]!r} does not lead to one schema of this document"
        yield Problem(message, join(pointer, "$ref"), remedy=_REFERENCE_REMEDY, rule="schema")


def _no_pattern(text: str, pointer: str) -> Problem:
    return Problem(f"{text[:200]!r} is no regular expression", pointer, remedy=_PATTERN_REMEDY, rule="schema")


def is_pattern(text: str) -> bool:
    """Whether an ECMA-262 reader takes a pattern, or Python's: one that only one of them knows is not wrong."""
    try:
        jsonschema_rs.Draft202012Validator({"pattern": text}, offline=True)
    except (jsonschema_rs.ValidationError, ValueError):
        return _is_python_pattern(text)
    return True


def _is_python_pattern(text: str) -> bool:
    for theirs, ours in _CONSTRUCTS:
        text = re.sub(theirs, ours, text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(text)
    except (re.error, RecursionError, OverflowError):
        return False
    return True
