"""`waybill lint` as a process: every format tells the same findings; only errors are status 1."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from controlplane.cli.report import junit
from tests.catalog import lint as goldens
from tests.controlplane.cli.conftest import run_waybill
from tests.controlplane.cli.report.sarif_schema import SARIF

OPENAPI = "contracts/stock/parcels/1.0.0/openapi.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The lists-are-paged golden, and an array without an end that may stay."""
    files, _ = goldens.read(goldens.golden("bad")["lists-are-paged"])
    document = json.loads(files[OPENAPI])
    del document["components"]["schemas"]["parcel"]["properties"]["lines"]["maxItems"]
    document["components"]["x-waybill-lint"] = {"ignore": [{"rule": "arrays-bounded", "reason": "One page of paper."}]}
    files[OPENAPI] = json.dumps(document).encode()
    for name, content in files.items():
        (tmp_path / "w" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "w" / name).write_bytes(content)
    return tmp_path


def weigh(folder: Path, severity: str) -> None:
    settings = {"workspace": "lint", "lint": {"rules": {"lists-are-paged": severity}}}
    (folder / "w" / "waybill.yaml").write_text(json.dumps(settings))


def test_only_errors_are_status_1(folder: Path) -> None:
    assert run_waybill("lint", "w", cwd=folder).returncode == 0
    weigh(folder, "error")
    told = run_waybill("lint", "w", cwd=folder)
    assert (told.returncode, told.stderr) == (1, "")
    assert "error:\n" in told.stdout and f"{OPENAPI}#/paths/~1parcels/get" in told.stdout


def test_what_is_suppressed_is_counted_and_listed(folder: Path) -> None:
    assert "suppressed with a reason: 1 " in run_waybill("lint", "w", cwd=folder).stdout
    told = json.loads(run_waybill("lint", "w", "--format", "json", cwd=folder).stdout)
    assert [(each["finding"]["rule"], each["reason"]) for each in told["suppressed"]] == [
        ("arrays-bounded", "One page of paper.")
    ]


def test_sarif_holds_every_rule_and_finding(folder: Path) -> None:
    log = json.loads(run_waybill("lint", "w", "--format", "sarif", cwd=folder).stdout)
    jsonschema.Draft7Validator(SARIF).validate(log)
    (run,) = log["runs"]
    assert len(run["tool"]["driver"]["rules"]) > 30
    paged, kept = run["results"]
    assert (paged["ruleId"], paged["level"]) == ("lists-are-paged", "warning")
    (place,) = paged["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == f"w/{OPENAPI}"
    assert place["logicalLocations"] == [{"fullyQualifiedName": "/paths/~1parcels/get"}]
    assert kept["suppressions"] == [{"kind": "inSource", "justification": "One page of paper."}]


def test_junit_and_markdown_tell_the_same(folder: Path) -> None:
    weigh(folder, "error")
    suite = ElementTree.fromstring(run_waybill("lint", "w", "--format", "junit", cwd=folder).stdout).find("testsuite")
    assert [suite.get(name) for name in ("tests", "failures", "skipped")] == ["2", "1", "1"]
    table = run_waybill("lint", "w", "--format", "markdown", cwd=folder)
    assert table.returncode == 1 and "1 error, 1 suppressed." in table.stdout and "lists-are-paged" in table.stdout


def test_problems_and_misspelt_rules_are_told_in_every_format(folder: Path) -> None:
    """What cannot be loaded is an error of the report, not a failure of the command."""
    (folder / "w" / "waybill.yaml").write_text("{workspace: x, lint: {rules: {list-are-paged: hint}}}")
    for form in ("text", "json", "markdown", "junit", "sarif"):
        told = run_waybill("lint", "w", "--format", form, cwd=folder)
        assert (told.returncode, told.stderr) == (1, "") and "lists" in told.stdout and "did you mean" in told.stdout


def test_a_crowd_of_hints_is_told_by_its_first(folder: Path) -> None:
    """Three places and how many more; the rest stays in the other formats."""
    document = json.loads((folder / "w" / OPENAPI).read_text())
    document["components"]["schemas"]["parcel"]["properties"] |= {f"note{i}": {"type": "string"} for i in range(20)}
    (folder / "w" / OPENAPI).write_text(json.dumps(document))
    told = run_waybill("lint", "w", cwd=folder).stdout
    assert told.count("[strings-bounded]") == 3 and "17 more places" in told
    findings = json.loads(run_waybill("lint", "w", "--format", "json", cwd=folder).stdout)["findings"]
    assert sum(finding["rule"] == "strings-bounded" for finding in findings) == 20


def test_a_plan_is_reported_in_every_format(waybill, folder: Path) -> None:
    """Additions as a table; what would be refused as errors, in the same places that lint names."""
    table = waybill("plan", str(folder / "w"), "--format", "markdown")
    assert table.returncode == 0 and "| + | contract | stock.parcels\\@1.0.0 |" in table.stdout
    assert waybill("plan", str(folder / "w"), "--format", "junit").stdout.strip() == junit([], "waybill plan").strip()
    (folder / "w" / "bindings" / "all.yaml").write_text(
        "[{contract: stock.none, major: 1, entity: '*', system: depot}]"
    )
    refused = waybill("plan", str(folder / "w"), "--format", "sarif")
    assert refused.returncode == 1
    log = json.loads(refused.stdout)
    jsonschema.Draft7Validator(SARIF).validate(log)
    assert {result["level"] for result in log["runs"][0]["results"]} == {"error"}
    assert "bindings/all.yaml" in refused.stdout
