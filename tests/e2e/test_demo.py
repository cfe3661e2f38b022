"""The demo as a stranger runs it: one command, real processes, and every account of the run compared."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

WAYBILL = [sys.executable, "-m", "controlplane"]


def waybill(*arguments, timeout_s):
    return subprocess.run([*WAYBILL, *map(str, arguments)], capture_output=True, text=True, timeout=timeout_s)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A short run that came out clean."""
    folder = tmp_path_factory.mktemp("demo") / "run"
    report = folder.with_name("report.json")
    done = waybill(
        *("demo", "--duration", 10, "--rate", 20, "--seed", 7, "--report", report),
        *("--run-dir", folder, "--no-dashboards"),
        timeout_s=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(report.read_text())["unexplained"] == 0
    return folder


def report_of(run_dir):
    return json.loads((run_dir / "report.json").read_text())


def test_the_whole_path_was_governed(run_dir):
    """Requisitions, orders, receipts, invoices and payments were all made, by systems that log on their own."""
    counts = report_of(run_dir)["counts"]
    kinds = ("requisition", "purchase_order", "receipt", "invoice", "payment", "supplier")
    for kind in (*kinds, "inventory_position", "period"):
        assert counts[f"effects_{kind}"] > 0, counts
    assert counts["exchanges"] == counts["client_attempts"] + counts["system_attempts"] - unsent(run_dir)


def test_history_came_first_and_counts_nowhere_in_the_comparison(run_dir):
    """Tens of thousands of records are in the log of the control plane, and none of them in what is compared."""
    fed = json.loads((run_dir / "history.json").read_text())
    assert fed["records"] > 40_000
    assert report_of(run_dir)["counts"]["exchanges"] < 2_000
    figures = json.loads((run_dir / "figures.json").read_text())
    told = {one["stream"]: one for one in figures["streams"]}
    assert told[fed["stream"]]["last"] == fed["records"]
    assert told[fed["stream"]]["is_synthetic"] and told[fed["stream"]]["is_closed"]
    assert b'"not_evaluated"' not in (run_dir / "controlplane.ndjson").read_bytes()


def unsent(run_dir):
    logs = [*run_dir.glob("clients/*.ndjson"), *run_dir.glob("systems/*.ndjson")]
    lines = [json.loads(line) for path in logs for line in path.read_bytes().splitlines()]
    return sum(line.get("is_sent") is False for line in lines)


def test_the_seed_fixes_plan_and_faults(run_dir):
    """The report names the same plan and faults that the seed gives anywhere."""
    from controlplane.simulation.plan import make_plan

    plan = make_plan(7, 10, 20)
    report = report_of(run_dir)
    assert (report["plan_sha256"], report["faults_sha256"]) == ([plan.sha256], [plan.faults_sha256])


def test_faults_left_their_marks_and_are_named(run_dir):
    """The outage, the expired token and the lost receipts show as differences that the ledger explains."""
    report = report_of(run_dir)
    assert {"lost-0", "late-0", "outage-0", "expired-0", "unregistered-0"} <= set(report["explained"])
    assert report["counts"]["reconciled"] > 0 or report["statuses"].get("504", 0) == 0
    assert {"api-key", "request-schema"} & set(report["refusals"])


def test_verification_can_be_repeated(run_dir):
    """From the files alone, with the same result."""
    before = report_of(run_dir)
    done = waybill("demo", "verify", run_dir, timeout_s=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert report_of(run_dir) == before


@pytest.mark.parametrize(
    "log",
    [
        *("clients/dock.ndjson", "clients/treasury.ndjson", "clients/shadow-integration.ndjson"),
        *("systems/procurement.ndjson", "systems/receiving.ndjson", "systems/payables.ndjson"),
        *("systems/erp-mercy-health.ndjson", "systems/erp-sankt-marien.ndjson", "systems/erp-legacy.ndjson"),
        *("systems/supplier-master.ndjson", "systems/inventory.ndjson", "clients/service-center.ndjson"),
        *("gateway/streams.ndjson", "controlplane.ndjson", "faults.ndjson"),
    ],
)
def test_one_missing_line_of_any_log_is_found(run_dir, tmp_path, log):
    """A line out of the middle of each log: exit status 1, and the report names what is missing. What a system received
    and the gateway did not wait for, as in an outage, has no second witness: only the numbers of the log tell of it."""
    copy = tmp_path / "run"
    evidence = shutil.ignore_patterns("controlplane", "gateway-state", "log")
    shutil.copytree(run_dir, copy, ignore=evidence)
    lines = (copy / log).read_bytes().splitlines(keepends=True)
    del lines[middle(lines, witnessed(copy))]
    (copy / log).write_bytes(b"".join(lines))
    done = waybill("demo", "verify", copy, timeout_s=60)
    assert done.returncode == 1, done.stdout + done.stderr
    kinds = {one["kind"] for one in report_of(copy)["differences"] if not one["explained_by"]}
    assert kinds - {"log-gap"}, "the gap in the numbers alone gave it away"


def witnessed(run_dir):
    """Spans of the gateway whose calls a system answered."""
    entries = [json.loads(line) for line in (run_dir / "gateway/streams.ndjson").read_bytes().splitlines()]
    records = [entry["body"] for entry in entries if entry["kind"] == "exchange"]
    return {record["upstream_span_id"] for record in records if record.get("upstream_status")}


def middle(lines, spans):
    """The line nearest the middle that is no request, or one that the gateway has an answer to."""
    parsed = [json.loads(line) for line in lines]
    known = [n for n, line in enumerate(parsed) if line["kind"] != "request" or line["span"] in spans]
    return min(known, key=lambda n: abs(n - len(lines) // 2))


def test_a_run_directory_is_never_mixed(run_dir):
    """Exit status 2 and a readable line when the directory is not empty, or holds no run."""
    done = waybill("demo", "--duration", 5, "--run-dir", run_dir, "--no-dashboards", timeout_s=60)
    assert (done.returncode, "not empty" in done.stderr) == (2, True)
    done = waybill("demo", "verify", run_dir / "workspace", timeout_s=60)
    assert (done.returncode, "not a complete run directory" in done.stderr) == (2, True)


def test_without_an_end_it_runs_until_it_is_interrupted(tmp_path):
    """Addresses and the way to sign in are printed; Ctrl-C ends every process it started."""
    folder = tmp_path / "run"
    output = tmp_path / "output"
    with output.open("wb") as file:
        demo = subprocess.Popen(
            [*WAYBILL, "demo", "--rate", "5", "--run-dir", str(folder), "--no-dashboards", "--no-history"],
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 90
        while not list(folder.glob("clients/requisition-portal.ndjson")) or "running for" not in output.read_text():
            assert demo.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.2)
        pids = [json.loads(path.read_text())["pid"] for path in folder.rglob("ready/**/*.json")]
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0, output.read_text()
    finally:
        demo.send_signal(signal.SIGTERM)  # does nothing when it has ended
        demo.wait(60)
    text = output.read_text()
    assert re.search(r"gateway +http://127\.0\.0\.1:\d+", text)
    assert "wbt_" in text
    assert len(pids) == 10
    assert not [pid for pid in pids if is_alive(pid)]


def is_alive(pid):
    from pathlib import Path

    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
