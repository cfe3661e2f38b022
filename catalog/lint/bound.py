"""Rules about what may grow: requests without limits, answers whose values may not grow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalog.inventory import Workspace
from catalog.lint.finding import Place, Rule
from catalog.lint.position import contract_documents, held
from catalog.pointer import join
from catalog.walk import objects_in

_ENDING = ("maxLength", "pattern", "enum", "const", "format")


def _is(schema: dict[str, Any], kind: str) -> bool:
    kinds = schema.get("type")
    return kind in (kinds if isinstance(kinds, list) else [kinds])


def _requested(workspace: Workspace) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Schema, file and pointer of all that requests are made of, canonical schemas too."""
    for file, document in contract_documents(workspace):
        yield from ((schema, file, pointer) for schema, pointer in held(document, "request"))
    for key, canonical in workspace.schemas.items():
        file = workspace.sources[f"schema/{key}"]
        yield from ((schema, file, pointer) for schema, pointer in objects_in(canonical.document))


def _endless_text(workspace: Workspace) -> Iterator[Place]:
    for schema, file, pointer in _requested(workspace):
        if _is(schema, "string") and not any(name in schema for name in _ENDING):
            yield Place("text of any length is taken in", file, pointer)


def _endless_array(workspace: Workspace) -> Iterator[Place]:
    for schema, file, pointer in _requested(workspace):
        if _is(schema, "array") and "maxItems" not in schema:
            yield Place("any number of items is taken in", file, pointer)


def _closed_enum(workspace: Workspace) -> Iterator[Place]:
    for file, document in contract_documents(workspace):
        for schema, pointer in held(document, "response"):
            values = schema.get("enum")
            texts = [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
            if len(texts) > 1 and "x-extensible-enum" not in schema:
                yield Place("the values of an answer are closed", file, join(pointer, "enum"))


RULES = (
    Rule(
        "strings-bounded",
        "hint",
        "Text without an end fills logs, columns and memory; each system cuts it off elsewhere.",
        "add maxLength, a pattern or a format",
        _endless_text,
    ),
    Rule(
        "arrays-bounded",
        "hint",
        "A request with a million lines is valid, and no system behind can take it.",
        "add maxItems",
        _endless_array,
    ),
    Rule(
        "enum-extensible",
        "hint",
        "A new value in an answer breaks clients that switch on it, so it needs a new major version.",
        "add x-extensible-enum: true, and tell clients to expect values they do not know",
        _closed_enum,
    ),
)
