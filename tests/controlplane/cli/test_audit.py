"""`waybill audit verify` over a running control plane and its store."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import httpx

from catalog.synthetic import batches
from controlplane.cli.client import Client
from tests.controlplane.cli.conftest import run_waybill, start_control_plane
from tests.controlplane.journal import Calls, procure_to_pay
from tests.controlplane.test_audit import chain


def test_verify_finds_a_line_that_was_changed_in_the_store(tmp_path: Path) -> None:
    """Intact: status 0 and everything anchored. One byte in the database: status 1, and the place."""
    process = start_control_plane(tmp_path)
    token = (tmp_path / "admin-token").read_text()
    connection = {"WAYBILL_URL": process.url, "WAYBILL_TOKEN": token}
    try:
        with Client(process.url, token) as client:
            invited = client.post("/enrolments", {"name": "north"})["token"]
            gateway = client.post("/gateways/enrol", {"token": invited, "name": "north"})
        stream = f"{gateway['gateway']}/0/1"
        answer = httpx.post(
            f"{process.url}/api/v1/ingest",
            params={"stream": stream, "first": 1, "last": 5},
            content=b"".join(line + b"\n" for line in chain(5)),
            headers={"authorization": f"Bearer {gateway['credential']}", "content-type": "application/x-ndjson"},
        )
        assert answer.status_code == 200, answer.text
        intact = run_waybill("audit", "verify", cwd=tmp_path, **connection)
        assert intact.returncode == 0, intact.stdout + intact.stderr
        assert "5 entries in 1 streams, 5 anchored by signed heads, 0 streams broken" in intact.stdout
        listed = json.loads(run_waybill("gateway", "list", "--format", "json", cwd=tmp_path, **connection).stdout)
        assert listed[0]["streams"] == {stream: 5}
        unknown = run_waybill("audit", "verify", "--stream", "no/0/1", cwd=tmp_path, **connection)
        assert unknown.returncode == 1 and "no stream" in unknown.stderr
        other_key = "A" * 43 + "="
        foreign = run_waybill("audit", "verify", "--public-key", other_key, cwd=tmp_path, **connection)
        assert foreign.returncode == 1 and "signature" in foreign.stdout
        with sqlite3.connect(tmp_path / "data" / "controlplane.sqlite3") as database:
            (lines,) = database.execute("SELECT lines FROM log_batch").fetchone()
            forged = lines.replace(b'"command_id":"2"', b'"command_id":"9"')
            assert forged != lines
            database.execute("UPDATE log_batch SET lines = ?", (forged,))
        database.close()
        broken = run_waybill("audit", "verify", "--format", "json", cwd=tmp_path, **connection)
        assert broken.returncode == 1
        (verdict,) = json.loads(broken.stdout)
        assert (verdict["is_intact"], verdict["break_at"], verdict["stream"]) == (False, 3, stream)
    finally:
        process.stop()


def test_verify_covers_synthetic_history_and_calls_it_so(tmp_path: Path) -> None:
    process = start_control_plane(tmp_path)
    token = (tmp_path / "admin-token").read_text()
    connection = {"WAYBILL_URL": process.url, "WAYBILL_TOKEN": token}
    (batch,) = batches(procure_to_pay(Calls()))
    try:
        with Client(process.url, token) as client:
            client.post("/synthetic-streams", {"stream": "synthetic/1/1"})
        sent = httpx.post(
            f"{process.url}/api/v1/synthetic-streams/entries",
            params={"stream": "synthetic/1/1", "first": batch.first, "last": batch.last},
            content=batch.lines,
            headers={"authorization": f"Bearer {token}", "content-type": "application/x-ndjson"},
        )
        assert sent.json() == {"last": 9}
        said = run_waybill("audit", "verify", cwd=tmp_path, **connection).stdout
        told = run_waybill("audit", "verify", "--format", "json", cwd=tmp_path, **connection)
    finally:
        process.stop()
    assert "synthetic history" in said and "9 entries in 1 streams, 9 anchored" in said
    (verdict,) = json.loads(told.stdout)
    assert (verdict["is_intact"], verdict["is_synthetic"], verdict["anchored"]) == (True, True, 9)
