"""The PostgreSQL store: the conformance suite, and what is its own: several processes, leases, fences, outages."""

import time
from pathlib import Path

import pytest

from gateway.state.postgres.store import PostgresStore
from tests.gateway.state.conformance import Conformance


class TestPostgres(Conformance):
    @pytest.fixture(autouse=True)
    def _database(self, postgres):
        self.url = postgres.database()

    async def open(self, directory: Path, **options):
        return await PostgresStore.open(self.url, "gw-1", 0, **options)

    def now_s(self) -> float:
        return time.time()
