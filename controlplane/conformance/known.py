"""Values for parameters: what was given, what the answers of lists named, what the contract declares. Pure.

A member of a collection is asked for by an id that the collection itself told: `GET /orders` answers objects, and
`/orders/{id}` takes the `id` of one of them. The member has the parameter's name, else it is `id`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from catalog.route import parameter_names

MOST_MEMBERS = 20  # of a collection that are remembered
_LISTS = ("items", "data", "results", "value")  # where answers keep their members, before any other array


class Known:
    """`given` are values by name of the parameter."""

    def __init__(self, given: Mapping[str, Sequence[str]]) -> None:
        self._given = given
        self._members: dict[str, list[dict[str, Any]]] = {}

    def given(self, name: str) -> list[str]:
        """What whoever runs it gave for a parameter."""
        return list(self._given.get(name, ()))

    def learn(self, path: str, document: Any) -> None:
        """Take in a successful answer of the operation at `path`: a list's members, or the one object it is about."""
        found = [each for each in _members(document) if isinstance(each, dict)]
        kept = self._members.setdefault(path, [])
        kept += found[: MOST_MEMBERS - len(kept)]

    def told(self, path: str, name: str) -> list[str]:
        """Values for the parameter `name` of the template `path`, which its collection told of."""
        collection = path.partition("/{" + name + "}")[0]
        found = (_identity(member, name) for member in self._members.get(collection, ()))
        return list(dict.fromkeys(filter(None, found)))


def is_collection(path: str) -> bool:
    """Whether a path needs nothing to be known."""
    return not parameter_names(path)


def _members(document: Any) -> Iterator[Any]:
    if isinstance(document, list):
        yield from document
    elif isinstance(document, dict):
        arrays = [document[name] for name in _LISTS if isinstance(document.get(name), list)]
        arrays += [value for value in document.values() if isinstance(value, list)]
        yield from arrays[0] if arrays and "id" not in document else [document]


def _identity(member: Mapping[str, Any], name: str) -> str:
    value = member.get(name, member.get("id"))
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
