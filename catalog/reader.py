"""What readers of contract documents share: telling what is wrong, following references, compiling schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import msgspec

from catalog.bundle import BUNDLE_FIRST, Bundler, Direction
from catalog.canonical import Canonicals, resolve_local
from catalog.contract import Operation
from catalog.errors import Invalid, Problem
from catalog.pointer import join
from catalog.schema import FORMATS, Schema, Validators
from catalog.walk import objects_in

MOST_HOPS = 10


class Reading(msgspec.Struct, frozen=True):
    """What a document says. `notes` name what it declares and nobody enforces (rule `not-enforced`), and operations
    whose name was made (rule `operation-named`)."""

    operations: tuple[Operation, ...]
    notes: tuple[Problem, ...]


class DocumentReader:
    """One reading of one document. Problems and notes gather; nothing raises."""

    def __init__(self, document: Any, canonicals: Canonicals, validators: Validators, file: str, rule: str) -> None:
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []
        self._schemas: dict[tuple[str, Direction], Schema] = {}  # by pointer: shared components are read once
        self._document: dict[str, Any] = document if isinstance(document, dict) else {}
        self._validators = validators
        self._file = file
        self._rule = rule
        self._bundler = Bundler(self._document, canonicals, self._take)

    def _take(self, problem: Problem) -> None:
        self.problems.append(msgspec.structs.replace(problem, file=self._file))

    def _refuse(self, message: str, pointer: str, remedy: str = "", rule: str = "") -> None:
        problem = Problem(message, pointer=pointer, file=self._file, remedy=remedy, rule=rule or self._rule)
        self.problems.append(problem)

    def _note(self, message: str, pointer: str, rule: str = "not-enforced") -> None:
        self.notes.append(Problem(message, pointer=pointer, file=self._file, rule=rule))

    def _object(self, node: Any, pointer: str) -> tuple[dict[str, Any], str]:
        """`node` as an object, local references followed."""
        for _ in range(MOST_HOPS):
            if not isinstance(node, dict):
                self._refuse("must be an object", pointer, "write a mapping")
                return {}, pointer
            ref = node.get("$ref")
            if not isinstance(ref, str):
                return node, pointer
            target = resolve_local(self._document, unquote(ref)) if ref.startswith("#/") else None
            if target is None:
                remedy = "correct it, or declare what it names" if ref.startswith("#") else BUNDLE_FIRST
                message = f"{ref} does not exist" if ref.startswith("#") else f"{ref} leads outside of the document"
                self._refuse(message, join(pointer, "$ref"), remedy, "reference")
                return {}, pointer
            node, pointer = target, unquote(ref)[1:]
        self._refuse("references go round in circles", pointer, "write out what is meant", "reference")
        return {}, pointer

    def _members(self, parent: dict[str, Any], name: str, pointer: str) -> Iterator[tuple[str, Any, str]]:
        """Name, value and pointer of each member of `parent[name]`, extensions left out."""
        children = parent.get(name, {})
        if not isinstance(children, dict):
            self._refuse("must be an object", join(pointer, name), "write a mapping")
            return
        for key, value in children.items():
            if not key.startswith("x-"):
                yield key, value, join(pointer, name, key)

    def _schema(self, schema: Any, pointer: str, direction: Direction) -> Schema:
        known = self._schemas.get((pointer, direction))
        if known is None:
            known = self._schemas[pointer, direction] = self._compile(schema, pointer, direction)
        return known

    def _compile(self, schema: Any, pointer: str, direction: Direction) -> Schema:
        before = len(self.problems)
        bundled = self._bundler.bundle(schema, pointer, direction)
        if len(self.problems) > before:
            return True
        try:
            self._validators.handle(bundled)
        except Invalid as error:
            for problem in error.problems:
                self._refuse(problem.message, pointer + problem.pointer, problem.remedy, problem.rule)
            return True
        for name in sorted(_formats(bundled) - FORMATS):
            self._note(f"format {name!r} is not checked", pointer)
        return bundled


def _formats(schema: Any) -> set[str]:
    return {node["format"] for node, _ in objects_in(schema) if isinstance(node.get("format"), str)}
