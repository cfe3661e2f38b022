"""The control plane's Litestar application: every domain's controllers, collected explicitly.

A domain is a package with `store.py` (tables on `controlplane.store.database.metadata`), `service.py` (what it does;
blocking, built from `Context`) and `controllers.py` (its REST surface). Handlers get by name:

- `context`: `controlplane.context.Context` (database, clock, keys, wakeups),
- `user` (routes guarded by a role) or `gateway` (routes guarded by `gateway`): who asks,
- `service`: what the controller's own `dependencies` provide.

Handlers that touch the database are plain functions with `sync_to_thread=True`; a long poll is a coroutine that
looks through `asyncio.to_thread` and waits on a `Wakeup`. Errors are raised as `catalog.errors`.
"""

from __future__ import annotations

from typing import Any

from litestar import Litestar, Request, Response, Router
from litestar.config.app import AppConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ControllerRouterHandler

from catalog.errors import Invalid
from controlplane import problem
from controlplane.about import AboutController
from controlplane.act.controllers import ActController
from controlplane.approval.controllers import ApprovalController
from controlplane.attention.controllers import AttentionController
from controlplane.comparison.controllers import ComparisonController
from controlplane.conformance.controllers import ConformanceController
from controlplane.context import Context
from controlplane.documentation.page import documentation
from controlplane.gateways.controllers import GatewayController, GatewayCredentialController, GatewayListController
from controlplane.health import healthz, metrics, readyz
from controlplane.identity.controllers import IdentityController
from controlplane.identity.guard import provide_gateway, provide_user
from controlplane.ingest.controllers import IngestController, SyntheticController
from controlplane.lineage.controllers import LineageController
from controlplane.overview.controllers import OverviewController
from controlplane.readiness.controllers import ReadinessController
from controlplane.registry.controllers import KeyController, WorkspaceController
from controlplane.slo.controllers import SloController
from controlplane.telemetry import Meters
from controlplane.traffic.controllers import TrafficController

PREFIX = "/api/v1"

DOMAINS: list[ControllerRouterHandler] = [
    IdentityController,
    AboutController,
    ActController,
    ApprovalController,
    WorkspaceController,
    ComparisonController,
    ConformanceController,
    ReadinessController,
    KeyController,
    GatewayController,
    GatewayListController,
    GatewayCredentialController,
    AttentionController,
    IngestController,
    SyntheticController,
    LineageController,
    SloController,
    OverviewController,
    TrafficController,
]


def create_app(context: Context, meters: Meters | None = None) -> Litestar:
    """The application over `context`, whose database has been migrated; `/metrics` shows `meters`."""
    api = Router(
        path=PREFIX,
        route_handlers=DOMAINS,
        before_request=_without_nul,
        dependencies={
            "context": Provide(_provide_context, sync_to_thread=False),
            "user": Provide(provide_user, sync_to_thread=False),
            "gateway": Provide(provide_gateway, sync_to_thread=False),
        },
    )
    return Litestar(
        route_handlers=[api, documentation(), healthz, readyz, metrics],
        state=state_of(context, meters),
        exception_handlers=problem.HANDLERS,
        openapi_config=_openapi(),
        request_max_body_size=context.settings.max_body_bytes,
        logging_config=None,
        on_app_init=[_without_debug],
    )


def state_of(context: Context, meters: Meters | None = None) -> State:
    """All that an application holds. It may be given another one between requests, never within one."""
    return State({"context": context, "meters": meters or Meters(context)})


def _provide_context(request: Request[Any, Any, Any]) -> Context:
    found: Context = request.app.state.context
    return found


def _without_nul(request: Request[Any, Any, Any]) -> None:
    """No name or key holds a NUL, and not every store can look for one. Raises: Invalid."""
    if b"%00" in request.scope["query_string"] or "\0" in request.scope["path"]:
        raise Invalid("no name holds a NUL character")


def _without_debug(config: AppConfig) -> AppConfig:
    config.debug = False
    return config


def _no_html(response: Response[Any]) -> Response[Any]:
    """The framework answers unknown schema paths with a page of its own; here they are problems like all others."""
    if response.status_code == 404:
        raise NotFoundException
    return response


def _openapi() -> OpenAPIConfig:
    """/schema/openapi.json only: the framework's HTML pages load scripts from elsewhere; ours is /docs."""
    bearer = SecurityScheme(type="http", scheme="bearer", description="A wbt_ token, or a gateway's wbg_ credential")
    return OpenAPIConfig(
        title="Waybill control plane",
        version="1",
        render_plugins=[JsonRenderPlugin()],
        openapi_router=Router("/schema", route_handlers=[], include_in_schema=False, after_request=_no_html),
        components=Components(security_schemes={"bearer": bearer}),
        security=[{"bearer": []}],
        use_handler_docstrings=True,
    )
