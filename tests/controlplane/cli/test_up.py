"""`waybill up`: from a reader's OpenAPI file to governed, refused and accepted calls, with everything kept."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from controlplane.process import Process
from tests.controlplane.cli.conftest import REPOSITORY, run_waybill
from tests.controlplane.workspace import OPENAPI


class Depot(BaseHTTPRequestHandler):
    """A system behind the gateway: knows every parcel, takes every parcel."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str]] = []  # noqa: RUF012

    def _answer(self, status: int, document: dict) -> None:
        length = int(self.headers.get("content-length") or 0)
        self.rfile.read(length)
        self.seen.append((self.command, self.path))
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._answer(200, {"id": self.path.rsplit("/", 1)[-1]})

    def do_POST(self) -> None:
        if "x-hang-up" in self.headers:  # the work may be done, the answer never comes
            self.rfile.read(int(self.headers["content-length"]))
            self.close_connection = True
            return
        self._answer(201, {"id": "made"})

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def depot() -> Iterator[str]:
    Depot.seen.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Depot)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def shop(tmp_path: Path, depot: str) -> Path:
    (tmp_path / "parcels.json").write_text(json.dumps(OPENAPI))
    made = run_waybill("init", "shop", "--openapi", "parcels.json", "--upstream", depot, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    return tmp_path / "shop"


def start_up(shop: Path, name: str, dashboards: str = "--no-dashboards") -> Process:
    argv = [sys.executable, "-m", "controlplane", "up", "--workspace", str(shop), dashboards]
    log = shop.parent / f"{name}.log"
    return Process.start(name, argv, log, env={"PYTHONPATH": str(REPOSITORY)})


def wait_for(process: Process, text: str, timeout_s: float = 90.0) -> str:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and process.is_running:
        log = process.log_path.read_text()
        if text in log:
            return log
        time.sleep(0.1)
    raise AssertionError(process.log_path.read_text())


def suggested_calls(log: str) -> list[tuple[str, dict[str, str]]]:
    """(url, headers) of the curl commands that `up` prints."""
    calls = []
    for line in re.findall(r"^ +curl .*$", log, re.MULTILINE):
        words = shlex.split(line)
        headers = dict(words[i + 1].split(": ", 1) for i, word in enumerate(words) if word == "-H")
        calls.append((words[-1], headers))
    return calls


def eventually(check, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.2)


def children_of(shop: Path) -> list[int]:
    """Processes whose command line names the workspace's state."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(shop / ".waybill").encode() in command:
                found.append(int(entry.name))
    return found


def test_a_readers_api_is_governed_and_everything_is_kept(shop: Path) -> None:
    first = start_up(shop, "first")
    try:
        log = wait_for(first, "running until Ctrl-C")
        (accepted_url, headers), (refused_url, none) = suggested_calls(log)
        key = headers["X-API-Key"]
        assert f"client: {key}" in log and none == {}
        answer = httpx.get(accepted_url, headers=headers)
        assert (answer.status_code, Depot.seen) == (200, [("GET", "/parcels/p%201")])
        assert httpx.get(refused_url).status_code == 401
        wrong = httpx.post(
            accepted_url.rsplit("/", 1)[0], json={"weight_g": "heavy"}, headers={**headers, "idempotency-key": "k1"}
        )
        assert wrong.status_code == 422
        assert {violation["pointer"] for violation in wrong.json()["violations"]} >= {"/weight_g"}
        assert len(Depot.seen) == 1

        second = run_waybill("up", "--workspace", str(shop), "--no-dashboards", cwd=shop)
        assert second.returncode == 1 and "runs this workspace already" in second.stderr

        (shop / "consumers" / "other.yaml").write_text("consumer: other\nname: Other\nowner: x\nentities: [main]\n")
        applied = run_waybill("apply", cwd=shop)
        assert applied.returncode == 0 and "+ consumer  other" in applied.stdout

        def listed() -> dict:
            return json.loads(run_waybill("gateway", "list", "--format", "json", cwd=shop).stdout)[0]

        eventually(lambda: (listed()["state"], listed()["running_generation"]) == ("ack", 3))
        eventually(lambda: sum(listed()["streams"].values()) >= 3)
        audited = run_waybill("audit", "verify", cwd=shop)
        assert audited.returncode == 0 and "0 streams broken" in audited.stdout
        assert len(children_of(shop)) == 2
    finally:
        status = first.stop(grace_s=30)
    assert status == 0, first.log_tail()
    assert children_of(shop) == []

    again = start_up(shop, "again", "--dashboards")
    try:
        log = wait_for(again, "running until Ctrl-C")
        assert "nothing to change" in log and f"client: {key}" not in log and "other: wbk_" in log
        (url, headers), _ = suggested_calls(log)
        assert (url, headers["X-API-Key"]) == (accepted_url, key)
        assert httpx.get(url, headers=headers).status_code == 200
        if importlib.util.find_spec("streamlit") is None:
            assert "dashboards left out" in log
        else:
            pages = re.search(r"dashboards +(http://\S+)", log)[1]
            assert httpx.get(pages).status_code == 200
    finally:
        assert again.stop(grace_s=30) == 0


def test_a_workspace_that_is_refused_starts_nothing_that_stays(shop: Path) -> None:
    (shop / "systems" / "parcels.yaml").write_text("system: parcels\nname: P\nregion: local\nbase_url: nowhere\n")
    result = run_waybill("up", "--workspace", str(shop), "--no-dashboards", cwd=shop)
    assert result.returncode == 1
    assert "systems/parcels.yaml#/base_url" in result.stderr and "Traceback" not in result.stderr
    assert children_of(shop) == [] and [path.name for path in (shop / ".waybill").iterdir()] == ["editor"]


def test_a_process_that_dies_ends_the_rest(shop: Path) -> None:
    """The message names it and shows its last words."""
    up = start_up(shop, "up")
    try:
        wait_for(up, "running until Ctrl-C")
        gateway = json.loads((shop / ".waybill" / "gateway.ready.json").read_text())["pid"]
        os.kill(gateway, 9)
        eventually(lambda: not up.is_running)
    finally:
        status = up.stop(grace_s=30)
    assert status == 1
    assert "gateway ended with -9" in up.log_tail() and "Traceback" not in up.log_tail()
    assert children_of(shop) == []


def test_up_goes_on_where_a_killed_one_ended(shop: Path) -> None:
    """The children of the killed one end with it; the next has the same state and addresses."""
    up = start_up(shop, "up")
    calls = suggested_calls(wait_for(up, "running until Ctrl-C"))
    up.kill()
    again = start_up(shop, "again")
    try:
        assert suggested_calls(wait_for(again, "running until Ctrl-C")) == calls
    finally:
        assert again.stop(grace_s=30) == 0


def test_a_call_in_doubt_is_settled_by_a_person(shop: Path) -> None:
    """The system hangs up after it got the call: 504, then a decision by command, then the stream says so."""
    up = start_up(shop, "up")
    try:
        (url, headers), _ = suggested_calls(wait_for(up, "running until Ctrl-C"))
        headers |= {"idempotency-key": "k1", "x-hang-up": "yes"}
        collection = url.rsplit("/", 1)[0]
        doubtful = httpx.post(collection, json={"id": "p2"}, headers=headers)
        assert (doubtful.status_code, doubtful.json()["executed"]) == (504, "unknown")

        def listed(state: str) -> list[dict]:
            result = run_waybill("attention", "list", "--state", state, "--format", "json", cwd=shop)
            assert result.returncode == 0, result.stderr
            return json.loads(result.stdout)

        eventually(lambda: len(listed("open")) == 1)
        (item,) = listed("open")
        assert (item["kind"], item["operation"]) == ("in_doubt", "parcels.create")
        wrong = run_waybill("attention", "settle", item["attention_id"], "--as", "acknowledged", cwd=shop)
        assert wrong.returncode == 2 and "executed or not_executed" in wrong.stderr
        sent = run_waybill("attention", "settle", item["attention_id"], "--as", "not_executed", cwd=shop)
        assert sent.returncode == 0, sent.stderr
        eventually(lambda: listed("open") == [])
        (settled,) = listed("settled")
        assert (settled["resolution"], settled["command"]["result"]) == ("not_executed", "done")
        del headers["x-hang-up"]
        assert httpx.post(collection, json={"id": "p2"}, headers=headers).status_code == 201
    finally:
        assert up.stop(grace_s=30) == 0


def test_the_call_printed_for_the_built_in_workspace_works_as_printed(tmp_path: Path) -> None:
    """Its consumer has two entities and its system is a placeholder: past every policy, an honest 502; then answers."""
    assert run_waybill("init", "net", cwd=tmp_path).returncode == 0
    system = tmp_path / "net" / "systems" / "erp.yaml"
    system.write_text(system.read_text().replace("127.0.0.1:9000", "127.0.0.1:9"))
    up = start_up(tmp_path / "net", "up")
    try:
        log = wait_for(up, "running until Ctrl-C")
        assert "nothing listens at http://127.0.0.1:9 (base_url in systems/*.yaml is a placeholder" in log
        (url, headers), (refused_url, none) = suggested_calls(log)
        answer = httpx.get(url, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (502, "upstream-unreachable"), answer.text
        assert httpx.get(refused_url, headers=none).status_code == 401
    finally:
        assert up.stop(grace_s=30) == 0
