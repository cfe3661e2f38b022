"""Walking parsed documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalog.pointer import escape

_NESTING = (dict, list)


def objects_in(document: Any, pointer: str = "") -> Iterator[tuple[dict[str, Any], str]]:
    """Every object of a document with its pointer, `pointer` being that of the document itself."""
    stack = [(document, pointer)]
    while stack:
        node, place = stack.pop()
        if isinstance(node, dict):
            yield node, place
            stack += [(value, f"{place}/{escape(name)}") for name, value in node.items() if isinstance(value, _NESTING)]
        elif isinstance(node, list):
            stack += [(value, f"{place}/{index}") for index, value in enumerate(node) if isinstance(value, _NESTING)]
