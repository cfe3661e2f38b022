"""The gateway's application over a real snapshot and a real store, with a system in memory that keeps what it got."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from catalog.compile import compile_snapshot
from catalog.network import KeyHash
from catalog.record import AckEntry
from catalog.running import Snapshot, read_snapshot
from catalog.snapshot import Manifest
from catalog.workspace import load
from gateway.app import App, create_app
from gateway.state.sqlite import SqliteStore
from gateway.upstream import UpstreamAnswer
from policies import UNSHADOWABLE, default_bundle, policy_kinds

PEPPER = b"p" * 32
SECRETS = {"erp-token": "s3cr3t-of-the-system"}

MONEY = {
    "type": "object",
    "required": ["amount", "currency"],
    "additionalProperties": False,
    "properties": {
        "amount": {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$"},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
    },
}
ORDER = {
    "type": "object",
    "required": ["requisition_id", "legal_entity", "total"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "maxLength": 20},
        "requisition_id": {"type": "string", "maxLength": 20},
        "supplier_id": {"type": "string"},
        "legal_entity": {"type": "string"},
        "total": MONEY,
        "weight": {"type": "number"},
        "issue_date": {"type": "string", "format": "date"},
        "note": {"type": "string", "maxLength": 200},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["line", "item"],
                "properties": {"line": {"type": "integer"}, "item": {"type": "string"}, "price": MONEY},
            },
        },
    },
}
STORED = {
    "type": "object",
    "required": ["id", "status"],
    "properties": {
        "id": {"type": "string"},
        "native_id": {"type": "string"},
        "status": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}


def content(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def answers(success: str, schema: Any) -> dict[str, Any]:
    error = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
    declared = {success: {"description": "Done.", "content": content(schema)}}
    return declared | {
        status: {"description": "Refused.", "content": content(error)} for status in ("404", "409", "422", "503")
    }


def orders_document(version: str = "1.0.0") -> dict[str, Any]:
    """A contract with a write that is reconciled, one that is not, reads by path and query, and a validation."""
    stored, order = {"$ref": "#/components/schemas/stored"}, {"$ref": "#/components/schemas/order"}
    id_parameter = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 20}}
    entity_header = {"name": "Waybill-Legal-Entity", "in": "header", "schema": {"type": "string"}}
    create = {
        "operationId": "orders.create",
        "security": [{"waybill": ["write"]}],
        "requestBody": {"required": True, "content": content(order)},
        "responses": answers("201", stored),
        "x-waybill": {
            "object": "order",
            "id": ["$response.body#/id", "$request.body#/id"],
            "aliases": ["$response.body#/native_id"],
            "event": "order.created",
            "links": [
                {"object": "requisition", "id": "$request.body#/requisition_id", "relation": "fulfils"},
                {
                    "object": "supplier",
                    "id": "$request.body#/supplier_id",
                    "relation": "supplied_by",
                    "kind": "reference",
                    "assigner": "master",
                },
            ],
            "amount": "$request.body#/total",
            "legal_entity": "$request.body#/legal_entity",
            "occurred_at": "$request.body#/issue_date",
            "status": "$response.body#/status",
            "idempotency": "required",
            "reconcile": {
                "operation": "orders.list",
                "by": {
                    "legal_entity": "$request.body#/legal_entity",
                    "requisition_id": "$request.body#/requisition_id",
                },
                "select": "/items",
            },
        },
    }
    approve = {
        "operationId": "orders.approve",
        "security": [{"waybill": ["write"]}],
        "parameters": [id_parameter, entity_header],
        "responses": answers("200", stored),
        "x-waybill": {
            "object": "order",
            "id": "$request.path.id",
            "event": "order.approved",
            "legal_entity": ["$request.header.waybill-legal-entity", "$reference"],
        },
    }
    get = {
        "operationId": "orders.get",
        "security": [{"waybill": ["read"]}],
        "parameters": [id_parameter, entity_header],
        "responses": answers("200", stored),
        "x-waybill": {
            "object": "order",
            "id": "$request.path.id",
            "legal_entity": ["$request.header.waybill-legal-entity", "$reference"],
        },
    }
    page = {"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": stored}}}
    query = [
        {"name": "legal_entity", "in": "query", "required": True, "schema": {"type": "string"}},
        {"name": "requisition_id", "in": "query", "schema": {"type": "string"}},
        {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}},
        {"name": "state", "in": "query", "schema": {"type": "array", "items": {"enum": ["open", "closed"]}}},
    ]
    listing = {
        "operationId": "orders.list",
        "security": [{"waybill": ["read"]}],
        "parameters": query,
        "responses": answers("200", page),
        "x-waybill": {"object": "order", "legal_entity": "$request.query.legal_entity"},
    }
    validate = {
        "operationId": "orders.validate",
        "security": [{"waybill": ["read"]}],
        "requestBody": {"required": True, "content": content(order)},
        "responses": answers(
            "200", {"type": "object", "required": ["valid"], "properties": {"valid": {"type": "boolean"}}}
        ),
        "x-waybill": {
            "object": "order",
            "id": "$request.body#/id",
            "safe": True,
            "legal_entity": "$request.body#/legal_entity",
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Orders", "version": version},
        "paths": {
            "/orders": {"post": create, "get": listing},
            "/orders/{id}": {"get": get},
            "/orders/{id}/approve": {"post": approve},
            "/order-validations": {"post": validate},
        },
        "components": {
            "schemas": {"order": ORDER, "stored": STORED},
            "securitySchemes": {"waybill": {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
        },
    }


def workspace_files(**more: Any) -> dict[str, bytes]:
    """A workspace; `more` replaces or adds files by path (`/` written as `__`, suffix left out), None removes."""
    files: dict[str, Any] = {
        "waybill": {"workspace": "test", "include": []},
        "contracts/buying/orders/contract": {
            "contract": "buying.orders",
            "title": "Orders",
            "owner": "buying",
            "domain": "buying",
            "base_path": "/buying/v{major}",
            "versions": {"1.0.0": {"state": "published"}},
        },
        "contracts/buying/orders/1.0.0/openapi": orders_document(),
        "entities/north": {"entity": "north", "name": "North", "region": "us-east", "currency": "USD"},
        "entities/south": {"entity": "south", "name": "South", "region": "us-west", "currency": "USD"},
        "systems/erp": {
            "system": "erp",
            "name": "ERP",
            "region": "us-east",
            "base_url": "http://127.0.0.1:1/api",
            "credential": {"secret": "erp-token"},
        },
        "bindings/all": [
            {"contract": "buying.orders", "major": 1, "entity": "north", "system": "erp"},
            {"contract": "buying.orders", "major": 1, "entity": "south", "system": "erp"},
        ],
        "consumers/ap": consumer("ap", ["north"], ["read", "write"]),
        "consumers/both": consumer("both", ["north", "south"], ["read", "write"]),
        "consumers/reader": consumer("reader", ["north"], ["read"]),
        "consumers/stranger": {"consumer": "stranger", "name": "Stranger", "entities": ["north"], "contracts": {}},
    }
    for name, value in more.items():
        files[name.replace("__", "/")] = value
    return {
        f"{name}.yaml" if not name.endswith(".json") else name: yaml.safe_dump(value).encode()
        for name, value in files.items()
        if value is not None
    }


def consumer(name: str, entities: list[str], scopes: list[str]) -> dict[str, Any]:
    return {
        "consumer": name,
        "name": name.title(),
        "entities": entities,
        "contracts": {"buying.orders": scopes},
        "jwt": {"issuer": "https://idp.example", "subject": name},
    }


def api_key(name: str) -> str:
    """A well-formed key of a consumer, always the same one."""
    material = base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()).decode().rstrip("=")
    return f"wbk_{(name + '--------')[:8]}_{material}"


def key_hash(key: str, expires_at: str | None = None) -> KeyHash:
    return KeyHash(key[4:12], hmac.new(PEPPER, key.encode(), "sha256").hexdigest(), expires_at)


def snapshot_of(files: dict[str, bytes], generation: int = 1, expires_at: str | None = None) -> Snapshot:
    """The compiled snapshot of a workspace; every consumer has the key `api_key(name)`."""
    workspace = load(files, policy_kinds=policy_kinds(), unshadowable=UNSHADOWABLE, bundle=default_bundle())
    keys = {name: [key_hash(api_key(name), expires_at)] for name in workspace.consumers}
    refs, blobs = compile_snapshot(workspace, keys)
    return read_snapshot(Manifest(generation, "2026-01-01T00:00:00Z", refs), blobs)


class System:
    """A system in memory: answers by a function, keeps every call."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.respond: Callable[[dict[str, Any]], Any] = lambda call: (201, {"id": "PO-1", "status": {"order": "open"}})

    async def send(self, system: Any, method: bytes, target: bytes, headers: Any, body: bytes) -> UpstreamAnswer:
        call = {"system": system.system, "method": method, "target": target, "headers": headers, "body": body}
        self.calls.append(call)
        answer = self.respond(call)
        if asyncio.iscoroutine(answer):
            answer = await answer
        if isinstance(answer, BaseException):
            raise answer
        status, document, *more = answer
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        sent = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(raw)),
            *(more[0] if more else []),
        ]
        return UpstreamAnswer(status, sent, raw, 100, 200)


