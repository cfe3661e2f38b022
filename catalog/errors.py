"""Every error of Waybill, grouped by what the caller does next.

Adapters translate foreign exceptions into these where they are called; one edge file per server turns them
into `application/problem+json` (RFC 9457); the command line prints them as one readable message.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import msgspec


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong: where, what and how to mend it. Never holds a value of a payload."""

    message: str
    pointer: str = ""  # RFC 6901 JSON pointer into `file` or into the request
    file: str = ""  # path relative to the workspace; empty for requests
    remedy: str = ""
    rule: str = ""  # stable id of the rule that was broken

    def __str__(self) -> str:
        place = f"{self.file}#{self.pointer}" if self.file else self.pointer
        text = f"{place}: {self.message}" if place else self.message
        return f"{text} ({self.remedy})" if self.remedy else text


class Violation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One breach of a schema or rule by a call: where, which rule, in words. Never the offending value."""

    pointer: str  # JSON pointer into the body, or "#/header/<name>", "#/query/<name>", "#/path/<name>"
    rule: str
    message: str


class WaybillError(Exception):
    """Base of all errors: a stable `code`, a readable `detail`, and the HTTP status that fits best."""

    code: ClassVar[str] = "error"
    status_hint: ClassVar[int] = 500

    def __init__(self, detail: str, problems: Iterable[Problem] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join([self.detail, *(f"  {problem}" for problem in self.problems)])


class Invalid(WaybillError):
    """The input is wrong; `problems` lists everything that is. Mend the input and try again."""

    code = "invalid"
    status_hint = 422


class NotFound(WaybillError):
    """No such thing, or none that the caller may see."""

    code = "not-found"
    status_hint = 404


class Conflict(WaybillError):
    """The state forbids it (published versions are immutable, a claim is running). Look, then decide."""

    code = "conflict"
    status_hint = 409


class Incompatible(Conflict):
    """A change that breaks users; `problems` lists the breaks."""

    code = "incompatible"


class Unauthorized(WaybillError):
    """No valid credential. Present one."""

    code = "unauthorized"
    status_hint = 401


class Forbidden(WaybillError):
    """The credential is valid and does not allow this."""

    code = "forbidden"
    status_hint = 403


class Unavailable(WaybillError):
    """Something needed is away just now. Try again later."""

    code = "unavailable"
    status_hint = 503
