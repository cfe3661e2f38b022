"""Routes: path templates of operations, and whether two of them can match the same request."""

from __future__ import annotations

import re
from typing import Any

#: a literal segment: RFC 3986 `pchar` without percent-encoding and `;`, which the gateway's edge refuses as ambiguous
_TEXT = r"[A-Za-z0-9._~!$&'()*+,=:@-]"
_LITERAL = re.compile(rf"{_TEXT}+")
_PARAMETER = re.compile(r"\{([^{}/]+)\}")
#: parameters with text before, between and after them; never two side by side
_MIXED = re.compile(rf"(?:{_TEXT}*\{{[^{{}}/]+\}})(?:{_TEXT}+\{{[^{{}}/]+\}})*{_TEXT}*")
_BASE = re.compile(r"(?:/[A-Za-z0-9._~-]*(?:\{major\})?[A-Za-z0-9._~-]*)+")


def segments(template: str) -> tuple[str | None, ...] | None:
    """The segments of "/orders/{id}", None standing for a parameter; None as a whole when it is no template.

    A segment that mixes text and parameters ("{name}.pdf") counts as a parameter; `pattern` tells what it matches. A
    trailing slash is a last, empty segment.
    """
    if not template.startswith("/"):
        return None
    parts: list[str | None] = []
    texts = template[1:].split("/")
    for index, part in enumerate(texts):
        if _MIXED.fullmatch(part):
            parts.append(None)
        elif (part == "" and index == len(texts) - 1) or (_LITERAL.fullmatch(part) and part not in (".", "..")):
            parts.append(part)
        else:
            return None
    return tuple(parts)


def pattern(template: str) -> re.Pattern[str] | None:
    """What paths a template with mixed segments matches, a group for each parameter; None when it has none.

    Of two parameters in one segment neither may hold the text between them, nor an escape: where one ends must mean
    the same to everybody.
    """
    parts = template[1:].split("/")
    if all(_PARAMETER.fullmatch(part) or "{" not in part for part in parts):
        return None
    return re.compile("".join("/" + _part_pattern(part) for part in parts))


def _part_pattern(part: str) -> str:
    texts = _PARAMETER.sub("\0", part).split("\0")
    shut_out = "%" + "".join(texts) if len(texts) > 2 else ""
    return f"([^/{re.escape(shut_out)}]+)".join(map(re.escape, texts))


def parameter_names(template: str) -> tuple[str, ...]:
    return tuple(_PARAMETER.findall(template))


def overlaps(one: tuple[str | None, ...], other: tuple[str | None, ...]) -> bool:
    """Whether some path matches both templates."""
    return len(one) == len(other) and all(
        left is None or right is None or left == right for left, right in zip(one, other, strict=True)
    )


def is_base_path(text: str) -> bool:
    """Whether `text` can be a contract's base path, `{major}` included."""
    return (
        _BASE.fullmatch(text) is not None
        and not text.endswith("/")
        and segments(text.replace("{major}", "1")) is not None
    )


class RouteTable:
    """Routes of many owners; tells whose existing routes a new one overlaps."""

    def __init__(self) -> None:
        self._root: dict[str | None, Any] = {}

    def add(self, method: str, template: tuple[str | None, ...], owner: str) -> set[str]:
        """Owners other than `owner` whose routes of the same method can match the same path."""
        path = (method, *template, "\0")  # no segment holds NUL: it marks the end
        found: set[str] = set()
        _search(self._root, path, found)
        node = self._root
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node.setdefault("\0", set()).add(owner)
        return found - {owner}


def _search(node: Any, path: tuple[str | None, ...], found: set[str]) -> None:
    if not path:
        found |= node
        return
    step, rest = path[0], path[1:]
    if step is None:
        children = [child for name, child in node.items() if name != "\0"]
    else:
        names = (step,) if step == "\0" else (step, None)
        children = [node[name] for name in names if name in node]
    for child in children:
        _search(child, rest, found)
