"""Pinning: a contract version's canonical references resolved to exact versions and hashes, once and for all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from catalog.canonical import Canonicals, closure, exists
from catalog.errors import Invalid, Problem
from catalog.pointer import join
from catalog.reference import PREFIX, parse_reference, resolve_range


def pin(
    document: dict[str, Any], canonicals: Canonicals, pinned: Iterable[str], file: str
) -> tuple[dict[str, Any], dict[str, str], list[Problem]]:
    """The document with exact references, the pins (key -> SHA-256, what they use included), and the problems.

    `pinned` are the keys of an earlier publication of this very version: they win over newer schemas.
    """
    pinner = _Pinner(canonicals, pinned, file)
    exact = pinner.copy(document, "")
    keys = closure(pinner.used, canonicals)
    return exact, {key: canonicals[key].sha256 for key in sorted(keys)}, pinner.problems


class _Pinner:
    def __init__(self, canonicals: Canonicals, pinned: Iterable[str], file: str) -> None:
        self.used: set[str] = set()
        self.problems: list[Problem] = []
        self._canonicals = canonicals
        self._file = file
        self._versions: dict[str, list[str]] = {}
        for schema in canonicals.values():
            self._versions.setdefault(schema.object, []).append(schema.version)
        self._pinned: dict[str, list[str]] = {}
        for key in pinned:
            name, _, version = key.partition("@")
            self._pinned.setdefault(name, []).append(version)

    def copy(self, node: Any, pointer: str) -> Any:
        if isinstance(node, dict):
            return {
                name: self._exact(value, join(pointer, name))
                if name == "$ref" and isinstance(value, str) and value.startswith(PREFIX)
                else self.copy(value, join(pointer, name))
                for name, value in node.items()
            }
        if isinstance(node, list):
            return [self.copy(item, join(pointer, index)) for index, item in enumerate(node)]
        return node

    def _exact(self, text: str, pointer: str) -> str:
        try:
            reference = parse_reference(text)
        except Invalid as error:
            self.problems += [Problem(p.message, pointer, self._file, p.remedy, p.rule) for p in error.problems]
            return text
        known = self._versions.get(reference.object, [])
        pinned = [version for version in self._pinned.get(reference.object, []) if version in known]
        version = resolve_range(reference, known, pinned)
        exact = reference.at(version) if version else None
        if exact is None or not exists(exact, self._canonicals):
            remedy = f"known versions: {', '.join(sorted(known)) or 'none'}"
            self.problems.append(Problem(f"{text} does not exist", pointer, self._file, remedy, "reference"))
            return text
        self.used.add(exact.key)
        return str(exact)
