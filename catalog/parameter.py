"""How far a declared parameter can be checked: its value, its presence, or nothing (OpenAPI 3.1.1 §4.8.12)."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

Place = Literal["path", "query", "header", "cookie"]

#: how a value is written unless the document says otherwise; the only styles whose values are checked
DEFAULT_STYLE: dict[Place, str] = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
STYLES: dict[Place, tuple[str, ...]] = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form",),
}

Check = Literal["value", "presence", "none"]


class Extent(NamedTuple):
    """What is checked of a parameter; `why` is what to tell when that is not its value."""

    check: Check
    why: str = ""


def extent(node: dict[str, Any], where: Place, style: str, is_exploded: bool, is_object: bool) -> Extent:
    """`node` is the Parameter Object; `style` one of `STYLES[where]`; `is_object`: its schema takes objects only."""
    name = node.get("name")
    if style == "matrix":
        return Extent("none", f"parameter {name}: style matrix needs ; in the path, which the gateway refuses")
    if "content" in node:
        return Extent("presence", f"parameter {name}: its content is not checked")
    if "schema" not in node:
        return Extent("presence", f"parameter {name} has no schema: its value is not checked")
    if style != DEFAULT_STYLE[where]:
        return Extent("presence", f"parameter {name}: a value of style {style} is not checked")
    if is_object and is_exploded and where in ("query", "cookie"):
        return Extent("none", f"parameter {name}: an object spread over names of its own is not checked")
    if is_object:
        return Extent("presence", f"parameter {name}: an object as a parameter is not checked")
    return Extent("value")
