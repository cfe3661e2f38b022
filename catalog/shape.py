"""Turning parsed documents into Structs, reporting every field that is wrong and not just the first."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

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
        names = ", ".join(field.encode_name for field in msgspec.structs.fields(kind))
        return None, [Problem("must be a mapping", base, file, f"write {{name: value}}; known are {names}", "shape")]
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
            remedy = f"add {name}: {_wanted(inspect.type_info(field.type))}"
            problems.append(Problem(f"field {name!r} is missing", base, file, remedy, "shape"))
    if problems:
        return None, unknown + problems
    return msgspec.convert({name: value for name, value in data.items() if name in fields}, kind), unknown


def _convert_problems(value: Any, kind: Any, file: str, base: str) -> list[Problem]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        text, tokens = _located(str(error))
        remedy = f"write {_wanted(_type_at(inspect.type_info(kind), value, tokens))}"
        return [Problem(text, base + join("", *tokens), file, remedy, "shape")]
    return []


def _type_at(info: Any, value: Any, tokens: list[str]) -> Any:
    """The declared type where `tokens` lead in `value`, as far as it can be followed."""
    for token in tokens:
        options = info.types if isinstance(info, inspect.UnionType) else (info,)
        fitting = [option for option in options if isinstance(option, _HOLDERS[type(value) is list])]
        if not fitting:
            return info
        info = fitting[0]
        if isinstance(info, inspect.StructType):
            info = next((field.type for field in info.fields if field.encode_name == token), info)
        else:
            info = info.item_type if isinstance(info, inspect.ListType) else getattr(info, "value_type", info)
        value = value[int(token)] if isinstance(value, list) else value.get(token)
    return info


_HOLDERS: dict[bool, tuple[Any, ...]] = {
    True: (inspect.ListType,),
    False: (inspect.StructType, inspect.DictType),
}
_WORDS: dict[Any, str] = {
    inspect.StrType: "text",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.BoolType: "true or false",
    inspect.DateType: "a date, such as 2026-12-25",
    inspect.NoneType: "nothing",
    inspect.DictType: "a mapping",
    inspect.ListType: "a list",
    inspect.VarTupleType: "a list",
}


def _wanted(info: Any) -> str:
    """In words, what a type takes; the values when it lists them."""
    if isinstance(info, inspect.Metadata):
        return _wanted(info.type)
    if isinstance(info, inspect.LiteralType):
        return "one of " + ", ".join(str(value) for value in info.values)
    if isinstance(info, inspect.UnionType):
        return " or ".join(dict.fromkeys(_wanted(each) for each in info.types))
    if isinstance(info, inspect.StructType):
        return f"a mapping with {', '.join(field.encode_name for field in info.fields)}"
    if isinstance(info, inspect.ListType) and isinstance(info.item_type, inspect.LiteralType):
        return f"a list, each {_wanted(info.item_type)}"
    if isinstance(info, inspect.DictType) and isinstance(info.value_type, inspect.LiteralType):
        return f"a mapping, each value {_wanted(info.value_type)}"
    word = _WORDS.get(type(info), "a value that fits")
    bounds = [
        f"{name} {limit}"
        for name, limit in (
            ("more than", getattr(info, "gt", None)),
            ("at least", getattr(info, "ge", None)),
            ("less than", getattr(info, "lt", None)),
            ("at most", getattr(info, "le", None)),
        )
        if limit is not None
    ]
    return " ".join([word, " and ".join(bounds)]).strip()


def _located(message: str) -> tuple[str, list[str]]:
    """msgspec's "… - at `$.a[0]`" as text and steps; `[...]` (some value of a map) ends them."""
    found = _PLACE.match(message)
    if found is None or found["path"] is None:
        return message, []
    tokens: list[str] = []
    for name, index, anywhere in _STEP.findall(found["path"]):
        if anywhere:
            break
        tokens.append(name or index)
    return found["text"], tokens
