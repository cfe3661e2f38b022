"""What readers of contract documents share: telling what is wrong, following references, compiling schemas."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import unquote

import msgspec

from catalog.bundle import BUNDLE_FIRST, Bundler, Direction
from catalog.canonical import Canonicals, resolve_local
from catalog.contract import Operation
from catalog.errors import Invalid, Problem
from catalog.pointer import join
from catalog.schema import FORMATS, Pool, Schema, Validators

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
        self.is_own = True  # whether the workspace's people can mend the document
        self._bundled: list[tuple[Schema, str, Direction]] = []
        self._example_values: list[tuple[Schema, Any, str]] = []  # schema, value, pointer
        self._unknown_formats: set[tuple[str, str]] = set()
        self._validators = validators
        self._file = file
        self._rule = rule
        # no bound method: a reader in a circle with its bundler would keep its document until the next collection
        self._bundler = Bundler(self._document, canonicals, partial(_take, self.problems, file))

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
        if self._validators.is_lazy:
            return bundled
        self._bundled.append((bundled, pointer, direction))
        if isinstance(bundled, dict) and isinstance(bundled.get("$defs"), Pool):
            return bundled  # its pool is not complete yet
        return bundled if self._compiles(bundled, pointer, direction) else True

    def _compiles(self, bundled: Schema, pointer: str, direction: Direction) -> bool:
        try:
            self._validators.handle(bundled)
        except Invalid as error:
            for problem in error.problems:
                place = self._bundler.place(problem.pointer, pointer, direction)
                self._refuse(problem.message, place, problem.remedy, problem.rule)
            return False
        return True

    def _finish(self) -> None:
        """Once the whole document is read: compile what is pooled, hold examples to their schemas, name formats that
        nobody checks."""
        pools: set[int] = set()
        for schema, pointer, direction in self._bundled:
            for name, place in self._bundler.formats(schema, pointer, direction):
                if name not in FORMATS and (name, place) not in self._unknown_formats:
                    self._unknown_formats.add((name, place))
                    self._note(f"format {name!r} is not checked", place)
            pool = schema.get("$defs") if isinstance(schema, dict) else None
            if isinstance(pool, Pool) and id(pool) not in pools:
                pools.add(id(pool))
                self._compiles(schema, pointer, direction)
        if self.problems:
            return
        for schema, value, place in self._example_values:
            for violation in self._validators.validate(self._validators.handle(schema), value):
                where = place + violation.pointer
                if self.is_own:
                    self._refuse(f"example {violation.message}", where, "mend it or the schema", "example")
                else:
                    self._note(f"an example is not valid: {violation.message}", where)


def _take(problems: list[Problem], file: str, problem: Problem) -> None:
    problems.append(msgspec.structs.replace(problem, file=file))
