"""`waybill contract deprecate`: in files without losing a comment, and on a control plane."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from controlplane.cli.deprecation import _replaced as replaced
from tests.controlplane.cli.conftest import run_waybill
from tests.controlplane.cli.test_approval import write
from tests.controlplane.registry.test_deprecation import files

FILE = "contracts/logistics/parcels/contract.yaml"
YAML = """# who answers: logistics
contract: logistics.parcels
title: Parcels
owner: logistics
domain: logistics
base_path: /parcels/v{major}
versions:
  1.0.0:  # the first
    state: published

  # the second
  1.1.0: {state: published}
"""
DAY = (datetime.now(UTC).date() + timedelta(days=200)).isoformat()


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_only_the_state_of_the_version_changes(version: str) -> None:
    state = {"state": "deprecated", "successor": "2.0.0"}
    changed = replaced(YAML, version, state, FILE)
    expected = yaml.safe_load(YAML)
    expected["versions"][version] = state
    assert yaml.safe_load(changed) == expected
    assert [line for line in YAML.splitlines() if "#" in line] == [line for line in changed.splitlines() if "#" in line]


def test_a_version_is_deprecated_in_files(tmp_path: Path) -> None:
    """A plan comes next; what cannot be is refused in one message and nothing is written."""
    directory = write(tmp_path / "w", files(**{FILE: YAML}))
    argv = ["contract", "deprecate", "logistics.parcels@1.0.0", "--workspace", str(directory)]
    done = run_waybill(*argv, "--sunset", DAY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"sunset {DAY}, successor 1.1.0" in done.stdout
    told = yaml.safe_load((directory / FILE).read_text())["versions"]
    assert told["1.0.0"] == {
        "state": "deprecated",
        "deprecated_at": f"{datetime.now(UTC).date().isoformat()}T00:00:00Z",
        "sunset_at": f"{DAY}T00:00:00Z",
        "successor": "1.1.0",
    }
    before = (directory / FILE).read_text()
    refused = run_waybill(*argv, "--successor", "9.9.9", cwd=tmp_path)
    assert refused.returncode == 2 and "9.9.9 does not exist" in refused.stderr and "Traceback" not in refused.stderr
    assert (directory / FILE).read_text() == before


def test_a_version_in_force_is_deprecated(waybill, tmp_path: Path) -> None:
    assert waybill("apply", str(write(tmp_path / "w", files()))).returncode == 0
    refused = waybill("contract", "deprecate", "logistics.parcels@1.0.0", "--sunset", "2020-01-01")
    assert refused.returncode == 1 and "sunset lies before" in refused.stdout
    done = waybill("contract", "deprecate", "logistics.parcels@1.0.0", "--sunset", DAY)
    assert "published → deprecated" in done.stdout and "published generation 2" in done.stdout
    planned = json.loads(waybill("plan", str(tmp_path / "w"), "--format", "json").stdout)
    assert [each["detail"] for each in planned["changed"]] == ["deprecated → published"]
