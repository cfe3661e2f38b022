"""`waybill doctor` over installations that are well, and over ones that were broken on purpose."""

from __future__ import annotations

import json
import socket
import sqlite3
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.x509.oid import NameOID

from controlplane.cli.doctor.machine import machine
from controlplane.cli.doctor.remote import clock
from controlplane.process import Process
from tests.controlplane.cli.conftest import run_waybill, start_control_plane
from tests.controlplane.cli.test_program import write
from tests.controlplane.workspace import workspace

AWAY = ("--url", "http://127.0.0.1:1", "--token", "wbt_none")


def examined(directory: Path, *arguments: str, status: int, **env: str) -> dict[tuple[str, str], dict[str, Any]]:
    """(area, name) -> check; the last when several have the name."""
    result = run_waybill("doctor", str(directory), "--format", "json", *arguments, cwd=directory.parent, **env)
    assert result.returncode == status, result.stdout + result.stderr
    return {(check["area"], check["name"]): check for check in json.loads(result.stdout)}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    assert run_waybill("init", "shop", cwd=tmp_path).returncode == 0
    return tmp_path / "shop"


def test_a_running_installation_is_well(shop: Path) -> None:
    """Then a secret that others can read is found; the remedy as printed mends it; stopped servers are told."""
    argv = [sys.executable, "-m", "controlplane", "up", str(shop), "--no-dashboards"]
    up = Process.start("up", argv, shop / "up.log")
    try:
        wait_for_file(shop / ".waybill" / "addresses.json", up)
        checks = examined(shop, status=0)
        assert {check["state"] for check in checks.values()} <= {"good", "mind"}
        assert checks["control plane", "database"]["detail"].startswith("sqlite 3.")
        assert checks["control plane", "snapshot"]["detail"] == "generation 2"
        assert checks["control plane", "token"]["detail"].startswith("first admin, admin for all entities")
        assert checks["local", "gateway"]["state"] == checks["local", "control plane"]["state"] == "good"
        assert checks["gateway", "local"]["detail"].startswith("runs generation")

        keys = shop / ".waybill" / "keys.json"
        keys.chmod(0o644)
        checks = examined(shop, status=1)
        found = checks["local", "secrets"]
        assert found["state"] == "wrong" and found["remedy"] == f"chmod 600 {keys}"
        keys.chmod(0o600)
        assert examined(shop, status=0)["local", "secrets"]["state"] == "good"
    finally:
        assert up.stop(grace_s=30) == 0
    away = examined(shop, status=1)
    assert away["control plane", "connection"]["state"] == "wrong"
    assert "waybill up" in away["control plane", "connection"]["remedy"]


def wait_for_file(path: Path, process: Process) -> None:
    for _ in range(1_200):
        if path.is_file():
            return
        assert process.is_running, process.log_tail()
        threading.Event().wait(0.05)
    raise AssertionError(f"not within 60 s: {path}")


def test_a_broken_file_and_no_workspace(shop: Path, tmp_path: Path) -> None:
    """The first problem with its place, and the command that tells all; an empty directory is only to be minded."""
    (shop / "systems" / "erp.yaml").write_text("system: erp\nname: E\nregion: r\nbase_url: nowhere\n")
    broken = examined(shop, status=1)["workspace", "files"]
    assert broken["state"] == "wrong" and broken["detail"].startswith("systems/erp.yaml#/base_url")
    assert broken["remedy"] == f"waybill lint {shop}"
    (tmp_path / "empty").mkdir()
    checks = examined(tmp_path / "empty", status=0)
    assert checks["workspace", "files"]["state"] == checks["control plane", "connection"]["state"] == "mind"
    assert run_waybill("doctor", "nowhere", cwd=tmp_path).returncode == 2


def test_the_text_names_each_area_and_the_remedy(shop: Path) -> None:
    result = run_waybill("doctor", str(shop), *AWAY, cwd=shop)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "  ✗ connection: cannot reach the control plane at http://127.0.0.1:1" in result.stdout
    assert "      → start it: waybill up" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("1 wrong")


