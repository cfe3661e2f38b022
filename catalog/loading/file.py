"""The files of one loading: read, parsed, accounted for. What is wrong gathers; nothing raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from catalog.document import parse_document
from catalog.doubt import lost_names
from catalog.errors import Problem
from catalog.inventory import LIBRARY_PREFIX, SUFFIXES
from catalog.pointer import join
from catalog.shape import shape

S = TypeVar("S", bound=msgspec.Struct)


class Files:
    """What every kind is read from, and what reading it has found so far."""

    def __init__(self, content: Mapping[str, bytes]) -> None:
        self.content = content
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []  # what is declared and nobody enforces
        self.sources: dict[str, str] = {}  # "<kind>/<name>" -> path, with "#<pointer>" in a list
        self.lost: set[str] = set()  # "<kind>/<name>" of what is there and could not be loaded

    def refuse(self, message: str, file: str, pointer: str = "", remedy: str = "", rule: str = "workspace") -> None:
        self.problems.append(Problem(message, pointer=pointer, file=file, remedy=remedy, rule=rule))

    def paths(self, folder: str) -> list[tuple[str, str]]:
        """(path, path without the library's mark) of the files of a folder, the library's first."""
        suffixes = SUFFIXES[:2] if folder == "policies" else SUFFIXES  # policies name JSON files beside them
        found = [
            (path, path.removeprefix(LIBRARY_PREFIX))
            for path in self.content
            if path.removeprefix(LIBRARY_PREFIX).startswith(f"{folder}/") and path.endswith(suffixes)
        ]
        return sorted(found, key=lambda pair: (not pair[0].startswith(LIBRARY_PREFIX), pair))

    def documents(self, path: str) -> list[Any]:
        documents, problems = parse_document(self.content[path], path)
        self.problems += problems
        return documents

    def one(self, path: str) -> Any:
        """The only document of a file, or None when there is a problem."""
        before = len(self.problems)
        documents = self.documents(path)
        if len(self.problems) > before:
            return None
        if len(documents) != 1 or documents[0] is None:
            self.refuse("must hold exactly one document", path, remedy="one object a file")
            return None
        return documents[0]

    def note_source(self, kind: str, name: str, path: str, pointer: str = "", is_replaceable: bool = False) -> bool:
        """Note where a thing comes from; False when it is there already and must not be replaced."""
        key = f"{kind}/{name}"
        earlier = self.sources.get(key)
        if earlier is not None and not (is_replaceable and earlier.startswith(LIBRARY_PREFIX)):
            self.refuse(f"{kind} {name!r} is defined in {earlier} already", path, pointer, "rename or remove one")
            return False
        self.sources[key] = f"{path}#{pointer}" if pointer else path
        return True

    def named(self, folder: str, kind: str, type_: type[S], name_of: Callable[[S], str]) -> dict[str, S]:
        """One object a file."""
        found: dict[str, S] = {}
        for path, _ in self.paths(folder):
            data = self.one(path)
            item, problems = shape(data, type_, path) if data is not None else (None, [])
            self.problems += problems
            if item is None:
                self.lose(kind, kind, data, path)
            elif self.note_source(kind, name_of(item), path):
                found[name_of(item)] = item
        return found

    def entries(self, folder: str) -> Iterator[tuple[Any, str, str]]:
        """(plain data, file, pointer) of each entry: a file holds a list or one; None for a file that is wrong."""
        for path, _ in self.paths(folder):
            data = self.one(path)
            if isinstance(data, list):
                yield from ((item, path, join("", index)) for index, item in enumerate(data))
            else:
                yield data, path, ""

    def items(self, folder: str, type_: type[S], kind: str, member: str) -> Iterator[tuple[S, str, str]]:
        """(object, file, pointer) of each; `member` holds its name."""
        for entry, path, pointer in self.entries(folder):
            item, problems = shape(entry, type_, path, pointer) if entry is not None else (None, [])
            self.problems += problems
            if item is not None:
                yield item, path, pointer
            else:
                self.lose(kind, member, entry, path)

    def lose(self, kind: str, member: str, data: Any, path: str) -> None:
        """Remember what could not be loaded, so that it is not told again as missing: its name, or all names that
        the text of an unreadable file may mean."""
        self.lost |= {f"{kind}/{name}" for name in lost_names(data, member, path, self.content[path])}

    def listed(self, folder: str, kind: str, type_: type[S], name_of: Callable[[S], str]) -> dict[str, S]:
        return {
            name_of(item): item
            for item, path, pointer in self.items(folder, type_, kind, "id")
            if self.note_source(kind, name_of(item), path, pointer, is_replaceable=True)
        }
