"""`waybill demo` before and after its run: what cannot end well does not start."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.controlplane.cli.conftest import run_waybill


@pytest.mark.parametrize("place", ["missing/report.json", "."])
def test_a_report_that_cannot_be_written_is_refused_before_the_load(tmp_path: Path, place: str) -> None:
    result = run_waybill("demo", "--duration", "60", "--run-dir", "run", "--report", place, cwd=tmp_path)
    assert result.returncode == 2 and result.stderr.startswith(f"waybill: --report {place} cannot be written")
    assert list(tmp_path.iterdir()) == []


def test_a_report_needs_an_end(tmp_path: Path) -> None:
    result = run_waybill("demo", "--report", "report.json", cwd=tmp_path)
    assert result.returncode == 2 and "--duration" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", ["plan.json", "nothing"])
def test_a_garbled_run_directory_is_named(tmp_path: Path, file: str) -> None:
    """The file, what is wrong with it, and status 2; no traceback."""
    (tmp_path / file).write_text('{"seed": ')
    result = run_waybill("demo", "verify", str(tmp_path), cwd=tmp_path)
    assert result.returncode == 2 and str(tmp_path / "plan.json") in result.stderr
    assert "Traceback" not in result.stderr
