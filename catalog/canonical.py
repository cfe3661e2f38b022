"""Canonical schemas: versioned JSON Schemas 2020-12 of business objects, `schemas/<object>/<version>.json`.

Each carries `"$id": "canonical:<object>@<version>"` and names others by exact version, so that it never changes
meaning; contracts pin it by hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from catalog.errors import Invalid, Problem
from catalog.pointer import join, resolve
from catalog.reference import PREFIX, Reference, parse_reference
from catalog.schema import DIALECT
from catalog.snapshot import canonical_json, sha256_hex
from catalog.walk import objects_in


class CanonicalSchema(msgspec.Struct, frozen=True):
    """One version of a canonical schema; immutable once published, known by `sha256` of its canonical JSON."""

    object: str
    version: str
    document: dict[str, Any]
    sha256: str

    @property
    def key(self) -> str:
        return f"{self.object}@{self.version}"


#: "supplier@1.0.0" -> schema
Canonicals = Mapping[str, CanonicalSchema]


def canonical_schema(object_: str, version: str, document: dict[str, Any]) -> CanonicalSchema:
    return CanonicalSchema(object_, version, document, sha256_hex(canonical_json(document)))


def references(document: Any) -> Iterator[tuple[str, str]]:
    """Every `$ref` text of a document with its pointer."""
    for node, pointer in objects_in(document):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"], join(pointer, "$ref")


def closure(keys: set[str], canonicals: Canonicals) -> set[str]:
    """`keys` and everything that they use, as far as it is known."""
    found: set[str] = set()
    todo = list(keys)
    while todo:
        key = todo.pop()
        if key in found or key not in canonicals:
            continue
        found.add(key)
        for ref, _ in references(canonicals[key].document):
            if ref.startswith(PREFIX):
                todo.append(parse_reference(ref).key)
    return found


def schema_problems(schema: CanonicalSchema, canonicals: Canonicals, file: str) -> list[Problem]:
    """What forbids `schema` to be canonical, apart from not compiling."""
    problems = []

    def refuse(message: str, pointer: str, remedy: str = "") -> None:
        problems.append(Problem(message, pointer=pointer, file=file, remedy=remedy, rule="canonical-schema"))

    if schema.document.get("$id") != f"{PREFIX}{schema.key}":
        refuse(f"$id must be {PREFIX}{schema.key}", "/$id", "the file's place says object and version")
    if schema.document.get("$schema", DIALECT) != DIALECT:
        refuse("only JSON Schema 2020-12 is known", "/$schema", f"write {DIALECT}, or leave it out")
    for ref, pointer in references(schema.document):
        if ref.startswith("#"):
            if resolve_local(schema.document, ref) is None:
                refuse(f"{ref} does not exist", pointer, "correct it, or declare what it names")
            continue
        try:
            reference = parse_reference(ref)
        except Invalid as error:
            problems += [Problem(p.message, pointer, file, p.remedy, p.rule) for p in error.problems]
            continue
        if not reference.is_exact:
            refuse(f"{ref} is a range", pointer, "canonical schemas name each other by exact version")
        elif not exists(reference, canonicals):
            refuse(f"{ref} does not exist", pointer, "correct the version, or add the schema")
    return problems


def exists(reference: Reference, canonicals: Canonicals) -> bool:
    """Whether an exact reference, fragment included, names something."""
    schema = canonicals.get(reference.key)
    return schema is not None and resolve_local(schema.document, f"#{reference.fragment}") is not None


def resolve_local(document: Any, ref: str) -> Any:
    """What `#/…` names in `document`; None when absent or malformed."""
    try:
        return resolve(document, ref[1:])
    except Invalid:
        return None
