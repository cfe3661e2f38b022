"""Rules about operations."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.contract import ContractVersion, Operation
from catalog.inventory import Workspace
from catalog.lint.finding import Place, Rule
from catalog.openapi import is_json
from catalog.pointer import join

_PAGE_PARAMETERS = frozenset({"cursor", "page", "offset", "after", "page_token", "p"})
_SIZE_PARAMETERS = frozenset({"limit", "page_size", "per_page", "size", "s"})


def _operations(workspace: Workspace) -> Iterator[tuple[ContractVersion, Operation, str, str]]:
    """Version, operation, file and pointer of all that may still be changed or called."""
    for version in workspace.versions:
        if version.state.state != "retired":
            file = workspace.sources[f"contract/{version.ref}"]
            for operation in version.operations:
                yield version, operation, file, operation.pointer


def _money_without_key(workspace: Workspace) -> Iterator[Place]:
    for _, operation, file, pointer in _operations(workspace):
        extension = operation.extension
        if operation.is_event:
            continue  # it is the same one by its source and id
        if not operation.is_safe and extension.amount and extension.idempotency != "required":
            yield Place(f"{operation.id} moves money and does not require an idempotency key", file, pointer)


def _no_key_at_all(workspace: Workspace) -> Iterator[Place]:
    for _, operation, file, pointer in _operations(workspace):
        if not operation.is_safe and operation.extension.idempotency == "none":
            yield Place(f"{operation.id} takes no idempotency key: a client's own retry can double it", file, pointer)


def _not_reconciled(workspace: Workspace) -> Iterator[Place]:
    for _, operation, file, pointer in _operations(workspace):
        extension = operation.extension
        if not operation.is_safe and extension.idempotency == "required" and extension.reconcile is None:
            yield Place(f"{operation.id} cannot settle an unknown outcome by itself", file, pointer)


def _no_problems(workspace: Workspace) -> Iterator[Place]:
    for _, operation, file, pointer in _operations(workspace):
        declared = {
            media for status, content in operation.response_schemas.items() if status[0] in "45d" for media in content
        }
        if "application/problem+json" not in declared:
            yield Place(f"{operation.id} declares no problem+json answer", file, join(pointer, "responses"))


def _unpaged_lists(workspace: Workspace) -> Iterator[Place]:
    for _, operation, file, pointer in _operations(workspace):
        if operation.method != "GET" or operation.path.endswith("}") or not _is_list(operation):
            continue
        names = {parameter.name for parameter in operation.parameters if parameter.place == "query"}
        if not (names & _PAGE_PARAMETERS and names & _SIZE_PARAMETERS):
            yield Place(f"{operation.id} answers a list without pages", file, pointer)


def _is_list(operation: Operation) -> bool:
    for status, content in operation.response_schemas.items():
        for media, schema in content.items():
            if status.startswith("2") and is_json(media) and isinstance(schema, dict):
                items = schema.get("properties", {}).get("items", {})
                if "array" in (schema.get("type"), items.get("type") if isinstance(items, dict) else None):
                    return True
    return False


def _no_scope(workspace: Workspace) -> Iterator[Place]:
    for _, operation, file, pointer in _operations(workspace):
        if not operation.is_safe and not operation.scopes:
            yield Place(f"{operation.id} changes something and asks for no scope", file, pointer)


RULES = (
    Rule("money-needs-key", "warning", "set x-waybill.idempotency: required", _money_without_key),
    Rule("key-offered", "warning", "set x-waybill.idempotency: optional or required", _no_key_at_all),
    Rule("outcome-reconciled", "warning", "add x-waybill.reconcile: a GET by business key", _not_reconciled),
    Rule("errors-are-problems", "warning", "declare 4XX or default with application/problem+json", _no_problems),
    Rule("lists-are-paged", "warning", "add query parameters such as limit and cursor", _unpaged_lists),
    Rule("changes-need-scope", "warning", "add security with a scope", _no_scope),
)
