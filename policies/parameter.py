"""Parameters of a call as documents: undoing OpenAPI's default styles, then checking against the declared schema.

Of other styles, of `content` and of objects no more than the presence is checked (`Parameter.check`).

Sources: OpenAPI 3.1.1 §4.8.12 (simple for path and header, form for query and cookie), RFC 6265 §4.2 (Cookie).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from catalog.contract import Parameter
from catalog.errors import Violation
from catalog.pointer import escape, resolve
from catalog.schema import Schema, Validators
from policies.request import Request

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,63})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,63})(\.[0-9]{1,64})?([eE][+-]?[0-9]{1,3})?")
_MOST_KNOWN = 256
_LONGEST_KNOWN = 64
_ALL = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})


class ParameterCheck:
    """One declared parameter, compiled."""

    def __init__(self, parameter: Parameter, validators: Validators) -> None:
        self._validators = validators
        self._handle = validators.handle(parameter.schema)
        self._name = parameter.name
        self._header = parameter.name.lower().encode() if parameter.place == "header" else b""
        self._place = parameter.place
        self._is_required = parameter.required
        self._check = parameter.check
        self._is_deep = parameter.style == "deepObject"
        self._types = types_of(parameter.schema, parameter.schema)
        self._item_types = _item_types(parameter.schema)
        self._is_exploded = parameter.explode and parameter.place in ("query", "cookie")
        self._pointer = f"#/{parameter.place}/{escape(parameter.name)}"
        self._missing = (Violation(self._pointer, "required", "is required"),)
        self._known: set[str] = set()  # texts of headers that were found good: most calls repeat a few
        self._twice = (Violation(self._pointer, "repeated", "must not come more than once"),)

    def violations(self, request: Request, query: dict[str, list[str]], cookies: dict[str, list[str]]) -> Any:
        """A tuple of violations. `query`: decoded names to raw values; `cookies`: names to values."""
        if self._check == "none":
            return ()
        values = self._values(request, query, cookies)
        if not values:
            return self._missing if self._is_required else ()
        if self._check == "presence":
            return ()
        if len(values) == 1 and values[0] in self._known:
            return ()
        is_array = "array" in self._types and "string" not in self._types
        if len(values) > 1 and not (is_array and self._is_exploded):
            return self._twice
        first: tuple[Violation, ...] = ()
        for document in self._readings(values, is_array):
            found = self._validators.validate(self._handle, document)
            if not found:
                self._remember(values)
                return ()
            first = first or found
        return tuple(Violation(self._pointer + each.pointer, each.rule, each.message) for each in first)

    def _remember(self, values: list[str]) -> None:
        if self._place != "header" or len(values) > 1 or len(values[0]) > _LONGEST_KNOWN:
            return
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known.add(values[0])

    def _values(self, request: Request, query: dict[str, list[str]], cookies: dict[str, list[str]]) -> list[str]:
        if self._place == "path":
            value = request.path_parameters.get(self._name)
            return [] if value is None else [value]
        if self._place == "query":
            if self._is_deep:  # name[a]=1&name[b]=2
                return [name for name in query if name.startswith(f"{self._name}[")]
            return query.get(self._name, [])
        if self._place == "cookie":
            return cookies.get(self._name, [])
        return [value.decode("latin-1") for name, value in request.headers if name == self._header]

    def _readings(self, values: list[str], is_array: bool) -> Iterator[Any]:
        """What the text may mean, most specific type first."""
        if is_array:
            parts = values if self._is_exploded else values[0].split(",")
            yield [next(_scalars(_decoded(part, self._place), self._item_types)) for part in parts]
            return
        yield from _scalars(_decoded(values[0], self._place), self._types)


def _decoded(text: str, place: str) -> str:
    """Values of the query are decoded after they were taken apart: a comma within a value is escaped."""
    return unquote(text.replace("+", " ")) if place == "query" else text


def _scalars(text: str, types: frozenset[str]) -> Iterator[Any]:
    """The readings of a text; always at least one, since a text that fits no type is still a text."""
    if "boolean" in types and text in ("true", "false"):
        yield text == "true"
    if types & {"integer", "number"} and _INTEGER.fullmatch(text):
        yield int(text)
    elif types & {"integer", "number"} and _NUMBER.fullmatch(text):
        yield Decimal(text)
    if "null" in types and text == "":
        yield None
    yield text


def types_of(schema: Schema, root: Schema) -> frozenset[str]:
    """JSON types that a schema may allow, as far as `type`, `const`, `enum`, `$ref` and combinations tell."""
    return _types(schema, root, 16)


def _types(schema: Any, root: Schema, depth: int) -> frozenset[str]:
    if not isinstance(schema, dict) or depth == 0:
        return _ALL
    found = _ALL
    declared = schema.get("type")
    if declared is not None:
        found &= frozenset([declared] if isinstance(declared, str) else declared)
        if "number" in found:
            found |= {"integer"}
    for target in _referred(schema, root):
        found &= _types(target, root, depth - 1)
    for name in ("anyOf", "oneOf"):
        if isinstance(schema.get(name), list):
            found &= frozenset().union(*(_types(branch, root, depth - 1) for branch in schema[name]))
    for branch in schema.get("allOf", ()):
        found &= _types(branch, root, depth - 1)
    return found


def _referred(schema: dict[str, Any], root: Schema) -> Iterator[Any]:
    """What `$ref` names: `#/…` within the bundled schema, or an embedded schema known by its `$id`."""
    ref = schema.get("$ref")
    if not isinstance(ref, str):
        return
    base, _, fragment = ref.partition("#")
    if not base:
        yield resolve(root, unquote(fragment))
        return
    definitions = root.get("$defs", {}) if isinstance(root, dict) else {}
    for embedded in definitions.values():
        if isinstance(embedded, dict) and embedded.get("$id") == base:
            yield resolve(embedded, unquote(fragment)) if fragment else embedded


def _item_types(schema: Schema) -> frozenset[str]:
    if not isinstance(schema, dict):
        return _ALL
    candidates = [schema, *_referred(schema, schema)]
    items = next((node["items"] for node in candidates if isinstance(node, dict) and "items" in node), True)
    return types_of(items, schema)
