"""Parameters and body must be what the contract declares; everything that is not is told at once.

Sources: OpenAPI 3.1.1 §4.8.10, JSON Schema 2020-12 (through `catalog.schema`), RFC 9110 §15.5.21 (422).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import unquote_plus

import msgspec
from msgspec import Meta

from catalog.contract import Parameter
from catalog.errors import Invalid, Violation
from catalog.schema import Handle, Validators
from policies.decision import ALLOW, Decision, reject
from policies.media import declared_as, is_json_type
from policies.parameter import ParameterCheck
from policies.policy import Facts, Phase, Surroundings
from policies.request import Request

_TOLD_MAX = 100  # of the undeclared ones: the first are enough to mend a call


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    undeclared_query: Annotated[
        Literal["reject", "pass"], Meta(description="what becomes of query parameters that the contract does not name")
    ] = "reject"


class RequestSchema:
    id: ClassVar[str] = "request-schema"
    version: ClassVar[str] = "1.0.0"
    phase: ClassVar[Phase] = "late"
    after: ClassVar[tuple[str, ...]] = ("rate-limit", "lifecycle")
    config_type: ClassVar[type[msgspec.Struct]] = Config

    def __init__(
        self,
        handles: dict[str, Handle],
        validators: Validators,
        checks: list[ParameterCheck],
        places: frozenset[str],
        names: QueryNames | None,
    ) -> None:
        self._handles = handles
        self._validators = validators
        self._checks = checks
        self._names = names
        self._has_query = "query" in places or names is not None
        self._has_cookie = "cookie" in places

    @classmethod
    def compile(cls, config: Config, around: Surroundings) -> Self | None:
        operation, validators = around.operation, around.validators
        handles = {media: validators.handle(schema) for media, schema in operation.request_schemas.items()}
        checks = [ParameterCheck(parameter, validators) for parameter in operation.parameters]
        names = QueryNames.declared(operation.parameters) if config.undeclared_query == "reject" else None
        if not handles and not checks and names is None:
            return None
        places = frozenset(parameter.place for parameter in operation.parameters)
        return cls(handles, validators, checks, places, names)

    def decide(self, request: Request, facts: Facts) -> Decision:
        try:
            found = self._violations(request)
        except Invalid:
            detail = "The contract's schema cannot be compiled by this gateway, so the request cannot be checked."
            return reject(503, "schema-not-compiled", detail)
        if not found:
            return ALLOW
        return reject(422, "schema-violation", "The request is not what the contract declares.", found)

    def _violations(self, request: Request) -> tuple[Violation, ...]:
        found: tuple[Violation, ...] = ()
        query = _pairs(request.query) if self._has_query and request.query else {}
        if query and self._names is not None:
            found = self._names.violations(request.query, query)
        if self._checks:
            cookies = _cookies(request) if self._has_cookie else {}
            for check in self._checks:
                found += check.violations(request, query, cookies)
        return found + self._body(request) if request.body else found

    def _body(self, request: Request) -> tuple[Violation, ...]:
        media = request.media
        declared = declared_as(self._handles, media)
        if declared is None:
            return (Violation("", "media-type", "must have a media type that the operation declares"),)
        if not is_json_type(media):
            return ()
        if request.flaw:
            return (Violation("", "json", "must be a JSON document"),)
        return self._validators.validate(self._handles[declared], request.document)


class QueryNames:
    """The names that an operation's query may hold."""

    def __init__(self, names: frozenset[str], prefixes: tuple[str, ...]) -> None:
        self._names = names
        self._prefixes = prefixes  # of objects: name[a]=1&name[b]=2

    @classmethod
    def declared(cls, parameters: Sequence[Parameter]) -> Self | None:
        """None where a parameter's own names cannot be told: any name may be its."""
        known = [parameter for parameter in parameters if parameter.place == "query"]
        if any(parameter.check == "none" for parameter in known):
            return None
        deep = tuple(f"{parameter.name}[" for parameter in known if parameter.style == "deepObject")
        return cls(frozenset(parameter.name for parameter in known), deep)

    def violations(self, text: str, query: dict[str, list[str]]) -> tuple[Violation, ...]:
        """One for each undeclared parameter of the query `text`, known by its position: its name is the sender's."""
        if query.keys() <= self._names:
            return ()
        return tuple(
            Violation(f"#/query/{position}", "undeclared", "is not a query parameter that the operation declares")
            for position, pair in enumerate(text.split("&"))
            if pair and not self._knows(_name(pair))
        )[:_TOLD_MAX]

    def _knows(self, name: str) -> bool:
        return name in self._names or name.startswith(self._prefixes)


def _name(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0])


def _pairs(text: str) -> dict[str, list[str]]:
    """Names, decoded, to values as they came."""
    found: dict[str, list[str]] = {}
    for pair in text.split("&"):
        if pair:
            found.setdefault(_name(pair), []).append(pair.partition("=")[2])
    return found


def _cookies(request: Request) -> dict[str, list[str]]:
    text = "; ".join(value.decode("latin-1") for name, value in request.headers if name == b"cookie")
    found: dict[str, list[str]] = {}
    for pair in text.split("; "):
        name, _, value = pair.partition("=")
        found.setdefault(name.strip(), []).append(value)
    return found
