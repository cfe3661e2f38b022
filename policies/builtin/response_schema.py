"""A system's answer must be one that the contract declares: status, media type and document.

Sources: OpenAPI 3.1.1 §4.8.16 (exact status before range before default), RFC 9110 §15.6.3 (502).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import msgspec
from msgspec import Meta

from catalog.errors import Invalid, Violation
from catalog.schema import Handle, Validators
from policies.decision import ALLOW, Decision, reject
from policies.media import declared_as, is_json_type
from policies.policy import Phase, Surroundings
from policies.request import Request, Response

_BODYLESS = frozenset({204, 205, 304})
_UNDECLARED = Violation("#/status", "status-undeclared", "is a status that the contract does not declare")
_MEDIA = Violation("#/header/content-type", "media-type", "is a media type that the contract does not declare")
_CODING = Violation("#/header/content-encoding", "content-encoding", "is a content coding that nobody asked for")
_JSON = Violation("", "json", "is not a JSON document")
_MISSING = Violation("", "body-missing", "is missing")


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    check_errors: Annotated[bool, Meta(description="whether answers of 400 and more are checked too")] = True


class ResponseSchema:
    id: ClassVar[str] = "response-schema"
    version: ClassVar[str] = "1.0.0"
    phase: ClassVar[Phase] = "back"
    after: ClassVar[tuple[str, ...]] = ()
    config_type: ClassVar[type[msgspec.Struct]] = Config

    def __init__(self, declared: dict[str, dict[str, Handle]], validators: Validators, check_errors: bool) -> None:
        self._declared = declared
        self._validators = validators
        self._check_errors = check_errors

    @classmethod
    def compile(cls, config: Config, around: Surroundings) -> Self | None:
        validators = around.validators
        declared = {
            status: {media: validators.handle(schema) for media, schema in content.items()}
            for status, content in around.operation.response_schemas.items()
        }
        return cls(declared, validators, config.check_errors)

    def decide(self, request: Request, response: Response) -> Decision:
        if response.status >= 400 and not self._check_errors:
            return ALLOW
        try:
            found = self._violations(request, response)
        except Invalid:
            detail = "The contract's schema cannot be compiled by this gateway, so the answer cannot be checked."
            return reject(502, "schema-not-compiled", detail)
        if not found:
            return ALLOW
        detail = "The system's answer is not what the contract declares."
        return reject(502, "response-violation", detail, found)

    def _violations(self, request: Request, response: Response) -> tuple[Violation, ...]:
        status = str(response.status)
        content = self._declared.get(status)
        if content is None:
            content = self._declared.get(f"{status[0]}XX", self._declared.get("default"))
        if content is None:
            return (_UNDECLARED,)
        if request.method == "HEAD" or response.status in _BODYLESS:
            return ()
        if not response.body:
            return (_MISSING,) if content else ()
        if not content and response.status >= 400:
            return ()  # documents often leave the body of an error undescribed; lint says that it is not checked
        return self._body(content, response)

    def _body(self, content: dict[str, Handle], response: Response) -> tuple[Violation, ...]:
        media = response.media
        declared = declared_as(content, media) if media else None
        if declared is None:
            return (_MEDIA,)
        for name, value in response.headers:
            if name == b"content-encoding" and value.lower() != b"identity":
                return (_CODING,)
        if not is_json_type(media):
            return ()
        if response.flaw:
            return (_JSON,)
        return self._validators.validate(content[declared], response.document)
