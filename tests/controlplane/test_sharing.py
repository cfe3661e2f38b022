"""Several control-plane processes over one PostgreSQL database."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from controlplane.audit import StreamHead, verify_stream
from controlplane.cli.client import Client
from controlplane.keys import KeyRing
from controlplane.process import Process
from tests.controlplane.cli.conftest import run_waybill, start_control_plane
from tests.controlplane.engine import linguistic
from tests.controlplane.journal import Calls, Stream, procure_to_pay
from tests.controlplane.workspace import workspace

Start = Callable[[str], Process]


@pytest.fixture
def url(postgres) -> str:
    return linguistic(postgres)


@pytest.fixture
def start(tmp_path: Path, url: str) -> Iterator[Start]:
    """Starts control planes by name, all with the first one's keys."""
    running: list[Process] = []

    def run(name: str) -> Process:
        directory = tmp_path / name
        first = tmp_path / "one" / "data" / "keys"
        if name != "one" and first.exists():
            shutil.copytree(first, directory / "data" / "keys")
        running.append(start_control_plane(directory, WAYBILL_DATABASE_URL=url))
        return running[-1]

    yield run
    for process in running:
        process.stop()


@pytest.fixture
def one(start: Start) -> Process:
    return start("one")


@pytest.fixture
def two(start: Start, one: Process) -> Process:
    return start("two")


@pytest.fixture
def token(one: Process, tmp_path: Path) -> str:
    return (tmp_path / "one" / "admin-token").read_text()


def enrol(process: Process, token: str) -> dict:
    with Client(process.url, token) as client:
        invited = client.post("/enrolments", {"name": "north"})["token"]
        return client.post("/gateways/enrol", {"token": invited, "name": "north"})


def ship(address: str, credential: str, stream: Stream, size: int, taken: list[int]) -> None:
    """Send batch after batch as long as this side may; 409 names what another one has sent meanwhile."""
    headers = {"authorization": f"Bearer {credential}"}
    first = 1
    while first <= len(stream.lines):
        last = min(first + size - 1, len(stream.lines))
        body = b"".join(stream.lines[first - 1 : last])
        asked = {"stream": stream.name, "first": first, "last": last}
        answer = httpx.post(f"{address}/api/v1/ingest", params=asked, content=body, headers=headers, timeout=30)
        if answer.status_code == 200:
            taken.append(last - first + 1)
        else:
            assert answer.status_code == 409, answer.text
        first = answer.json()["last"] + 1 if answer.status_code == 200 else answer.json()["expected"]


def test_the_cursor_decides_between_two_that_take_the_same_stream(one: Process, two: Process, token: str) -> None:
    """The same stream is told to both at once, in batches of different sizes: each entry is taken once, by either, the
    chain holds, and the figures are those of one telling."""
    gateway = enrol(one, token)
    stream, calls = Stream(f"{gateway['gateway']}/0/1"), Calls()
    for number in range(1, 31):
        stream.log(*procure_to_pay(calls, number))
    taken: list[list[int]] = [[], [], [], []]
    sides = [(one, 3), (two, 5), (one, 7), (two, 4)]
    threads = [
        threading.Thread(target=ship, args=(process.url, gateway["credential"], stream, size, told))
        for (process, size), told in zip(sides, taken, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(map(sum, taken)) == len(stream.lines) == 270
    with Client(two.url, token) as client:
        (view,) = client.get("/streams")
        lines = client.get_text("/streams/entries", stream=stream.name, limit=1_000).splitlines()
        key = client.get("/signing-key")["public_key"]
        assert verify_stream(msgspec.convert(view, StreamHead), lines, key).is_intact
        overview = client.get("/overview")
        chain = client.get("/lineage/chain", type="payment", assigner="mercy", value="PAY-7")
        assert client.post("/projections/rebuild", {}) == {"entries": 270}
        assert client.get("/overview")["figures"] == overview["figures"]
        assert (
            client.get("/lineage/chain", type="payment", assigner="mercy", value="PAY-7")["events"] == chain["events"]
        )
    assert [(item["object"]["value"], item["events"]) for item in chain["objects"] if item["events"] > 1] == [
        ("RC-7-1", 2),
        ("RC-7-2", 2),
        ("INV-7", 2),
    ]


def test_a_killed_one_leaves_nothing_half_done(one: Process, two: Process, start: Start, token: str) -> None:
    """kill -9 amid an ingest: the other goes on from the entry that the cursor names, and so does a successor."""
    gateway = enrol(one, token)
    stream, calls = Stream(f"{gateway['gateway']}/0/1"), Calls()
    for number in range(1, 61):
        stream.log(*procure_to_pay(calls, number))
    told: list[int] = []

    def until_it_dies() -> None:
        try:
            ship(two.url, gateway["credential"], stream, 9, told)
        except httpx.TransportError:
            return

    sending = threading.Thread(target=until_it_dies)
    sending.start()
    deadline = time.monotonic() + 30
    while len(told) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(two.pid, signal.SIGKILL)
    sending.join(30)
    assert 5 <= len(told) < 60
    ship(start("three").url, gateway["credential"], stream, 50, told)
    with Client(one.url, token) as client:
        lines = client.get_text("/streams/entries", stream=stream.name, limit=1_000)
        assert lines == b"".join(stream.lines)
        assert len(client.get("/lineage/chain", type="payment", assigner="mercy", value="PAY-60")["events"]) == 9


def test_what_one_publishes_wakes_whoever_waits_at_the_other(one: Process, two: Process, token: str) -> None:
    gateway = enrol(one, token)
    answers: list[tuple[int, float]] = []

    def wait() -> None:
        headers = {"authorization": f"Bearer {gateway['credential']}"}
        asked = {"generation": 0, "wait_s": 25}
        started = time.monotonic()
        answer = httpx.get(f"{two.url}/api/v1/snapshot", params=asked, headers=headers, timeout=40)
        answers.append((answer.status_code, time.monotonic() - started))

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(1.0)
    with Client(one.url, token) as client:
        client.post("/workspace/apply", {"files": workspace()})
    waiting.join(40)
    ((status, waited_s),) = answers
    assert status == 200
    assert waited_s < 15  # the poll itself would have ended after 25


def test_one_with_keys_of_its_own_is_refused(one: Process, url: str, tmp_path: Path) -> None:
    result = run_waybill("serve", "--data-dir", "other", cwd=tmp_path, WAYBILL_DATABASE_URL=url)
    assert result.returncode == 1
    assert "belongs to other keys" in result.stderr and "copy keys/" in result.stderr
    assert "Traceback" not in result.stderr


def test_two_that_start_at_once_make_one_schema_and_one_admin(start: Start, tmp_path: Path) -> None:
    """On an empty database one of them migrates and makes the first administrator, the other finds both."""
    names = ("one", "two")
    KeyRing.open(tmp_path / "one" / "data" / "keys")
    both = [threading.Thread(target=start, args=(name,)) for name in names]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(60)
    assert sum((tmp_path / name / "admin-token").exists() for name in names) == 1