def test_packages_that_are_not_as_locked_are_named(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("msgspec==0.0.1 \\\n    --hash=sha256:00\nnever-installed==1.0 ; os_name == 'nt'\n")
    (found,) = (check for check in machine(tmp_path, tmp_path / "lock") if check.name == "packages")
    assert found.state == "mind" and "msgspec" in found.detail and "(locked 0.0.1)" in found.detail
    assert "never-installed" not in found.detail


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str], Path]]:
    """A directory, the variables that name a control plane of its own, and the file of its database."""
    process = start_control_plane(tmp_path)
    try:
        (tmp_path / "here").mkdir()
        known = {"WAYBILL_URL": process.url, "WAYBILL_TOKEN": (tmp_path / "admin-token").read_text()}
        yield tmp_path / "here", known, tmp_path / "data" / "controlplane.sqlite3"
    finally:
        process.stop()


def enrol(known: dict[str, str], here: Path, name: str) -> None:
    """A gateway that enrolled and was never heard of again."""
    import httpx

    token = run_waybill("gateway", "token", name, cwd=here, **known).stdout.strip()
    url = f"{known['WAYBILL_URL']}/api/v1/gateways/enrol"
    assert httpx.post(url, json={"token": token}, trust_env=False).status_code == 201


def change(database: Path, statement: str) -> None:
    with sqlite3.connect(database, timeout=10) as connection:
        connection.execute(statement)
    connection.close()


def test_an_empty_installation_says_what_comes_next(installation) -> None:
    here, known, _ = installation
    checks = examined(here, status=0, **known)
    assert checks["control plane", "snapshot"]["remedy"] == "waybill apply"
    assert "waybill gateway token" in checks["gateway", "gateways"]["remedy"]


