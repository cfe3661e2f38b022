"""Turning parsed documents into Structs, reporting every field that is wrong and not just the first."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from catalog.errors import Problem
from catalog.pointer import join

S = TypeVar("S", bound=msgspec.Struct)

_PLACE = re.compile(r"^(?P<text>.*?)(?: - at `(?P<path>(?:key in )?\$.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[(\.\.\.)\]")


def shape(data: Any, kind: type[S], file: str, base: str = "") -> tuple[S | None, list[Problem]]:
    """`data` as a `kind`, and one problem for each field that is missing, unknown or of the wrong type.

    None when a field that is known is missing or wrong; unknown ones are left out, so that checking can go on.
    """
    if not isinstance(data, dict):
        return None, [Problem(f"must be a mapping ({kind.__name__})", pointer=base, file=file, rule="shape")]
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    unknown = [
        Problem(
            f"unknown field {name!r}",
            pointer=join(base, name),
            file=file,
            remedy=f"known are {', '.join(fields)}",
            rule="shape",
        )
        for name in data
        if name not in fields
    ]
    problems: list[Problem] = []
    for name, field in fields.items():
        if name in data:
            problems += _convert_problems(data[name], field.type, file, join(base, name))
        elif field.required:
            problems.append(Problem(f"field {name!r} is missing", pointer=base, file=file, rule="shape"))
    if problems:
        return None, unknown + problems
    return msgspec.convert({name: value for name, value in data.items() if name in fields}, kind), unknown


def _convert_problems(value: Any, kind: Any, file: str, base: str) -> list[Problem]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        text, pointer = _located(str(error))
        return [Problem(text, pointer=base + pointer, file=file, rule="shape")]
    return []


def _located(message: str) -> tuple[str, str]:
    """msgspec's "… - at `$.a[0]`" as text and JSON pointer; `[...]` (some value of a map) ends the pointer."""
    found = _PLACE.match(message)
    if found is None or found["path"] is None:
        return message, ""
    tokens: list[str] = []
    for name, index, anywhere in _STEP.findall(found["path"]):
        if anywhere:
            break
        tokens.append(name or index)
    return found["text"], join("", *tokens)
