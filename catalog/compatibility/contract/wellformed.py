"""Whether a document has the form that a comparison reads: what is misread as absent would look like a removal, or like
nothing at all.

Only the frame is looked at here (OpenAPI 3.0.4 and 3.1.1 §4.8), and that references which are not schemas lead to
something in the document; `schema_flaws` looks into the schemas. What is unusual but harmless is no flaw.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote

import jsonschema_rs

from catalog.canonical import resolve_local
from catalog.compatibility.dialect import DIALECTS
from catalog.compatibility.document import Document
from catalog.compatibility.wellformed import is_pattern
from catalog.errors import Problem
from catalog.pointer import join

_MOST_HOPS = 20
_METHODS = ("get", "head", "options", "post", "put", "patch", "delete", "trace", "query")
_OBJECT = "write an object here, as OpenAPI says"
_BUNDLE = "bundle the document into one: only references within it are followed"
#: of the meta-schemas: what makes a keyword unreadable; a needless or doubled entry makes none
_UNREADABLE = frozenset({"type", "anyOf", "enum"})

Form = Literal["one", "map", "list"]


class Part(NamedTuple):
    """A schema of the document, with its pointer."""

    schema: Any
    pointer: str


#: what stands where: member -> how often, and what it is
_FRAME: dict[str, dict[str, tuple[Form, str]]] = {
    "document": {"paths": ("map", "item"), "webhooks": ("map", "item"), "components": ("one", "components")},
    "components": {
        "schemas": ("map", "schema"),
        "responses": ("map", "response"),
        "parameters": ("map", "parameter"),
        "requestBodies": ("map", "body"),
        "headers": ("map", "parameter"),
        "securitySchemes": ("map", "object"),
        "callbacks": ("map", "callback"),
        "pathItems": ("map", "item"),
    },
    "item": {**dict.fromkeys(_METHODS, ("one", "operation")), "parameters": ("list", "parameter")},
    "operation": {
        "parameters": ("list", "parameter"),
        "requestBody": ("one", "body"),
        "responses": ("map", "response"),
        "callbacks": ("map", "callback"),
        "security": ("list", "object"),
    },
    "parameter": {"schema": ("one", "schema"), "content": ("map", "media")},
    "body": {"content": ("map", "media")},
    "response": {"headers": ("map", "parameter"), "content": ("map", "media")},
    "media": {"schema": ("one", "schema"), "encoding": ("map", "object")},
    "object": {},
}
_EXTENDED = frozenset({"paths", "responses", "callbacks"})  # names among these that begin with x- are extensions


class Frame:
    """The frame of one OpenAPI 3 document: `flaws`, and its schemas as `parts`."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self.flaws: list[Problem] = []
        self.parts: list[Part] = []
        if document.get("openapi", "").startswith("3.0") and "paths" not in document:
            self._flaw("/paths", "is missing", "declare the paths of the API; {} for none")
        self._walk(document, "document", "")

    def _walk(self, node: Any, kind: str, pointer: str) -> None:
        if kind == "schema":
            self._schema(node, pointer)
        elif not isinstance(node, dict):
            self._flaw(pointer, "is no object", _OBJECT)
        elif kind == "callback":
            self._members(node, "item", pointer, True)
        elif "$ref" in node and kind not in ("document", "components"):
            self._reference(node["$ref"], pointer)
            if kind == "item":
                self._inner(node, kind, pointer)
        else:
            self._inner(node, kind, pointer)

    def _inner(self, node: dict[str, Any], kind: str, pointer: str) -> None:
        for name, (form, inner) in _FRAME[kind].items():
            if name not in node:
                continue
            value, place = node[name], join(pointer, name)
            if form == "one":
                self._walk(value, inner, place)
            elif form == "list":
                self._list(value, inner, place)
            else:
                self._members(value, inner, place, name in _EXTENDED)

    def _list(self, value: Any, kind: str, pointer: str) -> None:
        if not isinstance(value, list):
            self._flaw(pointer, "is no list", "write a list here, as OpenAPI says")
            return
        for index, each in enumerate(value):
            self._walk(each, kind, join(pointer, index))

    def _members(self, value: Any, kind: str, pointer: str, is_extended: bool) -> None:
        if not isinstance(value, dict):
            self._flaw(pointer, "is no object", _OBJECT)
            return
        for name, each in value.items():
            if is_extended and str(name).startswith("x-"):
                continue
            if pointer == "/paths" and not str(name).startswith("/"):
                self._flaw(join(pointer, name), "is no path: it does not begin with /", "write it as /…")
            self._walk(each, kind, join(pointer, name))

    def _schema(self, node: Any, pointer: str) -> None:
        if isinstance(node, dict | bool):
            self.parts.append(Part(node, pointer))
        else:
            self._flaw(pointer, "is no schema", "write a schema: an object, or in 3.1 true or false")

    def _reference(self, ref: Any, pointer: str) -> None:
        seen = 0
        while isinstance(ref, str) and ref.startswith("#/") and seen < _MOST_HOPS:
            node, seen = _target(self._document, ref), seen + 1
            if not isinstance(node, dict):
                self._flaw(pointer, f"{ref[:200]!r} leads to nothing in this document", "declare what it names")
                return
            if "$ref" not in node:
                return
            ref = node["$ref"]
        text = f"{ref[:200]!r}" if isinstance(ref, str) else "the reference"
        self._flaw(
            pointer, f"{text} leads round in a circle" if seen else f"{text} leads out of this document", _BUNDLE
        )

    def _flaw(self, pointer: str, what: str, remedy: str) -> None:
        self.flaws.append(Problem(what, pointer, remedy=remedy, rule="document"))


