"""Bundling: a schema of an OpenAPI document as a self-contained JSON Schema 2020-12.

Components become `#/$defs/<name>`; canonical schemas are embedded under `$defs` with their `$id`. OpenAPI 3.0 is
lifted (`nullable`, boolean exclusive bounds, siblings of `$ref` ignored), annotations are dropped, and `required` is
projected by direction: a request need not hold what is `readOnly`, an answer not what is `writeOnly` (OpenAPI 3.1.1
§4.8.24.1). References lead nowhere else: no file and no network is ever read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal
from urllib.parse import unquote

from catalog.canonical import Canonicals, exists, resolve_local
from catalog.errors import Invalid, Problem
from catalog.pointer import join, parse
from catalog.reference import PREFIX, parse_reference
from catalog.schema import Pool, Schema
from catalog.snapshot import canonical_json, sha256_hex
from catalog.walk import objects_in

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

#: definitions that lean on more than this are compiled together, once for the document: else each of a thousand
#: operations would compile nearly the whole of it again
POOLED_BYTES = 64_000

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
        """`schema`, found at `pointer`, as a self-contained schema for one direction. One that leans on much becomes a
        member of the direction's pool, which is complete only when the whole document has been bundled."""
        walk = self._walks[direction]
        bundled, used = walk.root(schema, pointer)
        names = walk.closure(used)
        if not names or not isinstance(bundled, dict):
            return bundled if isinstance(bundled, dict | bool) else False
        for name in sorted(filter(walk.is_circular, names)):
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
        if sum(map(walk.size_bytes, names)) > POOLED_BYTES:
            return walk.pooled(bundled, pointer, names)
        return {**bundled, "$defs": {name: walk.definition(name)[0] for name in names}}

    def formats(self, schema: Schema, pointer: str, direction: Direction) -> Iterator[tuple[str, str]]:
        """Every `format` that a schema bundled from `pointer` asks for, with its place in the document."""
        walk = self._walks[direction]
        yield from ((name, pointer) for name in _formats({**schema, "$defs": {}} if isinstance(schema, dict) else {}))
        for name in schema.get("$defs", ()) if isinstance(schema, dict) else ():
            yield from ((each, walk.place(name) or pointer) for each in walk.formats(name))

    def place(self, place: str, pointer: str, direction: Direction) -> str:
        """Where in the document stands what is at `place` in a schema bundled from `pointer`."""
        tokens = parse(place)
        home = self._walks[direction].place(tokens[1]) if tokens[:1] == ("$defs",) and len(tokens) > 1 else ""
        return join(home, *tokens[2:]) if home else pointer + place


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
        self._sizes_bytes: dict[str, int] = {}
        self._formats: dict[str, frozenset[str]] = {}
        self._in_place: dict[str, frozenset[str]] = {}
        self._circular: dict[str, bool] = {}
        self._pool = Pool()

    def root(self, node: Any, pointer: str, home: str = "") -> tuple[Any, frozenset[str]]:
        """A walked schema and the names of the definitions that it uses itself."""
        self._used = set()
        walked = self.schema(node, pointer, home)
        return walked, frozenset(self._used)

    def definition(self, name: str) -> tuple[Any, frozenset[str]]:
        if name not in self._walked:
            self._walked[name] = self.root(*self._targets[name])
        return self._walked[name]

    def closure(self, used: Iterable[str]) -> list[str]:
        """Names of all definitions that are used, by one another too."""
        found: dict[str, None] = {}
        todo = list(used)
        while todo:
            name = todo.pop()
            if name not in found:
                found[name] = None
                todo += self.definition(name)[1]
        return sorted(found)

    def pooled(self, bundled: dict[str, Any], pointer: str, names: Iterable[str]) -> Schema:
        ref = bundled.get("$ref") if bundled.keys() == {"$ref"} else None
        tokens = parse(ref[1:]) if isinstance(ref, str) and ref.startswith("#/$defs/") else ()
        member = tokens[1] if len(tokens) == 2 else f"root.{sha256_hex(pointer.encode())[:16]}"
        if member not in self._targets:
            self._targets[member] = (bundled, pointer, "")
            self._walked[member] = (bundled, frozenset())
            self._pool[member] = bundled
        for name in names:
            if name not in self._pool:
                self._pool[name] = self.definition(name)[0]
        return {"$ref": join("#/$defs", member), "$defs": self._pool}

    def place(self, name: str) -> str:
        """Where in the document a definition stands; "" for a canonical schema."""
        return self._targets[name][1] if name in self._targets else ""

    def size_bytes(self, name: str) -> int:
        if name not in self._sizes_bytes:
            self._sizes_bytes[name] = len(canonical_json(self.definition(name)[0]))
        return self._sizes_bytes[name]

    def formats(self, name: str) -> frozenset[str]:
        if name not in self._formats:
            self._formats[name] = _formats(self.definition(name)[0])
        return self._formats[name]

    def is_circular(self, name: str) -> bool:
        """Whether a definition leads back to itself without going into the value."""
        if name not in self._circular:
            seen: set[str] = set()
            todo = [name]
            while todo:
                new = self._leads_to(todo.pop()) - seen
                seen |= new
                todo += new
            self._circular[name] = name in seen
        return self._circular[name]

    def _leads_to(self, name: str) -> frozenset[str]:
        if name not in self._in_place:
            found = _in_place(self.definition(name)[0], is_canonical="@" in name) if name in self._targets else ()
            self._in_place[name] = frozenset(found)
        return self._in_place[name]

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
            lift_schema(node, out)
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


def lift_schema(node: dict[str, Any], out: dict[str, Any]) -> None:
    """`out`, the copy of a schema `node` of OpenAPI 3.0, as 2020-12 says it. `nullable` means something only beside
    `type` (OpenAPI 3.0.3 §4.7.24.1)."""
    if node.get("nullable") is True and isinstance(node.get("type"), str):
        out["type"] = [node["type"], "null"]
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        flag = node.get(exclusive)
        if isinstance(flag, bool):
            del out[exclusive]
            if flag and bound in out:
                out[exclusive] = out.pop(bound)


def _formats(schema: Any) -> frozenset[str]:
    return frozenset(node["format"] for node, _ in objects_in(schema) if isinstance(node.get("format"), str))


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
