"""The judge: `jsonschema`, which confirms every witness.

Formats assert, as far as `jsonschema` checks them here without further packages. OpenAPI 3.0 is judged as draft 4 with
`nullable`. Nothing is ever fetched: what a reference does not find in the document or the given resources makes a
witness unconfirmed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import validators
from jsonschema.exceptions import best_match
from jsonschema.protocols import Validator
from jsonschema_specifications import REGISTRY
from referencing import Resource
from referencing.jsonschema import DRAFT4, DRAFT6, DRAFT7, DRAFT201909, DRAFT202012

from catalog.compatibility.comparison import Direction
from catalog.compatibility.dialect import dialect_of
from catalog.compatibility.document import Document
from catalog.compatibility.projection import projected
from catalog.compatibility.wellformed import inner_problems
from catalog.errors import Problem
from catalog.pointer import join

_REMEDY = "see its draft for what the keyword takes; $schema names the draft, 2020-12 without it"
_WHOLE, _PART = "urn:waybill:document", "x-waybill-part"


_extend: Any = validators.extend  # its stub has no types
_resource: Any = Resource  # nor does the one of attrs' constructor


def _nullable_type(validator: Any, types: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if not (instance is None and schema.get("nullable") is True and isinstance(types, str)):
        yield from validators.Draft4Validator.VALIDATORS["type"](validator, types, instance, schema)


#: the formats that assert, in any dialect: those of 2020-12 that `jsonschema` checks here
FORMATS: Any = validators.Draft202012Validator.FORMAT_CHECKER
#: how OpenAPI 3.0 schemas are judged
OPENAPI_30: Any = _extend(validators.Draft4Validator, {"type": _nullable_type})
_CLASSES: dict[str, tuple[Any, Any]] = {
    "draft4": (validators.Draft4Validator, DRAFT4),
    "draft6": (validators.Draft6Validator, DRAFT6),
    "draft7": (validators.Draft7Validator, DRAFT7),
    "2019-09": (validators.Draft201909Validator, DRAFT201909),
    "2020-12": (validators.Draft202012Validator, DRAFT202012),
    "openapi-3.0": (OPENAPI_30, DRAFT4),
    "unknown": (validators.Draft202012Validator, DRAFT202012),
}


def schema_problems(schema: Any, dialect: str | None = None) -> list[Problem]:
    """What is wrong with a schema, by the meta-schema of its dialect and within; [] for a valid one."""
    if not isinstance(schema, dict | bool):
        return [Problem("a schema is an object, or true or false", remedy="give a JSON Schema", rule="schema")]
    read_as = dialect_of(schema, dialect)
    made = _CLASSES[read_as.name][0]
    best = best_match(made(made.META_SCHEMA, registry=REGISTRY).iter_errors(schema))
    if best is None:
        return inner_problems(Document(schema, read_as))
    pointer = join("", *best.absolute_path)
    return [Problem(f"not a JSON Schema: {best.message[:200]}", pointer, remedy=_REMEDY, rule="schema")]


class Judge:
    """Judges instances by the schemas of one document. `resources` are schemas by the address that refers to them."""

    def __init__(self, document: Document, resources: Mapping[str, Any], direction: Direction | None = None) -> None:
        self._document = document
        self._direction = direction
        self._class, self._specification = _CLASSES[document.dialect.name]
        self._resources = resources
        self._root: Any = None
        self._validators: dict[int, tuple[Validator, Any]] = {}

    def is_valid(self, schema: Any, instance: Any) -> bool | None:
        """Whether `instance` is valid under `schema`; None when `jsonschema` cannot tell."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return bool(self._validator(schema).is_valid(instance))
        except (Exception, RecursionError):  # whatever it trips over, there is no verdict then
            return None

    def conforms(self, name: str, value: Any) -> bool | None:
        """Whether `value` has a format; None for formats that are not checked."""
        return bool(FORMATS.conforms(value, name)) if name in FORMATS.checkers else None

    def _validator(self, schema: Any) -> Validator:
        if id(schema) not in self._validators:
            self._validators[id(schema)] = (self._made(schema), schema)
        return self._validators[id(schema)][0]

    def _made(self, schema: Any) -> Validator:
        if schema is self._document.root:
            return self._checking(projected(schema, self._document, self._direction), self._registry())
        if self._root is None:
            self._root = projected(self._document.root, self._document, self._direction)
        base = self._root if isinstance(self._root, dict) else {}
        part = projected(schema, self._document, self._direction)
        address = self._document.own_address or _WHOLE
        resource = _resource(contents={**base, _PART: part}, specification=self._specification)
        return self._checking({"$ref": f"{address}#/{_PART}"}, self._registry().with_resource(address, resource))

    def _checking(self, schema: Any, registry: Any) -> Validator:
        validator: Validator = self._class(schema, registry=registry, format_checker=FORMATS)
        return validator

    def _registry(self) -> Any:
        """What references find besides the document: the drafts' own schemas, and what was given."""
        specification = self._specification
        given = [
            (name, _resource(contents=each, specification=specification)) for name, each in self._resources.items()
        ]
        registry: Any = REGISTRY
        return registry.with_resources(given) if given else registry
