"""A contract document in one form: as JSON Schema 2020-12 reads schemas, canonical schemas laid in, sets sorted.

OpenAPI 2.0 is lifted to 3.0, the schemas of 3.0 to 2020-12, draft-07 keywords of AsyncAPI too. Lists whose order means
nothing (`required`, `enum`, `allOf`, …) are sorted, so that two documents that only order them otherwise are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from catalog.bundle import lift_schema
from catalog.canonical import Canonicals, references
from catalog.errors import Invalid, Problem
from catalog.pointer import join
from catalog.reference import PREFIX, Reference, parse_reference, resolve_range
from catalog.snapshot import canonical_json
from catalog.swagger import is_swagger, lift

_VERSIONS = {"openapi": re.compile(r"3\.[01]\.\d+"), "asyncapi": re.compile(r"3\.\d+\.\d+")}
#: members are things by name: no name among them is a keyword
_MAPS = frozenset(
    {
        *("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies", "schemas"),
        *("responses", "parameters", "headers", "requestBodies", "paths", "webhooks", "x-webhooks", "callbacks"),
        *("content", "messages", "channels", "operations", "replies", "pathItems", "mapping", "encoding"),
    }
)
_DATA = frozenset({"example", "examples", "default", "const"})
_SETS = frozenset({"required", "enum", "type", "allOf", "anyOf", "oneOf", "tags", "parameters", "security"})
#: a reference that counts on the order of such a list
_BY_PLACE = re.compile(rf"/(?:{'|'.join(sorted(_SETS))})/\d+(?:/|$)")


def normal_pair(old: Any, new: Any, canonicals: Canonicals) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two documents in one form. Raises `Invalid` when one is no contract document of a known version, or when they
    are of different kinds."""
    kinds = [kind_of(document) for document in (old, new)]
    if kinds[0] != kinds[1]:
        raise Invalid("one is an OpenAPI document, the other an AsyncAPI document: they cannot be compared")
    plain = [plain_document(document) for document in (old, new)]
    sources = [lift(document) if is_swagger(document) else document for document in plain]
    is_sorted = not any(_BY_PLACE.search(ref) for source in sources for ref, _ in references(source))
    return _normal(sources[0], kinds[0], canonicals, is_sorted), _normal(sources[1], kinds[0], canonicals, is_sorted)


def plain_document(document: dict[str, Any]) -> dict[str, Any]:
    """A document as JSON has it: YAML readers make numbers of status codes, and dates of dates."""
    try:
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    except RecursionError as error:
        message = "is nested too deeply: objects and lists within one another, or an endless one"
        remedy = "flatten it, or give its deepest parts names under components and refer to them"
        raise Invalid("a document cannot be compared", [Problem(message, remedy=remedy)]) from error
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise Invalid("not a JSON document", [Problem(f"holds what JSON cannot: {error}")]) from error
    return plain


def _normal(source: dict[str, Any], kind: str, canonicals: Canonicals, is_sorted: bool) -> dict[str, Any]:
    made = _Normal(kind, canonicals, is_sorted)
    result: dict[str, Any] = made.node(source, "3.0" if str(source.get("openapi", "")).startswith("3.0") else "")
    return made.with_canonicals(result)


def kind_of(document: Any) -> str:
    """ "openapi" or "asyncapi"."""
    if is_swagger(document):
        return "openapi"
    for name, pattern in _VERSIONS.items():
        version = document.get(name) if isinstance(document, dict) else None
        if isinstance(version, str) and pattern.fullmatch(version):
            return name
    remedy = "give an OpenAPI 2.0, 3.0 or 3.1, or an AsyncAPI 3 document"
    raise Invalid("not a contract document", [Problem("no version that is known", remedy=remedy)])