def test_a_contract_version_whose_sunset_is_near(tmp_path: Path) -> None:
    """Deprecated versions that end within a month, and those that should have been retired."""
    soon, past = ((datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds") for days in (20, -1))
    for sunset, told in ((soon, "ends"), (past, "ended")):
        state = {"state": "deprecated", "deprecated_at": "2026-01-01T00:00:00Z", "sunset_at": sunset}
        shop = write(tmp_path / told, workspace({"1.0.0": state | {"successor": "1.1.0"}, "1.1.0": "published"}))
        found = examined(shop, status=0)["workspace", "sunset"]
        assert found["detail"] == f"logistics.parcels@1.0.0 {told} {sunset[:10]}"


def test_a_gateway_that_is_silent_refused_a_snapshot_or_stopped_shipping(installation) -> None:
    here, known, database = installation
    enrol(known, here, "north")
    change(database, "UPDATE gateway SET last_seen_us = last_seen_us - 3600000000")
    silent = examined(here, status=1, **known)["gateway", "north"]
    assert "last heard of" in silent["detail"] and "waybill gateway revoke" in silent["remedy"]
    change(
        database, "UPDATE gateway SET last_seen_us = last_seen_us + 3600000000, state = 'nack', detail = 'no secret x'"
    )
    assert "no secret x" in examined(here, status=1, **known)["gateway", "north"]["detail"]
    change(database, "UPDATE gateway SET state = 'ack', detail = ''")
    change(database, "INSERT INTO halted_stream SELECT gateway_id || '/0/1', gateway_id, 'a gap', 1 FROM gateway")
    assert "a gap" in examined(here, status=1, **known)["gateway", "north"]["detail"]
    change(database, "DELETE FROM halted_stream")
    assert examined(here, status=0, **known)["gateway", "north"]["state"] in ("good", "mind")


def test_a_schema_that_an_older_program_left(installation) -> None:
    here, known, database = installation
    change(database, "UPDATE alembic_version SET version_num = '0001'")
    found = examined(here, status=1, **known)["control plane", "schema"]
    assert found["detail"].startswith("at 0001") and "restart" in found["remedy"]


def test_tokens_that_end_or_are_none(installation) -> None:
    """The token's role and entities are told; one that ends within two weeks is to be minded, a wrong one is wrong."""
    here, known, _ = installation
    arguments = ("token", "create", "cfo", "--role", "executive", "--expires", "2d")
    made = run_waybill(*arguments, cwd=here, **known).stdout.strip()
    found = examined(here, status=0, **{**known, "WAYBILL_TOKEN": made})["control plane", "token"]
    assert found["state"] == "mind" and found["detail"].startswith("cfo, executive for all entities, until ")
    wrong = examined(here, status=1, **{**known, "WAYBILL_TOKEN": "wbt_0000_none"})["control plane", "token"]
    assert wrong["state"] == "wrong" and "waybill token create" in wrong["remedy"]


def test_a_key_that_ends_without_a_successor(installation, shop: Path) -> None:
    here, known, _ = installation
    assert run_waybill("apply", str(shop), cwd=here, **known).returncode == 0
    issue = ("consumer", "key", "issue", "ap-automation")
    assert run_waybill(*issue, "--expires", "3d", cwd=here, **known).returncode == 0
    found = examined(here, status=0, **known)["control plane", "keys"]
    assert found["remedy"] == "waybill consumer key rotate ap-automation"
    assert run_waybill(*issue, cwd=here, **known).returncode == 0
    assert ("control plane", "keys") not in examined(here, status=0, **known)


def test_what_ends_soon_in_the_workspace(shop: Path) -> None:
    """The certificate of a system's CA that ended; a contract version whose sunset is near."""
    system = shop / "systems" / "erp.yaml"
    system.write_text(system.read_text() + "ca_file: ca.pem\n")
    assert examined(shop, status=0)["workspace", "CA of erp"]["state"] == "mind"
    (shop / "ca.pem").write_bytes(certificate(datetime.now(UTC) - timedelta(days=1)))
    assert "https to this system fails" in examined(shop, status=1)["workspace", "CA of erp"]["remedy"]
    (shop / "ca.pem").write_bytes(certificate(datetime.now(UTC) + timedelta(days=300)))
    assert examined(shop, status=0)["workspace", "CA of erp"]["state"] == "good"


def certificate(end: datetime) -> bytes:
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = builder.not_valid_before(end - timedelta(days=9)).not_valid_after(end).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


class Keys(BaseHTTPRequestHandler):
    """The OpenID configuration and keys of an issuer."""

    def do_GET(self) -> None:
        url = f"http://127.0.0.1:{self.server.server_port}"
        document = {"keys": [{"kty": "EC"}]} if self.path == "/keys" else {"issuer": url, "jwks_uri": f"{url}/keys"}
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def test_keys_of_a_token_issuer_are_fetched_or_missed(shop: Path) -> None:
    """By discovery, as gateways fetch them."""
    server = HTTPServer(("127.0.0.1", 0), Keys)
    threading.Thread(target=server.serve_forever).start()
    url = f"http://127.0.0.1:{server.server_port}"
    issuer = f"{{issuer: '{url}', audience: waybill, algorithms: [ES256], discovery: true, allow_http: true}}"
    (shop / "policies").mkdir()
    (shop / "policies" / "jwt.yaml").write_text(f"- {{name: jwt, policy: jwt, config: {{issuers: [{issuer}]}}}}\n")
    try:
        assert (
            examined(shop, status=0)["workspace", f"issuer {url}"]["detail"]
            == f"1 keys at {url}{'/.well-known/openid-configuration'}"
        )
    finally:
        server.shutdown()
        server.server_close()
    missed = examined(shop, status=0)["workspace", f"issuer {url}"]
    assert missed["state"] == "mind" and "max_stale_s" in missed["remedy"]


def test_a_port_that_somebody_else_has_taken(shop: Path) -> None:
    """Where a server of `up` listened the last time, and one that should listen and does not."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        (shop / ".waybill" / "addresses.json").write_text(json.dumps({"gateway": url}))
        found = examined(shop, status=0)["local", "gateway"]
        assert found["state"] == "mind" and found["detail"] == f"another program listens at {url}"
    (shop / ".waybill" / "gateway.ready.json").write_text(json.dumps({"url": url, "pid": 1}))
    assert examined(shop, status=1)["local", "gateway"]["remedy"] == "start it again: waybill up"


@pytest.mark.parametrize(
    ("there_s", "state", "told"),
    [(3, "good", "0.0 s"), (-3, "mind", "3.0 s"), (14, "mind", "4.0 s"), (99, "wrong", "89")],
)
def test_a_slow_answer_is_no_difference_of_clocks(there_s: int, state: str, told: str) -> None:
    """The other clock was read somewhere in the ten seconds that the answer took."""
    asked = datetime(2026, 3, 1, tzinfo=UTC)
    there = asked + timedelta(seconds=there_s)
    (check,) = clock(int(there.timestamp() * 1e6), asked, asked + timedelta(seconds=10))
    assert (check.state, told in check.detail) == (state, True)
