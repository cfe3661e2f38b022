"""Rules about schemas: money, objects that exist in canonical form, and null where no value allows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from catalog.canonical import references
from catalog.inventory import Workspace
from catalog.lint.finding import Place, Rule
from catalog.pointer import join
from catalog.reference import PREFIX
from catalog.walk import objects_in

_MONEY = re.compile(r"(?:^|_)(amount|price|total|gross|net|tax|balance|fee|cost|discount)$")
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


def _snake(name: str) -> str:
    return "_".join(word for word in _WORDS.split(name) if word).lower()


def _documents(workspace: Workspace) -> Iterator[tuple[str, Any]]:
    """File and content of all that holds schemas."""
    for version in workspace.versions:
        if version.state.state != "retired":
            yield workspace.sources[f"contract/{version.ref}"], version.document
    for key, schema in workspace.schemas.items():
        yield workspace.sources[f"schema/{key}"], schema.document


def _inexact_money(workspace: Workspace) -> Iterator[Place]:
    for file, document in _documents(workspace):
        for node, pointer in objects_in(document):
            properties = node.get("properties")
            for name, schema in properties.items() if isinstance(properties, dict) else ():
                kinds = schema.get("type") if isinstance(schema, dict) else None
                if _MONEY.search(_snake(name)) and "number" in (kinds if isinstance(kinds, list) else [kinds]):
                    yield Place(f"{name} looks like money and is a number", file, join(pointer, "properties", name))


def _redefined(workspace: Workspace) -> Iterator[Place]:
    objects = {schema.object for schema in workspace.schemas.values()}
    for version in workspace.versions:
        components = version.document.get("components", {})
        for name, schema in components.get("schemas", {}).items() if version.state.state != "retired" else ():
            uses = (ref for ref, _ in references(schema))
            if _snake(name) in objects and not any(ref.startswith(f"{PREFIX}{_snake(name)}@") for ref in uses):
                file = workspace.sources[f"contract/{version.ref}"]
                yield Place(f"{name} exists as a canonical schema", file, join("/components/schemas", name))


def _null_shut_out(workspace: Workspace) -> Iterator[Place]:
    for version in workspace.versions:
        if version.state.state == "retired" or not str(version.document.get("openapi", "")).startswith("3.0"):
            continue
        file = workspace.sources[f"contract/{version.ref}"]
        for node, pointer in objects_in(version.document):
            values = node.get("enum")
            if node.get("nullable") is True and isinstance(values, list) and None not in values:
                yield Place("nullable, and yet null is none of the values", file, join(pointer, "enum"))


RULES = (
    Rule("money-is-exact", "warning", "use a decimal string with its currency (canonical:common)", _inexact_money),
    Rule("nullable-enum-has-null", "warning", "add null to the enum, or remove nullable", _null_shut_out),
    Rule("canonical-by-reference", "warning", "use $ref: canonical:<object>@^<version>", _redefined),
)
