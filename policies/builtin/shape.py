"""What a document may look like before anything reads it: media type, syntax, duplicate names, depth and sizes.

Sources: RFC 8259 §4 (duplicate names: readers differ, cf. APISIX CVE-2022-25757), RFC 9110 §8.3-8.4, §15.5.16.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import msgspec
from msgspec import Meta

from catalog.errors import Violation
from policies.decision import ALLOW, Decision, reject
from policies.document import (
    duplicate_pointers,
    has_duplicate_names,
    is_deeper,
    longest,
    may_hold_long_number,
    structure,
)
from policies.media import declares
from policies.policy import Facts, Phase, Surroundings
from policies.request import Request


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    max_depth: Annotated[int, Meta(ge=1, description="levels of nesting")] = 32
    max_keys: Annotated[int, Meta(ge=1, description="object members in the whole document")] = 10_000
    max_number_length: Annotated[int, Meta(ge=1, le=4_000, description="characters of one number")] = 64
    max_string_bytes: Annotated[int, Meta(ge=1, description="bytes of one string or name, as UTF-8")] = 65_536


class Shape:
    id: ClassVar[str] = "shape"
    version: ClassVar[str] = "1.0.0"
    phase: ClassVar[Phase] = "body"
    after: ClassVar[tuple[str, ...]] = ()
    config_type: ClassVar[type[msgspec.Struct]] = Config

    def __init__(self, config: Config, declared: frozenset[str], is_required: bool) -> None:
        self._config = config
        self._declared = declared
        self._is_required = is_required

    @classmethod
    def compile(cls, config: Config, around: Surroundings) -> Self | None:
        operation = around.operation
        return cls(config, frozenset(operation.request_schemas), operation.request_required)

    def decide(self, request: Request, facts: Facts) -> Decision:
        if not request.body:
            if self._is_required:
                return reject(400, "body-missing", "The operation needs a request body.")
            return ALLOW
        if refusal := self._media(request):
            return refusal
        if request.flaw:
            return reject(400, "malformed-json", request.flaw)
        if request.document is None and request.body != b"null":
            return ALLOW  # not JSON, and declared so
        if has_duplicate_names(request.body, request.document):
            return _duplicates(request.body)
        return self._sizes(request)

    def _media(self, request: Request) -> Decision | None:
        if not self._declared:
            return reject(400, "body-unexpected", "The operation takes no request body.")
        if not declares(self._declared, request.media):
            return reject(415, "media-type-unsupported", "The body's media type is not one the operation declares.")
        encoding = request.header(b"content-encoding")
        if encoding is not None and encoding.lower() != b"identity":
            return reject(415, "content-encoding-unsupported", "The body must come without a content coding.")
        return None

    def _sizes(self, request: Request) -> Decision:
        config, body = self._config, request.body
        skeleton = structure(body)
        found = []
        if is_deeper(skeleton, config.max_depth):
            found.append(Violation("", "max_depth", f"must not nest deeper than {config.max_depth} levels"))
        if skeleton.count(b":") > config.max_keys:
            found.append(Violation("", "max_keys", f"must not have more than {config.max_keys} members in all"))
        if len(body) > config.max_string_bytes or may_hold_long_number(body, config.max_number_length):
            number_length, string_bytes = longest(request.document)
            if number_length > config.max_number_length:
                message = f"must not hold a number of more than {config.max_number_length} characters"
                found.append(Violation("", "max_number_length", message))
            if string_bytes > config.max_string_bytes:
                message = f"must not hold a string of more than {config.max_string_bytes} bytes"
                found.append(Violation("", "max_string_bytes", message))
        if found:
            return reject(400, "shape-violation", "The body is larger or deeper than is allowed.", tuple(found))
        return ALLOW


def _duplicates(body: bytes) -> Decision:
    places = duplicate_pointers(body)
    if not places:
        return ALLOW
    # the names are the payload's own: only the object that holds them is named
    holders = dict.fromkeys(place.rpartition("/")[0] for place in places)
    violations = tuple(Violation(_masked(holder), "duplicate-name", "has a name more than once") for holder in holders)
    return reject(400, "duplicate-name", "An object of the body has a name more than once.", violations)


def _masked(pointer: str) -> str:
    """Depth and array places only."""
    return "".join(f"/{token if token.isdigit() else '*'}" for token in pointer.split("/")[1:])
