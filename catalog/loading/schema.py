"""Reading canonical schemas: each with its version, all that it uses, its examples held to it."""

from __future__ import annotations

import re

import msgspec

from catalog.bundle import Bundler
from catalog.canonical import CanonicalSchema, canonical_schema, schema_problems
from catalog.doubt import doubtful_references
from catalog.errors import Invalid, Problem
from catalog.loading.file import Files
from catalog.ownership import SchemaOwnership
from catalog.pointer import join
from catalog.schema import Validators
from catalog.shape import shape
from catalog.version import is_version

SCHEMA = re.compile(r"schemas/([^/]+)/(?!schema\.ya?ml)([^/]+)\.(?:json|ya?ml)")
OWNERSHIP = re.compile(r"schemas/([^/]+)/schema\.ya?ml")


class SchemaReader:
    """Reads schemas/. `broken` are the keys of schemas with problems, told once, at home."""

    def __init__(self, files: Files, validators: Validators) -> None:
        self._files = files
        self._validators = validators
        self._schemas: dict[str, CanonicalSchema] = {}
        self.broken: set[str] = set()

    def read(self) -> dict[str, CanonicalSchema]:
        places: dict[str, str] = {}
        for path, plain in self._files.paths("schemas"):
            form = SCHEMA.fullmatch(plain)
            data = self._files.one(path) if form else None
            if form is None:
                continue
            if data is None:
                self._files.lost.add(f"schema/{form[1]}@{form[2]}")
            elif not is_version(form[2]) or not isinstance(data, dict):
                self._files.refuse("not a schema with its version", path, remedy="an object in a file named 1.0.0.json")
                self._files.lost.add(f"schema/{form[1]}@{form[2]}")
            elif self._files.note_source("schema", f"{form[1]}@{form[2]}", path):
                schema = canonical_schema(form[1], form[2], data)
                self._schemas[schema.key] = schema
                places[schema.key] = path
        for key, path in places.items():
            problems = schema_problems(self._schemas[key], self._schemas, path)
            doubtful = doubtful_references(self._schemas[key].document, self._files.lost)
            if not problems:
                problems = self._compile(self._schemas[key], path)
            if problems or doubtful:
                self.broken.add(key)
            self._files.problems += [problem for problem in problems if problem.pointer not in doubtful]
        return self._schemas

    def _compile(self, schema: CanonicalSchema, path: str) -> list[Problem]:
        """Compile a canonical schema with all it uses, and hold its examples to it."""
        problems: list[Problem] = []
        bundled = Bundler({}, self._schemas, problems.append).bundle(
            {"$ref": f"canonical:{schema.key}"}, "", "response"
        )
        try:
            handle = self._validators.handle(bundled) if not problems else None
        except Invalid as error:
            prefix = join("/$defs", schema.key)
            return [Problem(p.message, p.pointer.removeprefix(prefix), path, p.remedy, p.rule) for p in error.problems]
        examples = schema.document.get("examples")
        if handle is not None and isinstance(examples, list):
            problems += [
                Problem(
                    f"example {violation.message}",
                    join("/examples", index) + violation.pointer,
                    remedy="mend it or the schema",
                    rule="example",
                )
                for index, example in enumerate(examples)
                for violation in self._validators.validate(handle, example)
            ]
        return [msgspec.structs.replace(problem, file=path) for problem in problems]


def read_ownerships(files: Files) -> dict[str, SchemaOwnership]:
    """Who answers for each canonical schema; a workspace may say it of the library's schemas too."""
    found: dict[str, SchemaOwnership] = {}
    for path, plain in files.paths("schemas"):
        form = OWNERSHIP.fullmatch(plain)
        data = files.one(path) if form else None
        if form is None:
            continue
        item, problems = shape(data, SchemaOwnership, path) if data is not None else (None, [])
        files.problems += problems
        if item is None:
            files.lost.add(f"ownership/{form[1]}")
        elif item.schema != form[1]:
            files.refuse(f"the folder says {form[1]}", path, "/schema", "rename one of them", "ownership")
        elif files.note_source("ownership", item.schema, path, is_replaceable=True):
            found[item.schema] = item
    return found
