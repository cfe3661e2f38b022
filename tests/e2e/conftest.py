"""The whole thing for end-to-end tests: control plane, gateway, a misbehaving proxy and a system that counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.e2e.group import GroupStack
from tests.e2e.ledger import Ledger
from tests.e2e.proxy import Proxy
from tests.e2e.stack import Stack
from tests.postgres import Cluster

S = TypeVar("S", bound=Stack)

WORKSPACE = Path(__file__).parent / "workspace" / "ledger"


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    system = Ledger()
    yield system
    system.close()


@pytest.fixture
def proxy(ledger: Ledger) -> Iterator[Proxy]:
    between = Proxy(ledger.address)
    yield between
    between.close()


@pytest.fixture
def stack(tmp_path: Path, proxy: Proxy) -> Iterator[Stack]:
    yield from _running(Stack(tmp_path / "stack", WORKSPACE, {"system_url": proxy.url}, {}))


@pytest.fixture
def group(tmp_path: Path, proxy: Proxy, postgres: Cluster) -> Iterator[GroupStack]:
    """Two hosts with two gateway processes each over one PostgreSQL."""
    replacements = {"system_url": proxy.url}
    yield from _running(GroupStack(tmp_path / "stack", WORKSPACE, replacements, {}, postgres.database()))


@pytest.fixture(params=["stack", "group"])
def gateways(request: pytest.FixtureRequest) -> Stack:
    """One gateway process with a state of its own, and a group that shares one."""
    found: Stack = request.getfixturevalue(request.param)
    return found


def _running(whole: S) -> Iterator[S]:
    try:
        whole.start()
        yield whole
    finally:
        whole.stop()
