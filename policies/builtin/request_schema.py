"""Parameters and body must be what the contract declares; everything that is not is told at once.

Sources: OpenAPI 3.1.1 §4.8.10, JSON Schema 2020-12 (through `catalog.schema`), RFC 9110 §15.5.21 (422).
"""

from __future__ import annotations

from typing import ClassVar, Self
from urllib.parse import unquote_plus

import msgspec

from catalog.errors import Violation
from catalog.schema import Handle, Validators
from policies.decision import ALLOW, Decision, reject
from policies.media import declared_as, is_json_type
from policies.parameter import ParameterCheck
from policies.policy import Facts, Need, Phase, Surroundings
from policies.request import Request


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class RequestSchema:
    id: ClassVar[str] = "request-schema"
    version: ClassVar[str] = "1.0.0"
    phase: ClassVar[Phase] = "late"
    after: ClassVar[tuple[str, ...]] = ("rate-limit", "lifecycle")
    config_type: ClassVar[type[msgspec.Struct]] = Config

    def __init__(
        self, handles: dict[str, Handle], validators: Validators, checks: list[ParameterCheck], places: frozenset[str]
    ) -> None:
        self._handles = handles
        self._validators = validators
        self._checks = checks
        self._has_query = "query" in places
        self._has_cookie = "cookie" in places

    @classmethod
    def compile(cls, config: Config, around: Surroundings) -> Self | None:
        operation, validators = around.operation, around.validators
        handles = {media: validators.handle(schema) for media, schema in operation.request_schemas.items()}
        checks = [ParameterCheck(parameter, validators) for parameter in operation.parameters]
        if not handles and not checks:
            return None
        return cls(handles, validators, checks, frozenset(parameter.place for parameter in operation.parameters))

    def needs(self, request: Request, facts: Facts) -> tuple[Need, ...]:
        return ()

    def decide(self, request: Request, facts: Facts) -> Decision:
        found: tuple[Violation, ...] = ()
        if self._checks:
            query = _pairs(request.query, "&") if self._has_query and request.query else {}
            cookies = _cookies(request) if self._has_cookie else {}
            for check in self._checks:
                found += check.violations(request, query, cookies)
        if request.body:
            found += self._body(request)
        if not found:
            return ALLOW
        return reject(422, "schema-violation", "The request is not what the contract declares.", found)

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


def _pairs(text: str, separator: str) -> dict[str, list[str]]:
    """Names, decoded, to values as they came."""
    found: dict[str, list[str]] = {}
    for pair in text.split(separator):
        if pair:
            name, _, value = pair.partition("=")
            found.setdefault(unquote_plus(name), []).append(value)
    return found


def _cookies(request: Request) -> dict[str, list[str]]:
    text = "; ".join(value.decode("latin-1") for name, value in request.headers if name == b"cookie")
    found: dict[str, list[str]] = {}
    for pair in text.split("; "):
        name, _, value = pair.partition("=")
        found.setdefault(name.strip(), []).append(value)
    return found
