"""A test double that stands where the gateway stands: routes by the contracts, checks bodies, governs nothing."""

import json
import re
import threading
import uuid

import httpx
import uvicorn

from catalog.schema import Validators
from catalog.workspace import load, read_directory
from controlplane.process import write_ready_file

DROPPED = {"host", "content-length", "connection", "x-api-key", "authorization"}


class Direct:
    """Forwards each call to the system bound to its contract and legal entity; `breaches` lists what broke a schema."""

    def __init__(self, workspace_dir, secret):
        self.workspace = load(read_directory(workspace_dir))
        self.validators = Validators()
        self.breaches = []
        self.exchanges = []
        self.events = []
        self._secret = secret
        self._owners = {}  # id -> entity, as a gateway's cross-references
        self._routes = [
            (operation.method, re.compile(_pattern(version.base_path + operation.path)), version, operation)
            for version in self.workspace.versions
            for operation in version.operations
        ]

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, content = await self._forward(scope, body)
        exchange = uuid.uuid4().hex
        self.exchanges.append((exchange, status))
        kind = b"application/problem+json" if status >= 400 else b"application/json"
        headers = [(b"content-type", kind), (b"waybill-exchange", exchange.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _forward(self, scope, body):
        version, operation = next(
            (version, operation)
            for method, pattern, version, operation in self._routes
            if method == scope["method"] and pattern.fullmatch(scope["path"])
        )
        self._check(version, operation, operation.request_schemas, body, "request")
        if operation.is_event:
            self.events.append(json.loads(body))
            return 202, b'{"exchange_id": "0", "stream": "direct"}'
        entity = self._entity(scope, body)
        target = scope["path"].removeprefix(version.base_path)
        query = scope["query_string"].decode()
        headers = {name.decode(): value.decode() for name, value in scope["headers"] if name.decode() not in DROPPED}
        headers["authorization"] = f"Bearer {self._secret}"
        system = self._system(version, entity)
        async with httpx.AsyncClient(trust_env=False) as client:
            url = f"{system.base_url}{target}" + (f"?{query}" if query else "")
            answer = await client.request(scope["method"], url, content=body, headers=headers, timeout=10)
        declared, status = operation.response_schemas, str(answer.status_code)
        schemas = declared.get(status, declared.get(f"{status[0]}XX"))
        if schemas is None:
            self.breaches.append(f"{version.ref} {operation.id}: {answer.status_code} is not declared")
        else:
            self._check(version, operation, schemas, answer.content, f"response {answer.status_code}")
        if answer.is_success and answer.content:
            document = answer.json()
            self._owners[document.get("id")] = document.get("legal_entity")
        return answer.status_code, answer.content

    def _check(self, version, operation, schemas, body, side):
        for schema in schemas.values():
            document = json.loads(body) if body else None
            for violation in self.validators.validate(self.validators.handle(schema), document):
                place = f"{version.ref} {operation.id} {side}"
                self.breaches.append(f"{place}: {violation.pointer} {violation.rule} {violation.message}")

    def _entity(self, scope, body):
        if found := re.search(rb"legal_entity=([a-z-]+)", scope["query_string"]):
            return found[1].decode()
        header = dict(scope["headers"]).get(b"waybill-legal-entity")
        if header:
            return header.decode()
        document = json.loads(body) if body else {}
        return document.get("legal_entity") or self._owners.get(scope["path"].split("/")[4])

    def _system(self, version, entity):
        for binding in self.workspace.bindings:
            if binding.contract == version.contract.contract and binding.entity in ("*", entity):
                return self.workspace.systems[binding.system]
        raise AssertionError(f"nobody backs {version.ref} for {entity}")


class DirectServer:
    """The double under uvicorn in a thread; a context manager. Writes a ready-file as a gateway does."""

    def __init__(self, application, ready_file):
        config = uvicorn.Config(application, host="127.0.0.1", port=0, log_config=None, lifespan="off")
        self._server = uvicorn.Server(config)
        self._ready_file = ready_file
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self):
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        write_ready_file(self._ready_file, self.url)
        return self

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join(timeout=10)


def _pattern(template):
    return re.sub(r"\{\w+\}", "[^/]+", template)