def schema_flaws(document: dict[str, Any]) -> Iterator[Problem]:
    """Schemas of an OpenAPI 3 document that nobody can read: keywords with values of another type, names of types that
    there are not, patterns that are none, references to what the document does not hold."""
    is_old = document.get("openapi", "").startswith("3.0")
    made = jsonschema_rs.Draft4Validator if is_old else jsonschema_rs.Draft202012Validator
    uri = "http://json-schema.org/draft-04/schema#" if is_old else "https://json-schema.org/draft/2020-12/schema"
    meta = made({"$ref": uri}, offline=True)
    is_foreign = "jsonSchemaDialect" in document
    for schema, pointer in Frame(document).parts:
        is_judged = not is_foreign and not (isinstance(schema, dict) and "$schema" in schema)
        told: dict[str, str] = {}
        for error in meta.iter_errors(schema) if is_judged else ():
            if error.kind.name in _UNREADABLE:  # a keyword may be refused by more than one part of the meta-schema
                told.setdefault(join(pointer, *error.instance_path), error.message[:200])
        for place, what in told.items():
            yield Problem(f"is not as JSON Schema says: {what}", place, remedy="correct the schema", rule="document")
        yield from _inner_flaws(document, schema, pointer)


def _inner_flaws(document: dict[str, Any], schema: Any, pointer: str) -> Iterator[Problem]:
    for node, _, inner in Document(schema, DIALECTS["2020-12"]).schemas():
        pattern, ref = node.get("pattern"), node.get("$ref")
        if isinstance(pattern, str) and not is_pattern(pattern):
            message = f"{pattern[:200]!r} is no regular expression"
            yield Problem(message, join(pointer + inner, "pattern"), remedy="write one of ECMA-262", rule="document")
        if isinstance(ref, str) and ref.startswith("#/") and "$id" not in schema and _target(document, ref) is None:
            message = f"{ref[:200]!r} leads to nothing in this document"
            yield Problem(message, join(pointer + inner, "$ref"), remedy="declare what it names", rule="document")


def _target(document: dict[str, Any], ref: str) -> Any:
    return resolve_local(document, unquote(ref))
