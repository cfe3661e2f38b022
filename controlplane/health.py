"""Liveness, readiness and metrics of the control plane, outside the API's prefix and without credentials."""

from __future__ import annotations

from typing import Any

from litestar import MediaType, Request, Response, get
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from catalog.errors import Unavailable
from catalog.metric import MEDIA_TYPE
from controlplane.context import Context
from controlplane.telemetry import Meters


@get("/healthz", sync_to_thread=False, media_type=MediaType.TEXT, include_in_schema=False)
def healthz() -> str:
    """The process serves."""
    return "ok\n"


@get("/readyz", sync_to_thread=True, media_type=MediaType.TEXT, include_in_schema=False)
def readyz(request: Request[Any, Any, Any]) -> str:
    """The store answers."""
    context: Context = request.app.state.context
    try:
        with context.database.read() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        raise Unavailable("the store does not answer") from error
    return "ready\n"


@get("/metrics", sync_to_thread=True, include_in_schema=False)
def metrics(request: Request[Any, Any, Any]) -> Response[str]:
    """Prometheus text exposition 0.0.4."""
    meters: Meters = request.app.state.meters
    return Response(meters.exposition(), media_type=MEDIA_TYPE)
