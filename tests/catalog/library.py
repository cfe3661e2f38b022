"""The built-in library as tests see it: its files read once, its schemas checked by two independent validators."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
from referencing import Registry, Resource

from catalog.document import parse_document

LIBRARY = Path(__file__).parents[2] / "catalog" / "library"
GOOD = Path(__file__).parent / "good"
OBJECTS = (
    *("supplier", "requisition", "purchase_order", "receipt", "invoice", "payment"),
    *("item", "agreement", "dimension", "budget", "approval_hierarchy", "period", "inventory_position"),
)
ABSENT = object()


@functools.cache
def schemas() -> dict[str, dict[str, Any]]:
    """ "supplier@1.0.0" -> document, for every canonical schema of the library."""
    return {f"{path.parent.name}@{path.stem}": read(path) for path in sorted(LIBRARY.glob("schemas/*/*.json"))}


def good(name: str) -> list[Any]:
    """Valid documents of an object, the least possible first."""
    documents, problems = parse_document((GOOD / f"{name}.yaml").read_bytes(), name)
    assert problems == []
    return documents


def read(path: Path) -> Any:
    """The one document of a file."""
    documents, problems = parse_document(path.read_bytes(), path.name)
    assert problems == []
    assert len(documents) == 1
    return documents[0]


@functools.cache
def registry() -> Registry[Any]:
    return Registry().with_resources([(doc["$id"], Resource.from_contents(doc)) for doc in schemas().values()])


def is_valid(schema: dict[str, Any], document: Any) -> bool:
    """The verdict of both validators, which must agree."""
    reference = jsonschema.Draft202012Validator(
        schema, registry=registry(), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    ).is_valid(document)
    embedded = {**schema, "$defs": {**schema.get("$defs", {}), **schemas()}}
    fast = jsonschema_rs.Draft202012Validator(
        embedded, validate_formats=True, pattern_options=jsonschema_rs.RegexOptions(), offline=True
    ).is_valid(document)
    assert reference == fast, "the two validators disagree"
    return fast


def canonical(name: str, fragment: str = "") -> dict[str, Any]:
    return {"$ref": f"canonical:{name}@1.0.0" + (f"#/$defs/{fragment}" if fragment else "")}


def mutated(document: Any, pointer: str, value: Any) -> Any:
    """A copy with the member at `pointer` set to `value`, or taken away when it is `ABSENT`."""
    result = copy.deepcopy(document)
    *parents, last = pointer.split("/")[1:]
    node = result
    for token in parents:
        node = node[int(token) if isinstance(node, list) else token]
    key = int(last) if isinstance(node, list) else last
    if value is ABSENT:
        del node[key]
    else:
        node[key] = value
    return result


def subschemas(node: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within a schema, with its pointer; examples and values are no schemas."""
    if not isinstance(node, dict):
        return
    yield pointer, node
    for name in ("properties", "$defs", "patternProperties"):
        for key, child in node.get(name, {}).items():
            yield from subschemas(child, f"{pointer}/{name}/{key}")
    for name in ("items", "additionalProperties", "propertyNames", "not"):
        yield from subschemas(node.get(name), f"{pointer}/{name}")
    for name in ("allOf", "anyOf", "oneOf"):
        for index, child in enumerate(node.get(name, [])):
            yield from subschemas(child, f"{pointer}/{name}/{index}")


def inlined(document: dict[str, Any]) -> dict[str, Any]:
    """The document with canonical schemas as components instead of references by name."""
    standing = {key.partition("@")[0]: doc for key, doc in schemas().items()}
    components = {name: strip(localised(doc, name)) for name, doc in standing.items()}
    result = localised(document, "")
    result["components"]["schemas"] |= components
    return result  # type: ignore[no-any-return]


def strip(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name not in ("$id", "$schema")}


def localised(node: Any, home: str) -> Any:
    if isinstance(node, list):
        return [localised(item, home) for item in node]
    if not isinstance(node, dict):
        return node
    result = {name: localised(value, home) for name, value in node.items()}
    ref = node.get("$ref")
    if isinstance(ref, str):
        name, _, fragment = ref.partition("#")
        home = name.removeprefix("canonical:").partition("@")[0] or home
        result["$ref"] = f"#/components/schemas/{home}{fragment}" if home else ref
    return result
