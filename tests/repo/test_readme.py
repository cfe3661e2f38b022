"""The README is run as it stands: a stranger's first ten minutes, and tables that are drawn from the code."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from policies.table import policy_table

README = (Path(__file__).parents[2] / "README.md").read_text()


def shell_blocks(heading: str) -> list[str]:
    """The ```sh blocks of one section."""
    section = README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def test_the_policy_table_is_the_one_the_code_draws():
    table = re.search(r"<!-- policies -->\n(.*?)\n<!-- /policies -->", README, re.DOTALL)
    assert table is not None
    assert table[1].strip() == policy_table().strip()


def test_every_test_named_as_proof_exists():
    section = README.split("## Guarantees\n", 1)[1].split("\n## ", 1)[0]
    named = re.findall(r"`(tests/[\w/]+\.py)`", section)
    assert len(named) >= 8
    assert [name for name in named if not (Path(__file__).parents[2] / name).is_file()] == []


@pytest.fixture
def shell(tmp_path: Path):
    """Runs text in a shell of its own session, with the README's folder and ports replaced by free ones."""
    started: list[subprocess.Popen[str]] = []
    ports = {"9000": free_port(), "8700": free_port()}
    folder = tmp_path / "first"
    folder.mkdir()

    def run(text: str, is_server: bool = False) -> subprocess.Popen[str]:
        for port, free in ports.items():
            text = re.sub(rf"\b{port}\b", str(free), text)
        text = text.replace("/tmp/waybill-first", str(folder))
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        with (folder / "out.log").open("a") as log:
            process = subprocess.Popen(
                ["bash", "-euc", text],
                cwd=folder,
                env=environment,
                text=True,
                start_new_session=is_server,
                stdout=log if is_server else subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        started.append(process)
        return process

    yield run, folder, ports
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_your_own_api_in_ten_minutes(shell):
    """Every command of the section, as printed: accepted, replayed, and refused three times."""
    if not shutil.which("curl"):
        pytest.skip("the README's calls: install curl")
    run, folder, _ = shell
    _setup, documents, start, calls, check = shell_blocks("Your own API in ten minutes")
    system = run(documents.replace("python3 orders.py &", "exec python3 orders.py"), is_server=True)
    wait_for(lambda: (folder / "orders.py").is_file(), "the files are written")
    init, up = start.strip().splitlines()
    made = run(init)
    text, _ = made.communicate(timeout=60)
    assert made.returncode == 0, text
    running = run(f"exec {up} --no-dashboards", is_server=True)
    wait_for(lambda: (folder / "shop/.waybill/addresses.json").is_file(), "the workspace runs")
    answered = run(calls)
    text, _ = answered.communicate(timeout=60)
    assert answered.returncode == 0, text
    statuses = re.findall(r"^HTTP/1.1 (\d+)", text, re.MULTILINE)
    assert statuses == ["201", "201", "401", "422", "400"], text
    assert "idempotency-replayed: true" in text
    assert text.count('"pointer"') == 3
    verified = run(f"cd {folder}\n{check}")
    text, _ = verified.communicate(timeout=60)
    assert verified.returncode == 0, text
    assert "0 streams broken" in text
    assert system.poll() is None
    assert running.poll() is None


def wait_for(condition, what: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"not within 60 s: {what}")
