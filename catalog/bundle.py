"""Bundling: a schema of an OpenAPI document as a self-contained JSON Schema 2020-12.

Components become `#/$defs/<name>`; canonical schemas are embedded under `$defs` with their `$id`. OpenAPI 3.0 is
lifted (`nullable`, boolean exclusive bounds, siblings of `$ref` ignored), annotations are dropped, and `required` is
projected by direction: a request need not hold what is `readOnly`, an answer not what is `writeOnly` (OpenAPI 3.1.1
§4.8.24.1). References lead nowhere else: no file and no network is ever read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal
from urllib.parse import unquote

from catalog.canonical import Canonicals, exists, resolve_local
from catalog.errors import Invalid, Problem
from catalog.pointer import join, parse
from catalog.reference import PREFIX, parse_reference
from catalog.schema import Schema
from catalog.snapshot import sha256_hex

Direction = Literal["request", "response"]

_ONE = frozenset(
    {
        *("additionalProperties", "items", "contains", "not", "if", "then", "else", "propertyNames"),
        *("unevaluatedItems", "unevaluatedProperties"),
    }
)
_LIST = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAP = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas"})
_ANNOTATIONS = frozenset(
    {
        *("title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly", "xml"),
        *("externalDocs", "discriminator", "$comment", "$schema", "nullable", "contentSchema"),
        *("contentEncoding", "contentMediaType"),
    }
)
#: keywords that would change how references are read
_REFUSED = frozenset(
    {"$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$vocabulary", "id"}
)
#: keywords that apply to the very same value
_IN_PLACE = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"})

BUNDLE_FIRST = "no other file is read: bundle the document into one file first (redocly bundle and others do it)"

Refuse = Callable[[Problem], None]


class Bundler:
    """Bundles schemas of one OpenAPI document; problems go to `refuse`, with pointers into the document."""

    def __init__(self, document: dict[str, Any], canonicals: Canonicals, refuse: Refuse) -> None:
        self._refuse = refuse
        is_30 = str(document.get("openapi", "")).startswith("3.0")
        self._walks = {
            direction: _Walk(document, canonicals, refuse, hidden, is_30)
            for direction, hidden in (("request", "readOnly"), ("response", "writeOnly"))
        }

    def bundle(self, schema: Any, pointer: str, direction: Direction) -> Schema:
        """`schema`, found at `pointer`, as a self-contained schema for one direction."""
        walk = self._walks[direction]
        bundled, used = walk.root(schema, pointer)
        definitions: dict[str, Any] = {}
        todo = list(used)
        while todo:
            name = todo.pop()
            if name not in definitions:
                definitions[name], used = walk.definition(name)
                todo += used
        if not definitions or not isinstance(bundled, dict):
            return bundled if isinstance(bundled, dict | bool) else False
        for name in _circular(definitions):
            self._refuse(
                Problem(
                    f"{name} refers to itself and so says nothing",
                    pointer=pointer,
                    remedy="break the circle",
                    rule="schema",
                )
            )
        if "$defs" in bundled:
            bundled = {"allOf": [bundled]}
        return {**bundled, "$defs": definitions}


class _Walk:
    """All bundling for one direction: each definition is walked once."""

    def __init__(
        self, document: dict[str, Any], canonicals: Canonicals, refuse: Refuse, hidden: str, is_30: bool
    ) -> None:
        self._document = document
        self._canonicals = canonicals
        self._refuse = refuse
        self._hidden = hidden
        self._is_30 = is_30
        self._targets: dict[str, tuple[Any, str, str]] = {}  # name under $defs -> node, pointer, home
        self._walked: dict[str, tuple[Any, frozenset[str]]] = {}
        self._used: set[str] = set()

    def root(self, node: Any, pointer: str, home: str = "") -> tuple[Any, frozenset[str]]:
        """A walked schema and the names of the definitions that it uses itself."""
        self._used = set()
        walked = self.schema(node, pointer, home)
        return walked, frozenset(self._used)

    def definition(self, name: str) -> tuple[Any, frozenset[str]]:
        if name not in self._walked:
            self._walked[name] = self.root(*self._targets[name])
        return self._walked[name]

    def schema(self, node: Any, pointer: str, home: str) -> Any:
        """`home` is the key of the canonical schema that is walked, "" for the OpenAPI document."""
        if not isinstance(node, dict):
            return node
        is_root = bool(home) and node is self._canonicals[home].document
        out: dict[str, Any] = {"$id": node["$id"]} if is_root and "$id" in node else {}
        if isinstance(node.get("$ref"), str):
            out["$ref"] = self._reference(node["$ref"], join(pointer, "$ref"), home)
            if self._is_30 and not home:
                return out
        for name, value in node.items():
            if name in _REFUSED and not is_root:
                remedy = "name the schema under components and refer to it"
                self._refuse(Problem(f"{name} is not allowed here", join(pointer, name), remedy=remedy, rule="schema"))
            elif name not in _ANNOTATIONS and name not in out and name not in _REFUSED and not name.startswith("x-"):
                out[name] = self._keyword(name, value, join(pointer, name), home)
        if self._is_30 and not home:
            _lift(node, out)
        return self._project(node, out, home)

    def _keyword(self, name: str, value: Any, pointer: str, home: str) -> Any:
        if name in _ONE:
            return self.schema(value, pointer, home)
        if name in _LIST and isinstance(value, list):
            return [self.schema(item, join(pointer, index), home) for index, item in enumerate(value)]
        if name in _MAP and isinstance(value, dict):
            return {key: self.schema(item, join(pointer, key), home) for key, item in value.items()}
        return value

    def _reference(self, ref: str, pointer: str, home: str) -> str:
        if ref.startswith(PREFIX):
            return self._canonical(ref, pointer)
        if home:
            return ref  # relative to the embedded schema's own $id
        target = resolve_local(self._document, unquote(ref)) if ref.startswith("#/") else None
        if target is None:
            remedy = (
                "refer to this document, or to canonical:<object>@<version>" if ref.startswith("#") else BUNDLE_FIRST
            )
            message = f"{ref} does not exist" if ref.startswith("#") else f"{ref} leads outside of the document"
            self._refuse(Problem(message, pointer=pointer, remedy=remedy, rule="reference"))
            return "#"
        tokens = parse(unquote(ref)[1:])
        if tokens[:2] == ("components", "schemas") and len(tokens) > 2:
            name, rest = tokens[2], tokens[3:]
        else:
            name, rest = f"at.{sha256_hex(ref.encode())[:16]}", ()
        if rest:  # a pointer into a component: the component is embedded whole, in the same shape
            target = self._document["components"]["schemas"][name]
        self._targets[name] = (target, join("/components/schemas", name) if rest else unquote(ref)[1:], "")
        self._used.add(name)
        return join("#/$defs", name, *rest)

    def _canonical(self, ref: str, pointer: str) -> str:
        try:
            reference = parse_reference(ref)
        except Invalid as error:
            for problem in error.problems:
                self._refuse(Problem(problem.message, pointer, remedy=problem.remedy, rule=problem.rule))
            return "#"
        if not exists(reference, self._canonicals):
            remedy = "correct the name or version, or add the schema under schemas/"
            self._refuse(Problem(f"{ref} does not exist", pointer=pointer, remedy=remedy, rule="reference"))
            return "#"
        self._targets[reference.key] = (self._canonicals[reference.key].document, "", reference.key)
        self._used.add(reference.key)
        return ref

    def _project(self, node: dict[str, Any], out: dict[str, Any], home: str) -> dict[str, Any]:
        """Drop from `required` what the direction hides."""
        properties = node.get("properties")
        if isinstance(properties, dict) and isinstance(out.get("required"), list):
            hidden = {name for name, schema in properties.items() if self._is_hidden(schema, home)}
            if hidden:
                out["required"] = [name for name in out["required"] if name not in hidden]
        return out

    def _is_hidden(self, schema: Any, home: str) -> bool:
        if not isinstance(schema, dict):
            return False
        ref = schema.get("$ref")
        if schema.get(self._hidden) is True and not (ref and self._is_30 and not home):
            return True
        if not isinstance(ref, str) or not ref.startswith("#/"):
            return False
        target = resolve_local(self._canonicals[home].document if home else self._document, unquote(ref))
        return isinstance(target, dict) and target.get(self._hidden) is True


def _lift(node: dict[str, Any], out: dict[str, Any]) -> None:
    """OpenAPI 3.0 to 2020-12. `nullable` means something only beside `type` (OpenAPI 3.0.3 §4.7.24.1)."""
    if node.get("nullable") is True and isinstance(node.get("type"), str):
        out["type"] = [node["type"], "null"]
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        flag = node.get(exclusive)
        if isinstance(flag, bool):
            del out[exclusive]
            if flag and bound in out:
                out[exclusive] = out.pop(bound)


def _circular(definitions: dict[str, Any]) -> list[str]:
    """Names of definitions that lead back to themselves without going into the value."""
    edges = {name: set(_in_place(schema, is_canonical="@" in name)) for name, schema in definitions.items()}
    found = []
    for start in edges:
        seen: set[str] = set()
        todo = list(edges[start])
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo.extend(edges.get(name, ()))
        if start in seen:
            found.append(start)
    return sorted(found)


def _in_place(schema: Any, is_canonical: bool) -> Iterator[str]:
    """Names of the definitions that `schema` applies to the very same value; within a canonical schema `#/$defs/…`
    names its own."""
    if not isinstance(schema, dict):
        return
    ref = schema.get("$ref")
    if isinstance(ref, str):
        if not is_canonical and ref.startswith("#/$defs/") and ref.count("/") == 2:
            yield parse(ref[1:])[1]
        elif ref.startswith(PREFIX) and "#" not in ref:
            yield ref.removeprefix(PREFIX)
    for name in _IN_PLACE & schema.keys():
        value = schema[name]
        children = value if isinstance(value, list) else value.values() if name == "dependentSchemas" else [value]
        for child in children:
            yield from _in_place(child, is_canonical)
