"""Systems of record: one owner for each field of an object, and names that mean something."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from catalog.consistency.known import Known, place_of
from catalog.errors import Invalid, Problem
from catalog.inventory import Workspace
from catalog.network import SystemOfRecord
from catalog.pointer import is_within, join, parse
from catalog.reference import PREFIX, parse_reference
from catalog.version import version_key


def records(workspace: Workspace, unread: set[str], known: Known) -> Iterator[Problem]:
    objects = {operation.extension.object for version in workspace.versions for operation in version.operations}
    earlier: list[SystemOfRecord] = []
    for record in workspace.records:
        file, base = place_of(workspace, f"record/{record.name}")
        checks = (
            *_names(record, {name for name in objects if name} if not unread else None, known),
            *_fields(workspace, record),
            *_overlaps(workspace, record, earlier),
        )
        for message, pointer, remedy in checks:
            yield Problem(message, base + pointer, file, remedy, "system-of-record")
        earlier.append(record)


def _names(record: SystemOfRecord, objects: set[str] | None, known: Known) -> Iterator[tuple[str, str, str]]:
    if objects is not None and record.object not in objects:
        near = get_close_matches(record.object, objects, 1)
        remedy = (
            f"did you mean {near[0]}?" if near else f"objects of the contracts: {', '.join(sorted(objects)) or 'none'}"
        )
        yield f"no operation is about an object {record.object!r}", "/object", remedy
    if not known.has("system", record.system):
        yield f"system {record.system!r} does not exist", "/system", known.remedy("system", record.system)
    for index, entity in enumerate(record.entities):
        if entity != "*" and not known.has("entity", entity):
            yield f"entity {entity!r} does not exist", join("/entities", index), known.remedy("entity", entity)
    if not record.entities:
        yield "holds for no entity", "/entities", 'leave it out, or write ["*"], for every entity'


def _fields(workspace: Workspace, record: SystemOfRecord) -> Iterator[tuple[str, str, str]]:
    """A pointer that leads nowhere would protect nothing."""
    known = _members(workspace, record.object)
    for index, pointer in enumerate(record.fields):
        place = join("/fields", index)
        try:
            tokens = parse(pointer)
        except Invalid:
            yield f"{pointer!r} is not a JSON pointer", place, "such as /bank_accounts"
            continue
        if not tokens:
            yield "means the whole object", place, "leave out fields"
        elif known and tokens[0] not in known:
            near = get_close_matches(tokens[0], known, 1)
            remedy = f"did you mean /{near[0]}?" if near else f"members are {', '.join(sorted(known))}"
            yield f"no schema of {record.object} has a member {tokens[0]!r}", place, remedy


def _members(workspace: Workspace, object_: str) -> set[str]:
    """Members of an object by every version of its canonical schema; empty when it has none or is made of others."""
    versions = sorted(
        (schema for schema in workspace.schemas.values() if schema.object == object_),
        key=lambda schema: version_key(schema.version),
    )
    found: set[str] = set()
    for schema in versions:
        found |= _properties(workspace, schema.document, 0)
    return found


_DEEPEST = 8


def _properties(workspace: Workspace, schema: Any, depth: int) -> set[str]:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return set()
    found = set(schema.get("properties", ()))
    for part in (part for name in ("allOf", "anyOf", "oneOf") for part in schema.get(name, ())):
        found |= _properties(workspace, part, depth + 1)
    ref = schema.get("$ref")
    if isinstance(ref, str) and ref.startswith(PREFIX) and "#" not in ref:
        other = workspace.schemas.get(parse_reference(ref).key)
        found |= _properties(workspace, other.document if other else None, depth + 1)
    return found


def _overlaps(
    workspace: Workspace, record: SystemOfRecord, earlier: list[SystemOfRecord]
) -> Iterator[tuple[str, str, str]]:
    """Two declarations of one object for one entity may not speak of the same field."""
    for other in earlier:
        if other.object != record.object or not set(other.entities) & set(record.entities):
            continue
        where = workspace.sources[f"record/{other.name}"]
        remedy = f"{where} gives it to {other.system}: one system owns a field"
        if not record.fields and not other.fields:
            yield f"{record.object} has a system of record already", "/system", remedy
        for index, pointer in enumerate(record.fields):
            if any(is_within(pointer, field) or is_within(field, pointer) for field in other.fields):
                yield f"{pointer} has a system of record already", join("/fields", index), remedy
