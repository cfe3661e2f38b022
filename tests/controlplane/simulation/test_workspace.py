"""The demo's workspace is one that a person could have written, and nothing else leans on the simulation."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from catalog.inventory import LIBRARY_PREFIX
from catalog.lint import examine
from catalog.lint.stray import stray
from catalog.workspace import library_files, load, read_directory
from controlplane.registry.candidate import load_workspace
from controlplane.simulation.credential import new_signer
from controlplane.simulation.plan import ENTITIES
from controlplane.simulation.workspace import AUDIENCE, DEADLINE_S, ISSUER, STATIONS, with_deadline, write_workspace

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path):
    slo = yaml.safe_load(library_files(["procure-to-pay"])["library:slos/receipt-reaches-erp.yaml"])
    _, jwks = new_signer(ISSUER, AUDIENCE, "treasury")
    write_workspace(tmp_path, {station.name: "http://127.0.0.1:9" for station in STATIONS}, jwks, slo)
    return tmp_path


def test_the_workspace_is_accepted(folder):
    """With every policy's config checked, as `waybill lint` does."""
    found = load_workspace({path: data.decode() for path, data in read_directory(folder).items()})
    assert set(found.entities) == {"mercy-health", "sankt-marien", "riverbend-clinics", "shared-services"}
    assert len({entity.region for entity in found.entities.values()}) == 2


def test_lint_has_no_error_and_no_warning(folder):
    """What lint asks of everybody. Of the library only that the demo does not bind all of it can be said."""
    read = read_directory(folder)
    told = examine(load(read), is_library_included=True, beside=stray(folder, read))
    heavy = [finding for finding in told.findings if finding.severity != "hint"]
    assert {finding.rule for finding in heavy if finding.problem.file.startswith(LIBRARY_PREFIX)} <= {"contract-bound"}
    assert [finding for finding in heavy if not finding.problem.file.startswith(LIBRARY_PREFIX)] == []
    assert told.suppressed == ()


def test_every_granted_contract_is_bound_for_every_entity(folder):
    """No call of the demo can end for want of a system."""
    found = load(read_directory(folder))
    granted = {name for consumer in found.consumers.values() for name in consumer.contracts}
    assert granted <= found.contracts.keys()
    events = {one.contract.contract for one in found.versions if any(each.is_event for each in one.operations)}
    for name in granted - events:
        for entity, _, _ in ENTITIES:
            bound = [one for one in found.bindings if one.contract == name and one.entity in ("*", entity)]
            assert len(bound) == 1, (name, entity)


def test_the_clinics_are_a_file_of_a_few_lines(folder):
    """Ledger, calendar, currency and who may act come from the template; the shared service center acts for them."""
    found = load(read_directory(folder))
    clinics = found.entities["riverbend-clinics"]
    assert (clinics.currency, clinics.calendar, clinics.parent) == ("USD", "us-federal", "mercy-health")
    assert found.entities["shared-services"].members == ["riverbend-clinics"]
    ledgers = {one.system for one in found.bindings if one.entity == "riverbend-clinics"}
    assert ledgers == {"erp-legacy"}
    assert "riverbend-clinics" in found.consumers["payables"].entities


def test_suppliers_belong_to_their_systems_of_record(folder):
    """The master owns suppliers, accounts payable where they are paid to."""
    records = {tuple(one.fields): one.system for one in load(read_directory(folder)).records}
    assert records == {(): "supplier-master", ("/bank_accounts",): "payables"}


def test_only_the_deadline_of_the_receipt_objective_differs(folder):
    """The demo sets its own short deadline and keeps the rest of the objective as it ships."""
    ours = load(read_directory(folder)).slos["receipt-reaches-erp"]
    shipped = yaml.safe_load(library_files(["procure-to-pay"])["library:slos/receipt-reaches-erp.yaml"])
    assert ours.source.deadline_s == DEADLINE_S != 900
    assert with_deadline(shipped, 900) == shipped
    texts = (folder / "slos/receipt.yaml").read_text()
    assert "15 minutes" not in texts and texts.count("within 12 seconds") == 3
    assert (ours.source.from_event, ours.source.to_event) == ("receipt.posted", "receipt.accepted")


def test_nothing_but_the_demo_imports_the_simulation():
    """Deleting the package breaks only the demo: the command line still starts without it."""
    users = [
        path.relative_to(ROOT).as_posix()
        for package in ("catalog", "policies", "gateway", "controlplane", "dashboards")
        for path in (ROOT / package).rglob("*.py")
        if "controlplane.simulation" in path.read_text() and "simulation" not in path.relative_to(ROOT).parts
    ]
    assert users == ["controlplane/cli/demo.py"]
    program = "import sys; sys.modules['controlplane.simulation'] = None; "
    program += "import controlplane.cli.program, controlplane.cli.demo"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
