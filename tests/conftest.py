"""What all tests share: the size of the long proofs, and an honest word about what could not be tried."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Cluster, binaries, cluster

REPOSITORY = Path(__file__).parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--prove", action="store_true", help="run the proofs at full length")


@pytest.fixture(scope="session")
def is_proof(request: pytest.FixtureRequest) -> bool:
    """Whether the long proofs run at full length (`make prove`) or scaled down (`make test`)."""
    return bool(request.config.getoption("--prove"))


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Debian's chromium; without it the test is left out and the last line of the run says so."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("pages in a real browser: install chromium (apt-get install chromium)")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server; without its binaries the test is left out and the last line of the run says so."""
    bin_dir = binaries()
    if bin_dir is None:
        pytest.skip("PostgreSQL: install its server (apt-get install postgresql-15)")
    with cluster(bin_dir) as running:
        yield running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = sorted({_reason(report) for report in terminalreporter.stats.get("skipped", [])})
    if reasons:
        terminalreporter.write_line("Not tried: " + "; ".join(reasons))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", [])) if reporter else 0
    if skipped and exitstatus == 0 and os.environ.get("WAYBILL_TEST_SKIPS") == "forbid":
        session.exitstatus = 1


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
