"""Documents made self-contained: the canonical schemas that they refer to become components of their own, so that
two versions can be compared without anything beside them.

`canonical:purchase@1.2.0#/$defs/line` becomes `#/components/schemas/canonical.purchase/$defs/line`, and the schema's
own references are rewritten to lie there. The name carries the version only where a document leans on two versions of
one schema, so that a re-pin changes what stands at a place and not the place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from catalog.canonical import Canonicals, CanonicalSchema, closure, references
from catalog.pointer import join
from catalog.reference import PREFIX, parse_reference

_OWN = frozenset({"$id", "$schema"})  # of a canonical schema: its place says it


def self_contained(document: Mapping[str, Any], canonicals: Canonicals) -> dict[str, Any]:
    """An OpenAPI or AsyncAPI document, its references pinned, with what it leans on under `components/schemas`.

    OpenAPI 3.0 that leans on canonical schemas is told as 3.1, since those are JSON Schema 2020-12. A reference that
    `canonicals` does not know stays as it is. The document itself is not changed.
    """
    names = _names(document, canonicals)
    if not names:
        return dict(document)
    home = ("#/components/schemas", names)
    lifted = _lifted(document) if str(document.get("openapi", "")).startswith("3.0") else document
    told: dict[str, Any] = _rewritten(lifted, home)
    components = {**told.get("components", {})}
    embedded = {name: _embedded(canonicals[key], home, name) for key, name in names.items()}
    components["schemas"] = {**components.get("schemas", {}), **embedded}
    return {**told, "components": components}


def self_contained_schema(schema: CanonicalSchema, canonicals: Canonicals) -> dict[str, Any]:
    """A canonical schema with those that it leans on under `$defs`."""
    names = _names(schema.document, canonicals)
    home = ("#/$defs", names)
    told: dict[str, Any] = _rewritten(schema.document, home)
    embedded = {name: _embedded(canonicals[key], home, name) for key, name in names.items()}
    return {**told, "$defs": {**told.get("$defs", {}), **embedded}} if embedded else told


_Home = tuple[str, Mapping[str, str]]  # reference to where schemas are embedded, key -> name there


def _names(document: Any, canonicals: Canonicals) -> dict[str, str]:
    """`purchase@1.2.0` -> its name among the embedded, of all that a document leans on."""
    direct = {parse_reference(ref).key for ref, _ in references(document) if ref.startswith(PREFIX)}
    keys = sorted(closure(direct, canonicals))
    versions = Counter(canonicals[key].object for key in keys)
    return {key: f"canonical.{key if versions[canonicals[key].object] > 1 else canonicals[key].object}" for key in keys}


def _embedded(schema: CanonicalSchema, home: _Home, name: str) -> dict[str, Any]:
    rest = {key: value for key, value in schema.document.items() if key not in _OWN}
    told: dict[str, Any] = _rewritten(rest, home, join(home[0], name))
    return told


def _rewritten(node: Any, home: _Home, own: str = "#") -> Any:
    """A copy whose references lead into the embedding document; `own` is where local ones lead."""
    if isinstance(node, list):
        return [_rewritten(item, home, own) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _reference(value, home, own) if key == "$ref" and isinstance(value, str) else _rewritten(value, home, own)
        for key, value in node.items()
    }


def _reference(ref: str, home: _Home, own: str) -> str:
    if ref.startswith("#"):
        return own + ref[1:]
    if not ref.startswith(PREFIX):
        return ref
    reference = parse_reference(ref)
    root, names = home
    return join(root, names[reference.key]) + reference.fragment if reference.key in names else ref


def _lifted(node: Any) -> Any:
    """OpenAPI 3.0 as 3.1: what stands beside `$ref` is dropped, `nullable` and boolean bounds are said the new way
    (OpenAPI 3.0.3 §4.7.23, §4.7.24; JSON Schema 2020-12 validation §6.2)."""
    if isinstance(node, list):
        return [_lifted(item) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        return {"$ref": node["$ref"]}
    told = {key: _lifted(value) for key, value in node.items()}
    if isinstance(told.get("openapi"), str):
        told["openapi"] = "3.1.0"
    if told.get("nullable") is True and isinstance(told.get("type"), str):
        del told["nullable"]
        told["type"] = [told["type"], "null"]
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(told.get(exclusive), bool) and told.pop(exclusive) and bound in told:
            told[exclusive] = told.pop(bound)
    return told
