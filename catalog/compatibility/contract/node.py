"""A schema as one record of what it asks, trees of `allOf` and references folded in.

The record is for telling changes apart and naming them. Whether a change breaks is decided elsewhere, on the schemas
themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from catalog.compatibility.contract.side import Side
from catalog.snapshot import canonical_json

TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
#: keyword -> whether the greatest of several is the tightest
LOWER = ("minLength", "minItems", "minProperties")
UPPER = ("maxLength", "maxItems", "maxProperties")
#: compared as they stand
OPAQUE = (
    *("not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies", "patternProperties"),
    *("propertyNames", "contains", "minContains", "maxContains", "unevaluatedItems", "unevaluatedProperties"),
    *("$dynamicRef", "$recursiveRef", "$vocabulary"),
)
ENCODED = ("contentEncoding", "contentMediaType", "contentSchema")
WORDS = ("title", "description", "example", "examples", "externalDocs", "$comment", "readOnly", "writeOnly")

Conjuncts = tuple[dict[str, Any], ...]

#: alternatives within alternatives that are looked into for names of properties
_MOST_DEEP = 3
_NEVER: dict[str, Any] = {"type": []}  # what `false` says


class Shape:
    """What a number of schemas ask together of one value."""

    def __init__(self, side: Side, conjuncts: Iterable[dict[str, Any]], hidden: str) -> None:
        self.types = TYPES
        self.enum: dict[bytes, Any] | None = None
        self.is_open = False  # values of `enum` are not all that may come
        self.bounds: dict[str, Any] = {}
        self.sets: dict[str, frozenset[Any]] = {}
        self.properties: dict[str, list[Any]] = {}
        self.required: frozenset[str] = frozenset()
        self.is_closed = False
        self.is_unique = False
        self.parts: dict[tuple[str, ...], list[Any]] = {}  # additionalProperties, items, prefixItems by place
        self.branches: dict[str, list[Any]] = {}  # keyword -> branches
        self.discriminator: dict[str, Any] | None = None
        self.opaque: dict[str, list[Any]] = {}
        self.words: dict[str, list[Any]] = {}
        self.default: list[Any] = []
        self.is_deprecated = False
        self.outside: list[str] = []  # references that lead nowhere
        self.count = 0  # of the schemas
        self._hidden = hidden
        for conjunct in conjuncts:
            self._take(side, conjunct)

    @property
    def rest(self) -> list[Any]:
        """Schemas of the properties that are not declared."""
        return self.parts.get(("additionalProperties",), [])

    def _take(self, side: Side, node: dict[str, Any]) -> None:
        self.count += 1
        self._values(node)
        self._numbers(node)
        self._object(side, node)
        self._array(node)
        self._choices(side, node)
        for name in (*OPAQUE, *ENCODED, "xml"):
            if name in node:
                self.opaque.setdefault(name, []).append(node[name])
        for name, value in node.items():
            if name in WORDS or (name.startswith("x-") and name != "x-extensible-enum"):
                self.words.setdefault(name, []).append(value)
        self.default += [node["default"]] if "default" in node else []
        self.is_deprecated |= node.get("deprecated") is True
        if isinstance(node.get("$ref"), str) and side.target(node["$ref"]) is None:
            self.outside.append(node["$ref"])

    def _values(self, node: dict[str, Any]) -> None:
        if "type" in node:
            named = [node["type"]] if isinstance(node["type"], str) else node["type"]
            self.types &= _with_integer(named if isinstance(named, list) else [])
        known = node.get("x-extensible-enum")
        self.is_open |= bool(known)
        for values in ([node["const"]] if "const" in node else None, node.get("enum", known)):
            if not isinstance(values, list):
                continue
            found = {canonical_json(value): value for value in values if value is not None}
            self.enum = found if self.enum is None else {key: self.enum[key] for key in self.enum.keys() & found.keys()}
            if None not in values:
                self.types -= {"null"}
        for name in ("pattern", "format", "multipleOf"):
            if isinstance(node.get(name), str | int | float):
                self.sets[name] = self.sets.get(name, frozenset()) | {node[name]}

    def _numbers(self, node: dict[str, Any]) -> None:
        for name, tightest in (*((name, max) for name in LOWER), *((name, min) for name in UPPER)):
            if _is_number(node.get(name)):
                self.bounds[name] = tightest(node[name], self.bounds.get(name, node[name]))
        for name, sign in (("minimum", 1), ("maximum", -1)):
            for keyword, is_exclusive in ((name, 0), (f"exclusive{name.capitalize()}", 1)):
                if _is_number(node.get(keyword)):  # kept so that the greater is always the tighter
                    bound = (sign * node[keyword], is_exclusive)
                    self.bounds[name] = max(bound, self.bounds.get(name, bound))

    def _object(self, side: Side, node: dict[str, Any]) -> None:
        properties = node.get("properties")
        for name, schema in properties.items() if isinstance(properties, dict) else ():
            if side.object(schema).get(self._hidden) is not True:
                self.properties.setdefault(name, []).append(schema)
        names = node.get("required")
        hidden = {name for name in properties or () if name not in self.properties}
        self.required |= (
            {name for name in names if isinstance(name, str)} - hidden if isinstance(names, list) else set()
        )
        more = node.get("additionalProperties", True)
        if more is False or node.get("unevaluatedProperties") is False:
            self.is_closed = True
        elif isinstance(more, dict) and more:
            self.parts.setdefault(("additionalProperties",), []).append(more)

    def _array(self, node: dict[str, Any]) -> None:
        self.is_unique |= node.get("uniqueItems") is True
        if "items" in node and node["items"] is not True:
            self.parts.setdefault(("items",), []).append(node["items"])
        listed = node.get("prefixItems")
        for index, schema in enumerate(listed if isinstance(listed, list) else ()):
            self.parts.setdefault(("prefixItems", str(index)), []).append(schema)

    def _choices(self, side: Side, node: dict[str, Any]) -> None:
        for keyword in ("oneOf", "anyOf"):
            branches = node.get(keyword)
            if not isinstance(branches, list):
                continue
            only = _nullable(branches)
            if only is None or (keyword == "oneOf" and "null" in kinds(side, only)):
                self.branches.setdefault(keyword, []).extend(branches)
            else:  # a choice between null and something is that something, null allowed
                self._nullable(side, only)
        discriminator = node.get("discriminator")
        if self.discriminator is None and isinstance(discriminator, dict):
            self.discriminator = discriminator

    def _nullable(self, side: Side, schema: Any) -> None:
        before = self.types
        for conjunct in conjuncts(side, schema):
            self._take(side, conjunct)
        self.types |= before & {"null"}

    def branch_names(self, side: Side, depth: int = 0) -> frozenset[str]:
        """Names of the properties that alternatives declare."""
        found: frozenset[str] = frozenset()
        for branch in [each for branches in self.branches.values() for each in branches]:
            shape = Shape(side, conjuncts(side, branch), self._hidden)
            found |= shape.properties.keys()
            found |= shape.branch_names(side, depth + 1) if depth < _MOST_DEEP else frozenset()
        return found

    def shallow(self) -> dict[str, Any]:
        """A schema of what is asked of the value itself, whatever its members are. Self-contained, 2020-12."""
        out: dict[str, Any] = {"type": sorted(self.types)}
        is_read = self._hidden == "writeOnly"  # readers of an extensible enumeration expect other values
        if self.enum is not None and not (self.is_open and is_read):
            null = [None] if "null" in self.types else []
            out["enum"] = [*self.enum.values(), *null]
        for name, bound in self.bounds.items():
            if name in ("minimum", "maximum"):
                keyword = f"exclusive{name.capitalize()}" if bound[1] else name
                out[keyword] = bound[0] if name == "minimum" else -bound[0]
            else:
                out[name] = bound
        out["allOf"] = [
            {name: value} for name, values in sorted(self.sets.items()) for value in sorted(values, key=str)
        ]
        out["required"] = sorted(self.required)
        out["properties"] = dict.fromkeys(sorted(self.properties), True)
        if self.is_closed:
            out["additionalProperties"] = False
        if self.is_unique:
            out["uniqueItems"] = True
        return out


def conjuncts(side: Side, node: Any, within: frozenset[str] = frozenset()) -> Iterator[dict[str, Any]]:
    """The schemas that all apply to the value that `node` describes; what lies beside `$ref` and `allOf` is one."""
    if node is False:
        yield _NEVER
    if not isinstance(node, dict):
        return
    ref = node.get("$ref")
    is_known = isinstance(ref, str) and side.target(ref) is not None
    if not node.keys() <= {"$ref", "allOf"} or ("$ref" in node and not is_known):
        yield node
    if isinstance(ref, str) and is_known and ref not in within:  # a circle says nothing more
        yield from conjuncts(side, side.target(ref), within | {ref})
    for each in node["allOf"] if isinstance(node.get("allOf"), list) else ():
        yield from conjuncts(side, each, within)


def kinds(side: Side, node: Any) -> frozenset[str]:
    """Types of value that a schema may take, as far as `type` and `enum` tell."""
    shape = Shape(side, conjuncts(side, node), "")
    return shape.types


def _nullable(branches: list[Any]) -> Any:
    """What stands beside null in a choice of the two; None for any other choice."""
    rest = [branch for branch in branches if not _is_null(branch)]
    return rest[0] if len(branches) == 2 and len(rest) == 1 else None


def _is_null(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    return schema.get("type") in ("null", ["null"]) or schema.get("enum") == [None] or (
        "const" in schema and schema["const"] is None
    )  # fmt: skip


def _with_integer(named: list[Any]) -> frozenset[str]:
    found = frozenset(name for name in named if name in TYPES)
    return found | {"integer"} if "number" in found else found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
