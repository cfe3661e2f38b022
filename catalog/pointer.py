"""JSON pointers (RFC 6901): reading, writing, and looking up in a parsed document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from catalog.errors import Invalid, Problem

_BAD_ESCAPE = re.compile(r"~(?![01])")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")  # RFC 6901 §4: no leading zeros


def escape(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")


def join(base: str, *tokens: str | int) -> str:
    """`base` extended by `tokens`, each escaped."""
    return base + "".join(f"/{escape(str(token))}" for token in tokens)


def is_within(pointer: str, outer: str) -> bool:
    """Whether `pointer` leads to what `outer` leads to, or into it."""
    return pointer == outer or pointer.startswith(f"{outer}/")


def parse(pointer: str) -> tuple[str, ...]:
    """The reference tokens of a pointer. Raises `Invalid` when it is none."""
    if pointer == "":
        return ()
    if not pointer.startswith("/") or _BAD_ESCAPE.search(pointer):
        raise Invalid("not a JSON pointer", [Problem(f"{pointer!r} is not a JSON pointer (RFC 6901)")])
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/"))


def lookup(tokens: Iterable[str]) -> Callable[[Any], Any]:
    """A function that finds `tokens` in a document; None when absent (or null)."""
    steps = [(token, int(token) if _INDEX.fullmatch(token) else -1) for token in tokens]

    def find(document: Any) -> Any:
        for name, index in steps:
            if type(document) is dict:
                document = document.get(name)
            elif type(document) is list and 0 <= index < len(document):
                document = document[index]
            else:
                return None
        return document

    return find


def resolve(document: Any, pointer: str) -> Any:
    """What `pointer` names in `document`; None when absent. Raises `Invalid` for a malformed pointer."""
    return lookup(parse(pointer))(document)