def canonical_flaws(document: dict[str, Any], canonicals: Canonicals) -> Iterator[Problem]:
    """References to canonical schemas that are not at hand: they could be compared by their text alone."""
    for ref, pointer in references(document):
        if ref.startswith(PREFIX) and _canonical(ref, canonicals) is None:
            message = f"{ref[:200]!r} names no canonical schema that is known here"
            remedy = "correct it, or give the workspace that has it (--workspace)"
            yield Problem(message, pointer, remedy=remedy, rule="document")


def _canonical(ref: str, canonicals: Canonicals) -> Reference | None:
    """The reference at the version that it means."""
    try:
        reference = parse_reference(ref)
    except Invalid:
        return None
    known = [schema.version for schema in canonicals.values() if schema.object == reference.object]
    version = resolve_range(reference, known)
    return None if version is None else reference.at(version)


class _Normal:
    def __init__(self, kind: str, canonicals: Canonicals, is_sorted: bool) -> None:
        self._sets = _SETS if is_sorted else frozenset()
        self._is_async = kind == "asyncapi"
        self._canonicals = canonicals
        self._used: dict[str, None] = {}  # keys of canonical schemas
        self._home = ""  # the canonical schema that is walked

    def node(self, node: Any, dialect: str) -> Any:
        if isinstance(node, list):
            return [self.node(item, dialect) for item in node]
        if not isinstance(node, dict):
            return node
        if dialect == "3.0" and isinstance(node.get("$ref"), str) and not node.keys() & {"get", "put", "post"}:
            return {"$ref": self._reference(node["$ref"])}
        out = {name: self._member(name, value, dialect) for name, value in node.items()}
        if isinstance(node.get("$ref"), str):
            out["$ref"] = self._reference(node["$ref"])
        if dialect == "3.0":
            lift_schema(node, out)
            if out.pop("nullable", None) is True and isinstance(out.get("type"), list):
                out["type"].sort()
        elif self._is_async:
            _lift_draft_07(out)
        return out

    def _member(self, name: str, value: Any, dialect: str) -> Any:
        if name in _MAPS and isinstance(value, dict):
            return {key: self.node(item, dialect) for key, item in value.items()}
        if name in _DATA:
            return value
        if name in self._sets and isinstance(value, list):
            items = value if name == "enum" else [self.node(item, dialect) for item in value]
            return sorted(items, key=canonical_json)
        return self.node(value, dialect)

    # ---- canonical schemas

    def _reference(self, ref: str) -> str:
        """A reference into the document, wherever the canonical schema is at hand."""
        if self._home and ref.startswith("#"):
            return f"#{join('/components/schemas', self._home)}{ref[1:]}"
        found = _canonical(ref, self._canonicals) if ref.startswith(PREFIX) else None
        if found is None:
            return ref  # a reference that leads nowhere is compared by its text
        self._used[found.key] = None
        return f"#{join('/components/schemas', found.key)}{found.fragment}"

    def with_canonicals(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document with every canonical schema that it uses among its components."""
        laid: dict[str, Any] = {}
        while todo := [key for key in self._used if key not in laid]:
            for key in todo:
                self._home = key
                source = self._canonicals[key].document
                laid[key] = self.node({name: value for name, value in source.items() if name != "$id"}, "")
        if not laid:
            return document
        components = document.get("components") or {}
        return {**document, "components": {**components, "schemas": {**(components.get("schemas") or {}), **laid}}}


def _lift_draft_07(out: dict[str, Any]) -> None:
    """Keywords of the draft that AsyncAPI builds on, as 2020-12 says them."""
    if isinstance(out.get("items"), list):
        out["prefixItems"] = out.pop("items")
        if "additionalItems" in out:
            out["items"] = out.pop("additionalItems")
    dependencies = out.get("dependencies")
    if isinstance(dependencies, dict) and "properties" in out:
        del out["dependencies"]
        asked = {name: value for name, value in dependencies.items() if isinstance(value, list)}
        rest = {name: value for name, value in dependencies.items() if not isinstance(value, list)}
        out |= {"dependentRequired": asked} if asked else {}
        out |= {"dependentSchemas": rest} if rest else {}
