"""The application over a database in a temporary directory, with a clock that tests move."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from controlplane.app import create_app, state_of
from controlplane.context import Context
from controlplane.identity.principal import ITSELF, Role
from controlplane.identity.service import IdentityService
from controlplane.server import open_context
from controlplane.settings import Settings
from tests.controlplane.engine import ENGINES, Shelf

START_US = 1_800_000_000_000_000


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_us = START_US

    def __call__(self) -> int:
        return self.now_us

    def move(self, seconds: float) -> None:
        self.now_us += int(seconds * 1_000_000)


class Api:
    """Calls the application as holders of different tokens."""

    def __init__(self, client: TestClient, context: Context) -> None:
        self.client = client
        self.context = context
        identity = IdentityService(context)
        self.tokens = {name: identity.create(name, role, ITSELF).token for name, role in Role.__members__.items()}

    def token(self, role: str, *entities: str, name: str = "") -> str:
        """A token of that role for some legal entities, all when none is named."""
        return IdentityService(self.context).create(name or role, Role[role], ITSELF, entities or ("*",)).token

    def call(self, method: str, path: str, role: str | None = "admin", token: str | None = None, **more):
        bearer = token or (self.tokens[role] if role else None)
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        return self.client.request(method, f"/api/v1{path}", headers=headers, **more)

    def get(self, path: str, role: str | None = "admin", **more):
        return self.call("GET", path, role, **more)

    def post(self, path: str, body, role: str | None = "admin", **more):
        return self.call("POST", path, role, json=body, **more)

    def enrol(self, name: str = "north") -> dict:
        """A gateway with its credential."""
        token = self.post("/enrolments", {"name": name}).json()["token"]
        answer = self.post("/gateways/enrol", {"token": token, "name": name}, role=None)
        assert answer.status_code == 201, answer.text
        return answer.json()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def shelf(tmp_path_factory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("shelf"))


@pytest.fixture(params=ENGINES)
def store_url(request: pytest.FixtureRequest, shelf: Shelf, tmp_path: Path) -> str:
    """A migrated, empty database: whatever asks for it runs on SQLite and on PostgreSQL."""
    if request.param == "postgresql":
        return shelf.postgresql(request.getfixturevalue("postgres"))
    return shelf.sqlite(Settings(tmp_path / "data").database_path)


@pytest.fixture
def context(store_url: str, tmp_path: Path, clock: Clock) -> Iterator[Context]:
    opened = open_context(Settings(tmp_path / "data", database_url=store_url))
    try:
        yield Context(opened.settings, opened.database, opened.keys, clock)
    finally:
        opened.database.close()


@pytest.fixture(scope="session")
def application(tmp_path_factory) -> Litestar:
    """One application for all tests: making one takes far longer than a request."""
    opened = open_context(Settings(tmp_path_factory.mktemp("application")))
    opened.database.close()
    return create_app(opened)


@pytest.fixture
def api(context: Context, application: Litestar) -> Iterator[Api]:
    application.state = state_of(context)
    with TestClient(application) as client:
        yield Api(client, context)


def is_problem(answer, status: int, code: str) -> bool:
    """Whether an answer is the RFC 9457 document that is expected; shows it when it is not."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document = msgspec.json.decode(answer.content)
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code), document
    assert document["type"] == f"urn:waybill:problem:{code}"
    return True
