"""The control plane as a process: first start, restart, stop."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx

from controlplane.cli.client import Client
from tests.controlplane.cli.conftest import run_waybill, start_control_plane
from tests.controlplane.workspace import workspace


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    """Tokens, keys, generation, signing key and enrolled gateways are there again; no second admin token is made."""
    first = start_control_plane(tmp_path)
    token = (tmp_path / "admin-token").read_text()
    try:
        with Client(first.url, token) as client:
            client.post("/workspace/apply", {"files": workspace()})
            key = client.post("/consumers/shop/keys", {})
            invited = client.post("/enrolments", {"name": "north"})["token"]
            gateway = client.post("/gateways/enrol", {"token": invited, "name": "north"})
            signing_key = client.get("/signing-key")
    finally:
        assert first.stop() == 0
    (tmp_path / "admin-token").unlink()
    second = start_control_plane(tmp_path)
    try:
        assert not (tmp_path / "admin-token").exists()
        with Client(second.url, token) as client:
            assert client.get("/signing-key") == signing_key
            assert [each["key_id"] for each in client.get("/consumers/shop/keys")["items"]] == [key["key_id"]]
            assert client.post("/workspace/apply", {"files": workspace()})["is_published"] is False
            assert client.get("/gateways")["items"][0]["gateway"] == gateway["gateway"]
        with Client(second.url, gateway["credential"]) as client:
            assert '"generation":2' in client.get("/snapshot")["manifest"]
    finally:
        second.stop()


def test_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    process = start_control_plane(tmp_path)
    process.stop()
    secrets = [tmp_path / "admin-token", *(tmp_path / "data" / "keys").iterdir()]
    assert len(secrets) == 3
    for path in secrets:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert "wbt_" not in (tmp_path / "serve.log").read_text()


def test_without_a_file_the_first_admin_token_is_printed_once(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "controlplane", "serve", "--data-dir", str(tmp_path / "data")]
    printed = []
    for _ in range(2):
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
            lines = []
            for line in child.stdout:
                lines.append(line)
                if line.startswith("control plane at "):
                    break
            child.terminate()
            assert child.wait(10) == 0
        printed.append([line for line in lines if "wbt_" in line])
    assert [len(each) for each in printed] == [1, 0]


def test_sigterm_ends_it_within_seconds_even_while_gateways_wait(tmp_path: Path) -> None:
    """Long polls are answered first, so that nothing has to be cut."""
    process = start_control_plane(tmp_path)
    answers: list[int] = []
    try:
        with Client(process.url, (tmp_path / "admin-token").read_text()) as client:
            invited = client.post("/enrolments", {"name": "north"})["token"]
            credential = client.post("/gateways/enrol", {"token": invited, "name": "north"})["credential"]

        def wait() -> None:
            headers = {"authorization": f"Bearer {credential}"}
            url = f"{process.url}/api/v1/commands"
            answers.append(httpx.get(url, params={"wait_s": 25}, headers=headers, timeout=30).status_code)

        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.5)
    finally:
        started = time.monotonic()
        status = process.stop(grace_s=20)
    waiting.join(10)
    assert (status, answers) == (0, [200])
    assert time.monotonic() - started < 5


def test_a_taken_port_is_said_plainly(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run_waybill("serve", "--data-dir", "data", "--port", port, cwd=tmp_path)
    assert result.returncode == 1
    assert f"cannot listen at 127.0.0.1:{port}" in result.stderr and "Traceback" not in result.stderr


def test_a_data_directory_that_cannot_be_made_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run_waybill("serve", "--data-dir", "file/data", cwd=tmp_path)
    assert result.returncode == 1 and "Traceback" not in result.stderr and "file" in result.stderr
