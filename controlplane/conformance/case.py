"""Requests that a contract allows, and ones that it forbids. Pure: the same random state makes the same requests.

The first request of an operation holds what is required and no more; examples of the contract come next, then values
made of its schemas. Parameters are written in OpenAPI's default styles (3.1.1 §4.8.12); others are left out unless
they are given.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from catalog.compatibility.instance import instances
from catalog.contract import ContractVersion, Operation, Parameter
from catalog.openapi import is_json
from catalog.schema import Validators
from controlplane.conformance.declared import Declared
from controlplane.conformance.fault import faults
from controlplane.conformance.known import Known
from policies.parameter import types_of

_KEY_HEADER = "idempotency-key"  # draft-ietf-httpapi-idempotency-key-header-07
_VALUES = 3  # made of a schema, for a parameter


class Case(msgspec.Struct, frozen=True):
    """One request. `path` is encoded and stands below the target; `body` counts when there is a `media`."""

    operation: str
    kind: Literal["example", "generated", "forbidden"]
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    media: str = ""
    body: Any = None
    about: str = ""  # the example's pointer in the document; what is wrong with a forbidden one
    is_told: bool = True  # whether the system itself named every object in the path


class Unknown(Exception):
    """No value can be had for a parameter that the operation needs; says which, and what to do."""


class Maker:
    """Makes the requests of one operation. `new_key` gives a fresh idempotency key: a repeated one would get the first
    answer again."""

    def __init__(
        self, version: ContractVersion, operation: Operation, known: Known, validators: Validators, new_key: Any
    ) -> None:
        self._operation = operation
        self._known = known
        self._validators = validators
        self._new_key = new_key
        self._declared = Declared(version.document, operation)

    def allowed(self, count: int, random: Random) -> Iterator[Case]:
        """At most `count` requests that the contract allows. Raises: Unknown."""
        bodies = list(self._bodies(count, random))[:count]
        for number, (media, value, pointer) in enumerate(bodies):
            case = self._case("example" if pointer else "generated", not pointer and number > 0, random, number)
            yield msgspec.structs.replace(case, media=media, body=value, about=pointer)
        if bodies:
            return
        if self._operation.request_required:
            raise Unknown("no value of its body could be made, and it declares no example")
        for number in range(count if self._has_choice() else 1):
            yield self._case("generated", number > 0, random, number)

    def forbidden(self, count: int, random: Random) -> Iterator[Case]:
        """At most `count` requests with one thing that the contract forbids. Raises: Unknown."""
        plain = self._case("forbidden", False, random)
        media, schema = next(((m, s) for m, s in self._operation.request_schemas.items() if is_json(m)), ("", True))
        if not media:
            yield from self._wrong_queries(plain, count)
            return
        handle = self._validators.handle(schema)
        for _, value, _ in list(self._bodies(1, random))[:1]:
            for fault in faults(value, lambda each: self._validators.is_valid(handle, each), count, random):
                yield msgspec.structs.replace(plain, media=media, body=fault.document, about=fault.what)

    def _wrong_queries(self, plain: Case, count: int) -> Iterator[Case]:
        """A query parameter whose text is no value of its schema."""
        wrong = ["§", "-1", "x" * 300]
        for parameter in self._operation.parameters:
            handle = self._validators.handle(parameter.schema)
            text = next((each for each in wrong if not self._takes(handle, each)), None)
            if parameter.place == "query" and parameter.check == "value" and text is not None and count:
                count -= 1
                kept = tuple(pair for pair in plain.query if pair[0] != parameter.name)
                about = f"query parameter {parameter.name} with a value that its schema refuses"
                yield msgspec.structs.replace(plain, query=(*kept, (parameter.name, text)), about=about)

    def _takes(self, handle: Any, text: str) -> bool:
        """Whether any reading of a text is valid: as a number, or as text."""
        readings: list[Any] = [text, [text], *([int(text)] if text.lstrip("-").isdigit() else [])]
        return any(self._validators.is_valid(handle, each) for each in readings)

    def _bodies(self, count: int, random: Random) -> Iterator[tuple[str, Any, str]]:
        """Media type, value, and the example's pointer. Other media than JSON are not made: nobody could check them."""
        for media, schema in self._operation.request_schemas.items():
            if is_json(media) and not media.endswith("*"):
                examples = self._declared.bodies(media)
                yield from ((media, self._with_given(each.value, schema), each.pointer) for each in examples)
                made = instances(schema, max(0, count - len(examples)), random)
                yield from ((media, self._with_given(value, schema), "") for value in made)
                return
        if self._operation.request_required:
            raise Unknown("its body is not JSON")

    def _with_given(self, body: Any, schema: Any) -> Any:
        """`body` with what was given for members of its own, such as the tenant, where the schema takes it."""
        if not isinstance(body, dict):
            return body
        told = {**body, **{name: values[0] for name in body if (values := self._known.given(name))}}
        return told if self._validators.is_valid(self._validators.handle(schema), told) else body

    def _case(self, kind: Any, is_full: bool, random: Random, turn: int = 0) -> Case:
        """`is_full`: some optional parameters too; `turn`: which of the values that were given."""
        operation = self._operation
        path, query, headers, is_told = operation.path, [], [], True
        for parameter in operation.parameters:
            values = self._written(parameter, is_full, random, turn)
            if parameter.place == "path":
                is_told &= values[0] in self._known.told(operation.path, parameter.name)
                path = path.replace("{" + parameter.name + "}", quote(values[0], safe=""))
            elif parameter.place == "query":
                query += [(parameter.name, value) for value in values]
            elif values:
                cookie = parameter.place == "cookie"
                headers.append(("Cookie", f"{parameter.name}={values[0]}") if cookie else (parameter.name, values[0]))
        if operation.extension.idempotency in ("required", "optional"):
            headers = [pair for pair in headers if pair[0].lower() != _KEY_HEADER]
            headers.append(("Idempotency-Key", self._new_key()))
        return Case(operation.id, kind, operation.method, path, tuple(query), tuple(headers), is_told=is_told)

    def _written(self, parameter: Parameter, is_full: bool, random: Random, turn: int) -> list[str]:
        """The texts of one parameter; [] leaves it out. Raises: Unknown."""
        given = self._given(parameter)
        if given:
            return [given[turn % len(given)]]
        is_wanted = parameter.required or (is_full and parameter.check == "value" and random.random() < 0.5)
        if not is_wanted:
            return []
        values = self._values(parameter, random)
        if not values and not parameter.required:
            return []
        if not values:
            raise Unknown(
                f"no value is known for its {parameter.place} parameter {parameter.name}: "
                f"give one by --parameter {parameter.name}=…"
            )
        value = random.choice(values) if is_full else values[0]
        return _texts(value, parameter.explode)

    def _values(self, parameter: Parameter, random: Random) -> list[Any]:
        """What lists told before what the contract declares. What is never made up: an id, and a plain text that need
        not be there, since a text such as a cursor means something to the system alone."""
        told = self._known.told(self._operation.path, parameter.name) if parameter.place == "path" else []
        declared = told or self._declared.parameter(parameter.place, parameter.name)
        if declared:
            return list(declared)
        is_listed = isinstance(parameter.schema, dict) and bool({"enum", "const"} & parameter.schema.keys())
        is_text = "string" in types_of(parameter.schema, parameter.schema)
        if not is_listed and (parameter.place == "path" or (is_text and not parameter.required)):
            return []
        made = list(instances(parameter.schema, _VALUES, random)) if parameter.check == "value" else []
        is_header = parameter.place in ("header", "cookie")
        return [value for value in made if not (is_header and isinstance(value, str)) or _is_header_text(value)]

    def _given(self, parameter: Parameter) -> list[str]:
        """What was given for a parameter; nothing stands for an empty segment of a path."""
        return [text for text in self._known.given(parameter.name) if text or parameter.place != "path"]

    def _has_choice(self) -> bool:
        """Whether another request of the operation could differ."""
        return any(
            not parameter.required
            or len(self._given(parameter)) > 1
            or len(self._known.told(self._operation.path, parameter.name)) > 1
            for parameter in self._operation.parameters
        )


def _is_header_text(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and text == text.strip()


def _texts(value: Any, is_exploded: bool) -> list[str]:
    if isinstance(value, list):
        parts = [_text(each) for each in value]
        return parts if is_exploded else [",".join(parts)]
    return [_text(value)]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
