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


def operations(workspace: Workspace) -> Iterator[tuple[ContractVersion, Operation, str]]:
    """Version, operation and file of all that may still be changed or called."""
    for version in workspace.versions:
        if version.state.state != "retired":
            file = workspace.sources[f"contract/{version.ref}"]
            for operation in version.operations:
                yield version, operation, file


def _money_without_key(workspace: Workspace) -> Iterator[Place]:
    for _, operation, file in operations(workspace):
        extension = operation.extension
        if operation.is_event:
            continue  # it is the same one by its source and id
        if not operation.is_safe and extension.amount and extension.idempotency != "required":
            yield Place(f"{operation.id} moves money and does not require an idempotency key", file, operation.pointer)


def _no_key_at_all(workspace: Workspace) -> Iterator[Place]:
    for _, operation, file in operations(workspace):
        if not operation.is_safe and operation.extension.idempotency == "none":
            yield Place(
                f"{operation.id} takes no idempotency key: a client's own retry can double it", file, operation.pointer
            )


def _not_reconciled(workspace: Workspace) -> Iterator[Place]:
    for _, operation, file in operations(workspace):
        extension = operation.extension
        if not operation.is_safe and extension.idempotency == "required" and extension.reconcile is None:
            yield Place(f"{operation.id} cannot settle an unknown outcome by itself", file, operation.pointer)


def _unpaged_lists(workspace: Workspace) -> Iterator[Place]:
    for _, operation, file in operations(workspace):
        if operation.method != "GET" or operation.path.endswith("}") or not _is_list(operation):
            continue
        names = {parameter.name for parameter in operation.parameters if parameter.place == "query"}
        if not (names & _PAGE_PARAMETERS and names & _SIZE_PARAMETERS):
            yield Place(f"{operation.id} answers a list without pages", file, operation.pointer)


def _is_list(operation: Operation) -> bool:
    for status, content in operation.response_schemas.items():
        for media, schema in content.items():
            if status.startswith("2") and is_json(media) and isinstance(schema, dict):
                items = schema.get("properties", {}).get("items", {})
                if "array" in (schema.get("type"), items.get("type") if isinstance(items, dict) else None):
                    return True
    return False


def _no_scope(workspace: Workspace) -> Iterator[Place]:
    for _, operation, file in operations(workspace):
        if not operation.is_safe and not operation.scopes:
            yield Place(f"{operation.id} changes something and asks for no scope", file, operation.pointer)


def _body_of_get(workspace: Workspace) -> Iterator[Place]:
    for _, operation, file in operations(workspace):
        if operation.method in ("GET", "HEAD", "DELETE") and operation.request_schemas:
            place = join(operation.pointer, "requestBody")
            yield Place(f"{operation.id} is a {operation.method} with a body", file, place)


RULES = (
    Rule(
        "money-needs-key",
        "warning",
        "A client that hears nothing asks again; without a key the second call pays a second time.",
        "set x-waybill.idempotency: required",
        _money_without_key,
    ),
    Rule(
        "key-offered",
        "warning",
        "Without a key nobody can tell a client's own retry from a second order.",
        "set x-waybill.idempotency: optional or required",
        _no_key_at_all,
    ),
    Rule(
        "outcome-reconciled",
        "warning",
        "When a system does not answer, somebody must find out whether it acted; a look-up saves a person.",
        "add x-waybill.reconcile: a GET by business key",
        _not_reconciled,
    ),
    Rule(
        "lists-are-paged",
        "warning",
        "A list without pages grows until it no longer answers in time.",
        "add query parameters such as limit and cursor",
        _unpaged_lists,
    ),
    Rule(
        "changes-need-scope",
        "warning",
        "Whoever may read could change as well.",
        "add security with a scope",
        _no_scope,
    ),
    Rule(
        "get-without-body",
        "warning",
        "A body of GET, HEAD or DELETE has no meaning (RFC 9110 §9.3); caches and proxies drop it.",
        "use query parameters, or a POST marked x-waybill.safe: true",
        _body_of_get,
    ),
)
