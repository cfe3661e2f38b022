"""An ingest with the real projections and objectives that a test chooses."""

from __future__ import annotations

import pytest

from controlplane.context import Context
from controlplane.ingest.service import IngestService
from controlplane.projection import projections
from tests.controlplane.journal import Calls, Stream


@pytest.fixture
def ingest(context: Context) -> IngestService:
    return IngestService(context, projections())


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def calls() -> Calls:
    return Calls()
