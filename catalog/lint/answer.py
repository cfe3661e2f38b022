"""Rules about what operations answer, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.contract import Operation
from catalog.inventory import Workspace
from catalog.lint.finding import Place, Rule
from catalog.lint.operation import operations
from catalog.lint.position import documents
from catalog.openapi import is_json
from catalog.pointer import join

_PROBLEM = "application/problem+json"


def _calls(workspace: Workspace) -> Iterator[tuple[Operation, str]]:
    """Operation and file of what systems answer; events are answered by the gateway."""
    for _, operation, file in operations(workspace):
        if not operation.is_event:
            yield operation, file


def _no_problems(workspace: Workspace) -> Iterator[Place]:
    for operation, file in _calls(workspace):
        for status, content in operation.response_schemas.items():
            if status[0] in "45d" and any(map(is_json, content)) and _PROBLEM not in content:
                told = f"{operation.id} answers {status} with another document than {_PROBLEM}"
                yield Place(told, file, join(operation.pointer, "responses", status))
        if not any(_PROBLEM in content for status, content in operation.response_schemas.items() if status[0] in "45d"):
            yield Place(f"{operation.id} declares no {_PROBLEM}", file, join(operation.pointer, "responses"))


def _undeclared(workspace: Workspace) -> Iterator[Place]:
    for operation, file in _calls(workspace):
        declared = {status[0] for status in operation.response_schemas}
        missing = [f"{digit}XX" for digit in "45" if digit not in declared and "d" not in declared]
        if missing:
            told = f"{operation.id} does not declare {' and '.join(missing)}"
            yield Place(told, file, join(operation.pointer, "responses"))


def _undescribed(workspace: Workspace) -> Iterator[Place]:
    for version, operation, file in operations(workspace):
        node = version.document.get("paths", {}).get(operation.path, {}).get(operation.method.lower(), {})
        if not operation.summary and not (isinstance(node, dict) and node.get("description")):
            yield Place(f"{operation.id} does not say what it does", file, operation.pointer)


def _undescribed_schema(workspace: Workspace) -> Iterator[Place]:
    for file, document in documents(workspace):
        found = [(document, "")] if "$id" in document else []
        schemas = document.get("components", {}).get("schemas", {})
        found += [(schema, join("/components/schemas", name)) for name, schema in schemas.items()]
        for schema, pointer in found:
            if isinstance(schema, dict) and not {"description", "title", "$ref"} & schema.keys():
                yield Place("does not say what it is", file, pointer)


RULES = (
    Rule(
        "errors-are-problems",
        "warning",
        "One shape of errors (RFC 9457) lets every client tell and log them the same way.",
        "declare 4XX and 5XX, or default, with application/problem+json",
        _no_problems,
    ),
    Rule(
        "errors-declared",
        "hint",
        "Clients handle the answers they read of; the gateway itself answers 4xx and 5xx too.",
        "declare 4XX and 5XX, or default",
        _undeclared,
    ),
    Rule(
        "operation-described",
        "hint",
        "Whoever looks for a call in the catalog reads its summary first.",
        "add summary: what it does, in a line",
        _undescribed,
    ),
    Rule(
        "schema-described",
        "hint",
        "A name alone means something else to each reader.",
        "add description: what one of these is",
        _undescribed_schema,
    ),
)