class Answer(msgspec.Struct):
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: str) -> str | None:
        found = [value.decode() for key, value in self.headers if key == name.encode()]
        assert len(found) <= 1, f"{name} came more than once"
        return found[0] if found else None

    def json(self) -> Any:
        return json.loads(self.body)


class Rig:
    """One gateway in memory."""

    def __init__(self, app: App, store: SqliteStore, system: System) -> None:
        self.app = app
        self.store = store
        self.system = system
        self.now_s = time.time()

    async def call(
        self,
        method: str,
        target: str,
        body: Any = None,
        key: str | None = "ap",
        headers: dict[str, str] | list[tuple[str, str]] | None = None,
        **more: Any,
    ) -> Answer:
        """One request through ASGI; `key` names the consumer whose API key is sent."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        pairs = list(headers.items() if isinstance(headers, dict) else headers or [])
        names = {name.lower() for name, _ in pairs}
        if key is not None:
            pairs.append(("X-API-Key", api_key(key)))
        if raw and "content-type" not in names:
            pairs.append(("Content-Type", "application/json"))
        if raw and "content-length" not in names and "transfer-encoding" not in names:
            pairs.append(("Content-Length", str(len(raw))))
        return await self.asgi(method, target, pairs, [raw], **more)

    async def asgi(
        self, method: str, target: str, pairs: list[tuple[str, str]], parts: list[bytes], **more: Any
    ) -> Answer:
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
            **more.pop("scope", {}),
        }
        is_cut = more.pop("is_cut", False)
        messages = [
            {"type": "http.request", "body": part, "more_body": is_cut or index < len(parts) - 1}
            for index, part in enumerate(parts)
        ]
        if is_cut or more.pop("is_gone", False):
            messages.append({"type": "http.disconnect"})
        assert not more, more
        sent: list[dict[str, Any]] = []

        async def receive() -> Any:
            if messages:
                return messages.pop(0)
            return await asyncio.get_running_loop().create_future()

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        if not sent:
            return Answer(0, [], b"")
        return Answer(sent[0]["status"], sent[0]["headers"], b"".join(part.get("body", b"") for part in sent[1:]))

    async def entries(self, kind: str = "exchange") -> list[Any]:
        """Bodies of this store's stream entries, as they would be shipped."""
        await self.store.append_entry("event", AckEntry("barrier", "done"))  # queued behind everything else
        batches = []
        while (batch := await self.store.unshipped(1 << 26)) is not None:
            batches.append(batch.lines)
            await self.store.shipped(batch.stream, batch.last)
        self._lines = getattr(self, "_lines", b"") + b"".join(batches)
        found = [msgspec.json.decode(line) for line in self._lines.splitlines()]
        return [entry["body"] for entry in found if entry["kind"] == kind]

    async def journal(self) -> bytes:
        await self.entries()
        return self._lines


@contextlib.asynccontextmanager
async def rig(path: Path, files: dict[str, bytes] | None = None, system: System | None = None, **more: Any):
    """A gateway over `files` with a store of its own in `path`."""
    system = system or System()
    store = await SqliteStore.open(path, "gw")
    wrapped = more.pop("store", lambda inner: inner)(store)
    app = create_app(wrapped, system, pepper=PEPPER, secrets=SECRETS, **more)
    app.swap(snapshot_of(files or workspace_files()))
    try:
        yield Rig(app, store, system)
    finally:
        await store.close()


ORDER_BODY = {
    "requisition_id": "REQ-7",
    "supplier_id": "S-9",
    "legal_entity": "north",
    "total": {"amount": "120.50", "currency": "USD"},
    "issue_date": "2026-03-01",
}
