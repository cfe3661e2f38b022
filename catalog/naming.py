"""Names of operations: the document's operationId, or one made from it or from method and path.

Records, policies, SLOs and idempotency claims name an operation by it, so every operation has one, and it depends on
nothing but the document:

    operationId: createOrder            createOrder
    operationId: "repos/list all"       repos-list-all
    POST /orders, no operationId        post-orders
    GET /orders/{id}, no operationId    get-orders-id

A made name that is taken gets -2, -3, … in the order of path and method. The document itself is never changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from catalog.canonical import resolve_local

METHODS = ("get", "head", "options", "post", "put", "patch", "delete")

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_OTHER = re.compile(r"[^A-Za-z0-9._-]+")
_OTHER_IN_PATH = re.compile(r"[^A-Za-z0-9_]+")
_MOST_HOPS = 10


def is_name(operation_id: Any) -> bool:
    """Whether an operationId is used as it is written."""
    return isinstance(operation_id, str) and _NAME.fullmatch(operation_id) is not None


def operation_names(document: dict[str, Any]) -> dict[tuple[str, str], str]:
    """(path template, method in lower case) -> name, for every operation of an OpenAPI document.

    An operationId that is used twice stays so; whoever reads the document refuses it.
    """
    declared = {place: operation.get("operationId") for place, operation in _operations(document)}
    names = {place: str(name) for place, name in declared.items() if is_name(name)}
    taken = set(names.values())
    for place in sorted(declared.keys() - names.keys()):
        made = _made(declared[place], *place)
        number, name = 1, made
        while name in taken:
            number += 1
            name = f"{made}-{number}"
        taken.add(name)
        names[place] = name
    return names


def _made(operation_id: Any, template: str, method: str) -> str:
    text = operation_id if isinstance(operation_id, str) else ""
    words = [word for word in _OTHER.split(text) if word.strip("-")]
    return "-".join(words or [method, *filter(None, _OTHER_IN_PATH.split(template))])


def _operations(document: dict[str, Any]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    paths = document.get("paths")
    for template, entry in paths.items() if isinstance(paths, dict) else ():
        item = _followed(document, entry)
        for method in METHODS:
            if not template.startswith("x-") and method in item:
                yield (template, method), _followed(document, item[method])


def _followed(document: dict[str, Any], node: Any) -> dict[str, Any]:
    """`node` with references into the document followed; {} when it is no object."""
    for _ in range(_MOST_HOPS):
        if not isinstance(node, dict):
            return {}
        ref = node.get("$ref")
        if not isinstance(ref, str):
            return node
        node = resolve_local(document, unquote(ref)) if ref.startswith("#/") else None
    return {}
