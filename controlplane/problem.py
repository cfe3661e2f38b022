"""The one place that writes errors: RFC 9457 `application/problem+json` for every route.

Members beyond the RFC's: `code` (stable slug) and `problems` (everything that is wrong, with file, pointer and
remedy). An unforeseen exception is logged with its traceback and answered without any of it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap
from sqlalchemy.exc import DataError, DBAPIError, OperationalError

from catalog.errors import Problem, WaybillError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

#: codes of errors that the framework finds before any of ours
FRAMEWORK_CODES = {
    400: "invalid-request",
    404: "route-unknown",
    405: "method-not-allowed",
    413: "body-too-large",
    415: "media-type-unsupported",
}


class ProblemDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of every error."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    problems: tuple[Problem, ...] = ()


def problem_response(
    status: int,
    code: str,
    detail: str,
    problems: Iterable[Problem] = (),
    headers: dict[str, str] | None = None,
    members: dict[str, Any] | None = None,
) -> Response[bytes]:
    """A problem document as an answer; `members` are extension members."""
    document = ProblemDocument(
        f"urn:waybill:problem:{code}", HTTPStatus(status).phrase, status, detail, code, tuple(problems)
    )
    body = msgspec.json.encode({**msgspec.to_builtins(document), **(members or {})})
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=headers or {})


def on_waybill_error(_: Request[Any, Any, Any], error: WaybillError) -> Response[bytes]:
    headers = {401: {"www-authenticate": "Bearer"}, 503: {"retry-after": "5"}}.get(error.status_hint)
    members = getattr(error, "members", None)
    return problem_response(error.status_hint, error.code, error.detail, error.problems, headers, members)


def on_http_exception(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    code = FRAMEWORK_CODES.get(error.status_code, "http-error")
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    problems: list[Problem] = []
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        problems = [_framework_problem(item) for item in error.extra if isinstance(item, dict)]
    detail = "the request does not have the declared shape" if problems else _phrase(error)
    return problem_response(error.status_code, code, detail, problems, headers)


def on_store_error(request: Request[Any, Any, Any], error: DBAPIError) -> Response[bytes]:
    """The store is away, or kept this request waiting too long; nothing was changed."""
    log.error("the store failed at %s", _place(request), exc_info=error)
    return problem_response(503, "unavailable", "the store does not answer", headers={"retry-after": "5"})


def on_store_refusal(_: Request[Any, Any, Any], __: DataError) -> Response[bytes]:
    """A value that no store can hold or compare: a number beyond 64 bits, text with a NUL."""
    return problem_response(422, "invalid", "a number is too large, or a text holds a NUL character")


def on_unforeseen(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    log.error("unforeseen error at %s", _place(request), exc_info=error)
    return problem_response(500, "internal", "the control plane failed; its log has the details")


def _place(request: Request[Any, Any, Any]) -> str:
    """Method and route: a path may hold business keys."""
    return f"{request.method} {request.scope.get('path_template') or 'no route'}"


def _framework_problem(item: dict[str, Any]) -> Problem:
    place = "/".join(part for part in ("", str(item.get("source", "")), str(item.get("key", ""))) if part)
    return Problem(str(item.get("message", "")), pointer=f"/{place}" if place else "", rule="request-shape")


def _phrase(error: HTTPException) -> str:
    if error.status_code >= 500:
        return HTTPStatus(error.status_code).phrase
    return error.detail or HTTPStatus(error.status_code).phrase


HANDLERS: ExceptionHandlersMap = {
    WaybillError: on_waybill_error,
    HTTPException: on_http_exception,
    DataError: on_store_refusal,
    OperationalError: on_store_error,
    Exception: on_unforeseen,
}
