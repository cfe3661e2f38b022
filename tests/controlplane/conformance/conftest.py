"""Systems over real sockets: one that answers as a test says, and those of the simulated network."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from controlplane.registry.candidate import load_workspace
from controlplane.simulation.log import Log
from controlplane.simulation.system.outbox import Outbox
from controlplane.simulation.system.procurement import Procurement
from controlplane.simulation.system.server import Application

SECRET = "s3cret-of-the-system"
CONTRACT = {
    "contract": "shop.orders",
    "title": "Orders",
    "owner": "team-shop",
    "domain": "shop",
    "base_path": "/shop/v{major}",
    "versions": {"1.0.0": {"state": "draft"}},
}
ORDER = {
    "type": "object",
    "required": ["id", "total"],
    "properties": {
        "id": {"type": "string", "readOnly": True},
        "total": {"type": "string", "pattern": "^[0-9]+$"},
        "secret": {"type": "string", "writeOnly": True},
    },
    "additionalProperties": False,
}
JSON_OF = "application/json"


def answers(schema, **more):
    return {"200": {"description": "Done.", "content": {JSON_OF: {"schema": schema}}, **more}, **REFUSALS}


REFUSALS = {"404": {"description": "None.", "content": {"application/problem+json": {"schema": {"type": "object"}}}}}
REF = {"$ref": "#/components/schemas/order"}
LIST = {"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": REF}}}
BODY = {"required": True, "content": {JSON_OF: {"schema": REF}}}
ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
LIMIT = {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 50}}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Orders", "version": "1.0.0"},
    "paths": {
        "/orders/{id}": {
            "parameters": [ID],
            "get": {
                "operationId": "orders.get",
                "responses": answers(REF, headers={"ETag": {"required": True, "schema": {"type": "string"}}}),
            },
            "delete": {"operationId": "orders.delete", "responses": {"204": {"description": "Gone."}}},
        },
        "/orders": {
            "get": {"operationId": "orders.list", "parameters": [LIMIT], "responses": answers(LIST)},
            "post": {"operationId": "orders.create", "requestBody": BODY, "responses": answers(REF)},
        },
        "/order-checks": {
            "post": {
                "operationId": "orders.check",
                "x-waybill": {"safe": True},
                "requestBody": BODY,
                "responses": {**answers({"type": "object"}), "422": REFUSALS["404"]},
            }
        },
        "/stock/{place}": {
            "get": {
                "operationId": "stock.get",
                "parameters": [{"name": "place", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": answers({"type": "object"}),
            }
        },
    },
    "components": {"schemas": {"order": ORDER}},
}


def files(document=DOCUMENT, **contract):
    """A workspace with the one contract; JSON is YAML."""
    return {
        "waybill.yaml": json.dumps({"workspace": "test"}),
        "contracts/shop/orders/contract.yaml": json.dumps({**CONTRACT, **contract}),
        "contracts/shop/orders/1.0.0/openapi.yaml": json.dumps(document),
    }


def written(directory: Path, told: dict[str, str]) -> Path:
    for path, text in told.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    return directory


@pytest.fixture
def version():
    (found,) = load_workspace(files()).versions
    return found


@contextmanager
def listening(application) -> Iterator[str]:
    """An ASGI application under uvicorn in a thread; its address."""
    config = uvicorn.Config(application, host="127.0.0.1", port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


class System:
    """Answers `answer(method, path, query, body)` -> (status, document or bytes, headers), and remembers the calls."""

    def __init__(self, answer):
        self.answer = answer
        self.calls = []
        self.headers = []

    async def __call__(self, scope, receive, send):
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        call = (scope["method"], scope["path"], scope["query_string"].decode(), body)
        self.calls.append(call)
        self.headers.append(dict(scope["headers"]))
        status, document, headers = self.answer(*call)
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        kind = {b"content-type": b"application/problem+json" if status >= 400 else b"application/json"}
        told = {**kind, **{name.lower().encode(): value.encode() for name, value in headers.items()}}
        await send({"type": "http.response.start", "status": status, "headers": list(told.items())})
        await send({"type": "http.response.body", "body": content})


ONE = {"id": "o-17", "total": "12"}


def good(method, path, query, body):
    """The shop as its contract says."""
    if path == "/orders":
        return 200, ({"items": [ONE]} if method == "GET" else ONE), {}
    if path == "/orders/o-17":
        return (204, b"", {}) if method == "DELETE" else (200, ONE, {"ETag": "1"})
    if path == "/order-checks":
        told = json.loads(body)
        fits = isinstance(told, dict) and "total" in told and set(told) <= set(ORDER["properties"])
        fits = fits and all(isinstance(value, str) for value in told.values())
        return (200, {}, {}) if fits else (422, {"status": 422}, {})
    return 404, {"status": 404}, {}


@pytest.fixture
def procurement(tmp_path: Path):
    """The simulated procurement system and its address; `requests` in its log are what it took."""

    def never():
        raise AssertionError("nobody is to be told")

    with Log(tmp_path / "procurement.ndjson") as log:
        application = Application("procurement", Procurement(Outbox(never)), log, SECRET)
        with listening(application) as url:
            yield url
