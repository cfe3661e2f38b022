"""Reading YAML and JSON files of a workspace into plain data, strictly.

What would be read differently elsewhere, or would be lost, is refused: duplicate keys, merge keys, tags, recursive
anchors, NaN and infinities. Plain scalars follow the YAML 1.2 core schema (no dates, `no` is text) and mapping keys
are always text as written, so that `200:` and `1.0.0:` mean the same in YAML and in JSON. Sizes are bounded, with
anchors counted as often as they are used.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from catalog.errors import Problem
from catalog.pointer import join

MOST_BYTES = 16 * 1024 * 1024  # documents of large vendors have up to 13 MB
_MOST_NODES = 2_000_000
_DEEPEST = 100
_FLATTEN = f"nest at most {_DEEPEST} levels"
_LONGEST_INTEGER = 1_000  # digits

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TEXT_TAGS = ("tag:yaml.org,2002:str", "!")

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unreadable(bytes):
    """Stands for the content of a file that could not be read; `why` says so. Holds nothing."""

    why: str = ""

    @classmethod
    def because(cls, why: str) -> Unreadable:
        made = cls()
        made.why = why
        return made


class _Refused(Exception):
    """Reading stopped at `pointer`."""

    def __init__(self, message: str, pointer: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(message, pointer=pointer, remedy=remedy, rule="syntax")


def parse_document(data: bytes, file: str) -> tuple[list[Any], list[Problem]]:
    """The documents of a file (one for JSON, any number for YAML), or what is wrong with it."""
    try:
        if isinstance(data, Unreadable):
            raise _Refused(f"cannot be read: {data.why}", remedy="let the user of this command read it")
        if len(data) > MOST_BYTES:
            raise _Refused(f"larger than {MOST_BYTES} bytes", remedy="divide it, or leave data out")
        text = data.decode("utf-8-sig")
        documents = [_json(text)] if file.endswith(".json") else list(_YamlReader(text).documents())
        json.dumps(documents, ensure_ascii=False).encode()  # lone surrogates have no UTF-8 form
    except _Refused as refused:
        problem = refused.problem
    except UnicodeError:
        problem = Problem("not UTF-8 text", remedy="save it in UTF-8", rule="syntax")
    except yaml.YAMLError as error:
        problem = Problem(_yaml_message(error), remedy="mend the syntax there or in the line before", rule="syntax")
    except RecursionError:
        problem = Problem("nested too deeply", remedy=_FLATTEN, rule="syntax")
    except ValueError as error:
        problem = Problem(f"not JSON: {error}", remedy="mend the syntax there or just before", rule="syntax")
    else:
        return documents, []
    return [], [Problem(problem.message, problem.pointer, file, problem.remedy, problem.rule)]


def _yaml_message(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error).split("\n", 1)[0]
    return f"not YAML: {what}" + (f" (line {mark.line + 1}, column {mark.column + 1})" if mark else "")


def _json(text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            names = [name for name, _ in pairs]
            name = next(name for name in names if names.count(name) > 1)
            raise _Refused(f"key {name!r} occurs twice in one object", remedy="remove one")
        return members

    def refuse(constant: str) -> Any:
        raise _Refused(f"{constant} is not JSON", remedy="write a number, or text in quotes")

    value = json.loads(text, object_pairs_hook=unique, parse_constant=refuse, parse_float=_float, parse_int=_integer)
    _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return
    raise _Refused("nested too deeply", remedy=_FLATTEN)


def _integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:
        raise _Refused("a number is too long", remedy="put it in quotes")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Refused("a number is too large", remedy="put it in quotes")
    return value


class _YamlReader:
    """Builds data from parser events: iterative bounds, no constructors."""

    def __init__(self, text: str) -> None:
        self._events = yaml.parse(text, Loader=_Loader)
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = 0

    def documents(self) -> Iterator[Any]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
                yield self._value(next(self._events), "", 0)

    def _value(self, event: Any, pointer: str, depth: int) -> Any:
        if depth > _DEEPEST:
            raise _Refused("nested too deeply", pointer, _FLATTEN)
        before = self._nodes
        self._count(1, pointer)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor, pointer)
        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event, pointer)
        elif event.tag not in (None, "!"):
            raise _Refused(f"tag {event.tag} is not allowed", pointer, "write plain YAML")
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(pointer, depth)
        else:
            value = self._mapping(pointer, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._nodes - before)
        return value

    def _alias(self, anchor: str | None, pointer: str) -> Any:
        if anchor is None or anchor not in self._anchors:
            raise _Refused(f"anchor {anchor!r} is unknown here, or contains itself", pointer, "write it out")
        value, nodes = self._anchors[anchor]
        self._count(nodes, pointer)
        return value

    def _count(self, nodes: int, pointer: str) -> None:
        self._nodes += nodes
        if self._nodes > _MOST_NODES:
            raise _Refused(f"more than {_MOST_NODES} values, anchors included", pointer, "divide the file")

    def _sequence(self, pointer: str, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, join(pointer, len(items)), depth + 1))
        return items

    def _mapping(self, pointer: str, depth: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise _Refused("a key must be plain text", pointer, "put it in quotes")
            name = event.value
            if name == "<<" and event.implicit[0]:
                raise _Refused("merge keys are not allowed", pointer, "write the members out")
            if name in members:
                line = event.start_mark.line + 1 if event.start_mark else 0
                raise _Refused(f"key {name!r} occurs twice (line {line})", join(pointer, name), "remove one")
            members[name] = self._value(next(self._events), join(pointer, name), depth + 1)
        return members


def _scalar(event: Any, pointer: str) -> Any:
    text: str = event.value
    if event.tag is not None:
        if event.tag not in _TEXT_TAGS:
            raise _Refused(f"tag {event.tag} is not allowed", pointer, "write plain YAML")
        return text
    if not event.implicit[0]:  # quoted or block text
        return text
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _BASED.fullmatch(text):
        return _integer(str(int(text, 0)) if len(text) < _LONGEST_INTEGER else text)
    if _FLOAT.fullmatch(text):
        return _float(text)
    if _INFINITE.fullmatch(text):
        raise _Refused("infinities and NaN are not allowed", pointer, "write a number, or text in quotes")
    return text
