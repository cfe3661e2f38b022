"""The whole thing for end-to-end tests: control plane, gateway, a misbehaving proxy and a system that counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.ledger import Ledger
from tests.e2e.proxy import Proxy
from tests.e2e.stack import Stack

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
    whole = Stack(tmp_path / "stack", WORKSPACE, {"system_url": proxy.url}, {})
    try:
        yield whole.start()
    finally:
        whole.stop()
