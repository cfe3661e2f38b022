"""/docs: the page and its files, without credentials; what it tries out needs a token like every call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from litestar import Response, Router
from litestar.datastructures import CacheControlHeader
from litestar.static_files import create_static_files_router

PATH = "/docs"
ASSETS = Path(__file__).with_name("asset")
#: Swagger UI sets styles on elements and draws its icons inline; everything else comes from this server
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def documentation() -> Router:
    """The page at `PATH` and its files below it."""
    return create_static_files_router(
        PATH,
        directories=[ASSETS],
        html_mode=True,
        after_request=_guarded,
        cache_control=CacheControlHeader(max_age=3600),
        include_in_schema=False,
    )


def _guarded(response: Response[Any]) -> Response[Any]:
    response.headers["content-security-policy"] = POLICY
    response.headers["x-content-type-options"] = "nosniff"
    return response
