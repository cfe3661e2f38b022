"""Projection by direction: a request does not hold what is `readOnly`, a response not what is `writeOnly`.

Hidden properties leave `properties` and `required`; what else an object says stays. Whether a property is hidden is
said by its own schema or by the one that it refers to.
"""

from __future__ import annotations

from typing import Any

from catalog.compatibility.comparison import Direction
from catalog.compatibility.document import Document

_HIDDEN: dict[Direction, str] = {"request": "readOnly", "response": "writeOnly"}


def hidden_names(schema: dict[str, Any], base: str, document: Document, direction: Direction | None) -> frozenset[str]:
    """Names of the properties of `schema` that `direction` does not carry; none without a direction."""
    properties = schema.get("properties")
    if direction is None or not isinstance(properties, dict):
        return frozenset()
    keyword = _HIDDEN[direction]
    return frozenset(name for name, child in properties.items() if _is_hidden(child, base, document, keyword))


def _is_hidden(schema: Any, base: str, document: Document, keyword: str) -> bool:
    if not isinstance(schema, dict):
        return False
    ref = schema.get("$ref")
    if not isinstance(ref, str):
        return schema.get(keyword) is True
    if schema.get(keyword) is True and not document.dialect.ignores_siblings:
        return True
    place = document.find(document.address(ref, base))
    return place is not None and isinstance(place.schema, dict) and place.schema.get(keyword) is True


def projected(node: Any, document: Document, direction: Direction | None) -> Any:
    """`node`, of `document`, without what `direction` hides; a copy where anything is."""
    if direction is None:
        return node
    if isinstance(node, list):
        return [projected(item, document, direction) for item in node]
    if not isinstance(node, dict):
        return node
    out = {name: projected(value, document, direction) for name, value in node.items()}
    hidden = hidden_names(node, "", document, direction)
    if hidden:
        out["properties"] = {name: child for name, child in out["properties"].items() if name not in hidden}
        if isinstance(out.get("required"), list):
            out["required"] = [name for name in out["required"] if name not in hidden]
    return out
