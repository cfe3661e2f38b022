"""Every route: one guard each, roles as declared, problem documents for every error, OpenAPI without foreign pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar.handlers.http_handlers import HTTPRouteHandler
from litestar.testing import TestClient
from sqlalchemy import create_engine

from controlplane.app import create_app
from controlplane.context import Context
from controlplane.identity import guard
from controlplane.identity.principal import PERMISSIONS
from controlplane.keys import KeyRing
from controlplane.settings import Settings
from controlplane.store.database import Database
from tests.controlplane.conftest import Api, is_problem
from tests.controlplane.engine import away


def api_routes() -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """(method, path template, handler) of every route below /api/v1."""
    nowhere = Path("nowhere")
    app = create_app(Context(Settings(nowhere), Database(create_engine("sqlite://")), KeyRing.open(_keys())))
    for route in app.routes:
        if route.path.startswith("/api/v1"):
            for handler in sorted(route.route_handlers, key=lambda each: sorted(each.http_methods)):
                for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"}):
                    yield method, route.path_format, handler


def _keys() -> Path:
    import tempfile

    return Path(tempfile.mkdtemp(prefix="waybill-routes-"))


ROUTES = [pytest.param(method, path, handler, id=f"{method} {path}") for method, path, handler in api_routes()]


def address(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "nothing", path).removeprefix("/api/v1")


@pytest.mark.parametrize(("method", "path", "handler"), ROUTES)
def test_every_route_declares_exactly_one_guard(method: str, path: str, handler: HTTPRouteHandler) -> None:
    guards = handler.guards or ()
    assert all(each is guard.gateway or each in guard.RULES for each in guards)
    assert len(guards) == (0 if path in guard.PUBLIC else 1)


@pytest.mark.parametrize(("method", "path", "handler"), ROUTES)
def test_every_route_refuses_strangers_and_roles_without_its_permission(
    api: Api, method: str, path: str, handler: HTTPRouteHandler
) -> None:
    """Nobody, and a person on a gateway's route or the reverse: 401. A role that lacks the permission: 403, any other
    neither."""
    if path in guard.PUBLIC:
        assert is_problem(
            api.call(method, address(path), None, json={"token": "wbe_x", "name": "x"}), 401, "unauthorized"
        )
        return
    needed = handler.guards[0]
    assert is_problem(api.call(method, address(path), None), 401, "unauthorized")
    if needed is guard.gateway:
        assert is_problem(api.call(method, address(path), "admin"), 401, "unauthorized")
        return
    gateway = api.enrol()["credential"]
    assert is_problem(api.call(method, address(path), token=gateway), 401, "unauthorized")
    for role, permissions in PERMISSIONS.items():
        answer = api.call(method, address(path), role.name)
        if guard.RULES[needed].permission not in permissions:
            assert is_problem(answer, 403, "forbidden")
        else:
            assert answer.status_code not in (401, 403), answer.text


@pytest.mark.parametrize(("method", "path", "handler"), ROUTES)
def test_every_error_of_every_route_is_a_problem(api: Api, method: str, path: str, handler: HTTPRouteHandler) -> None:
    """Malformed bodies, unknown ids and queries of the wrong type: below 500, and in the one shape."""
    is_gateways = not handler.guards or handler.guards[0] is guard.gateway
    token = api.enrol()["credential"] if is_gateways else api.tokens["admin"]
    tries = (
        {"content": b"{", "headers": {"content-type": "application/json"}},
        {"json": []},
        {"json": {}},
        {"params": {"limit": "many", "wait_s": "long", "generation": "x", "after": "x", "first": "x"}},
    )
    for more in tries:
        headers = {"authorization": f"Bearer {token}", **more.get("headers", {})}
        rest = {name: value for name, value in more.items() if name != "headers"}
        answer = api.client.request(method, f"/api/v1{address(path)}", headers=headers, **rest)
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert {"type", "title", "status", "detail", "code"} <= answer.json().keys()


def test_unknown_paths_and_methods_are_problems(api: Api) -> None:
    assert is_problem(api.client.get("/nowhere"), 404, "route-unknown")
    assert is_problem(api.client.get("/api/v1/nowhere"), 404, "route-unknown")
    answer = api.client.put("/api/v1/whoami")
    assert is_problem(answer, 405, "method-not-allowed")


def test_an_unforeseen_error_shows_nothing_of_itself(context: Context, caplog) -> None:
    """A bug answers 500 in the one shape, without its text; the log names the route, not the keys in the path."""
    broken = Context(context.settings, context.database, context.keys, clock=_broken_clock)
    with TestClient(create_app(broken), raise_server_exceptions=False) as client:
        token = "wbt_abcdefgh_" + "x" * 43
        with context.database.write() as connection:
            from sqlalchemy import insert

            from controlplane.identity.credential import digest
            from controlplane.identity.store import token as table

            row = {"token_id": "abcdefgh", "name": "n", "role": "admin", "sha256": digest(token)}
            connection.execute(insert(table).values(**row, created_us=1, created_by="t"))
        answer = client.get("/api/v1/whoami", headers={"authorization": f"Bearer {token}"})
        assert is_problem(answer, 500, "internal")
        assert "sesame" not in answer.text
        client.get("/api/v1/slos/PO-2026-77/objects", headers={"authorization": f"Bearer {token}"})
        assert caplog.messages[-1] == "unforeseen error at GET /api/v1/slos/{name}/objects"


def _broken_clock() -> int:
    raise RuntimeError("sesame")


def test_openapi_is_served_without_pages_that_load_foreign_scripts(api: Api) -> None:
    document = api.client.get("/schema/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    documented = {(method.upper(), path) for path, entry in document["paths"].items() for method in entry}
    assert {(parameter.values[0], parameter.values[1]) for parameter in ROUTES} <= documented
    for page in ("swagger", "redoc", "elements", "rapidoc", "openapi.yaml"):
        assert is_problem(api.client.get(f"/schema/{page}"), 404, "route-unknown")
    assert "text/html" not in api.client.get("/schema").headers["content-type"]


def test_health_and_metrics_need_no_credential(api: Api) -> None:
    assert api.client.get("/healthz").text == "ok\n"
    assert api.client.get("/readyz").text == "ready\n"
    lines = api.client.get("/metrics").text.splitlines()
    assert "waybill_snapshot_generation 0" in lines
    assert all(line.startswith("#") or re.fullmatch(r"[a-z_]+(\{.*\})? \S+", line) for line in lines)


def test_metrics_follow_the_store(api: Api, clock) -> None:
    gateway = api.enrol()["gateway"]
    clock.move(7)
    assert (
        f'waybill_gateway_silence_seconds{{waybill_gateway="{gateway}"}} 7'
        in api.client.get("/metrics").text.splitlines()
    )


def test_not_ready_without_its_store(context: Context, api: Api) -> None:
    """/healthz says that the process lives, /readyz that it can work; what needs the store says that it is away."""
    with away(context.database):
        assert is_problem(api.client.get("/readyz"), 503, "unavailable")
        assert is_problem(api.get("/whoami"), 503, "unavailable")
        assert api.client.get("/healthz").status_code == 200
    assert api.client.get("/readyz").status_code == 200


def test_a_nul_is_in_no_name(api: Api) -> None:
    """The same on every store, whether it could look for one or not."""
    assert is_problem(api.get("/lineage/search", params={"q": "PO\0"}), 422, "invalid")
    assert is_problem(api.get("/exchanges/a%00b"), 422, "invalid")


def test_a_body_that_is_too_large_is_a_problem(api: Api, context: Context) -> None:
    """Workspaces may be larger than anything else."""
    large = "x" * (context.settings.max_body_bytes + 1)
    assert is_problem(api.post("/tokens", {"name": large, "role": "viewer"}), 413, "body-too-large")
    answer = api.post("/workspace/plan", {"files": {"waybill.yaml": large}})
    assert answer.status_code == 200 and answer.json()["refused"]
