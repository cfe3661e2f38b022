"""What a contract's document says of an operation beyond its schemas: examples, and headers that an answer must have.
Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from catalog.canonical import resolve_local
from catalog.contract import Operation
from catalog.pointer import join, resolve

_MOST_HOPS = 10


class Example(NamedTuple):
    """A declared example; `pointer` is where it stands in the document, references followed."""

    pointer: str
    value: Any


class Declared:
    """One operation of a document."""

    def __init__(self, document: Mapping[str, Any], operation: Operation) -> None:
        self._document = document
        self._pointer = operation.pointer
        found, _ = self._at(operation.pointer)
        self._node = found

    def bodies(self, media: str) -> list[Example]:
        """Examples of the request's body of a media type."""
        body, place = self._member(self._node, self._pointer, "requestBody")
        content, place = self._member(body, place, "content")
        for name in content:
            if str(name).split(";", 1)[0].strip().lower() == media:
                return list(self._examples(*self._member(content, place, name)))
        return []

    def parameter(self, where: str, name: str) -> list[Any]:
        """Example values of a parameter, the ones of its own first."""
        node, pointer = self._parameter(where, name)
        schema, _ = self._member(node, pointer, "schema")
        listed = schema.get("examples")
        told = [schema[key] for key in ("example", "default") if key in schema]
        own = [each.value for each in self._examples(node, pointer)]
        return [*own, *(listed if isinstance(listed, list) else ()), *told]

    def headers(self, status: str) -> list[str]:
        """Headers that an answer of a declared status ("200", "4XX", "default") must have."""
        responses, place = self._member(self._node, self._pointer, "responses")
        name = next((each for each in responses if str(each).upper() == status.upper()), status)
        response, place = self._member(responses, place, name)
        headers, place = self._member(response, place, "headers")
        return [each for each in headers if self._member(headers, place, each)[0].get("required") is True]

    def _parameter(self, where: str, name: str) -> tuple[dict[str, Any], str]:
        """The operation's own declaration before the path's."""
        for home in (self._pointer, self._pointer.rpartition("/")[0]):
            listed = self._at(home)[0].get("parameters")
            for index in range(len(listed) if isinstance(listed, list) else 0):
                node, pointer = self._at(join(home, "parameters", index))
                if (node.get("in"), str(node.get("name")).lower()) == (where, name.lower()):
                    return node, pointer
        return {}, self._pointer

    def _examples(self, node: dict[str, Any], pointer: str) -> Iterator[Example]:
        if "example" in node:
            yield Example(join(pointer, "example"), node["example"])
        several, place = self._member(node, pointer, "examples")
        for name in several:
            each, where = self._member(several, place, name)
            if "value" in each:
                yield Example(join(where, "value"), each["value"])

    def _member(self, node: dict[str, Any], pointer: str, name: str) -> tuple[dict[str, Any], str]:
        return self._followed(node.get(name), join(pointer, name))

    def _at(self, pointer: str) -> tuple[dict[str, Any], str]:
        return self._followed(resolve(self._document, pointer), pointer)

    def _followed(self, node: Any, pointer: str) -> tuple[dict[str, Any], str]:
        """`node` as an object, its references followed; an empty one when it is none."""
        for _ in range(_MOST_HOPS):
            if not isinstance(node, dict):
                return {}, pointer
            ref = node.get("$ref")
            if not isinstance(ref, str) or not ref.startswith("#/"):
                return node, pointer
            node, pointer = resolve_local(dict(self._document), unquote(ref)), unquote(ref)[1:]
        return {}, pointer
