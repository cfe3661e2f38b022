"""`python -m gateway` as a real process: start, stop, kill, restart, export, and its words when something is wrong."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
import time
from contextlib import asynccontextmanager

import httpx
import msgspec
import pytest

from catalog.compile import compile_snapshot
from catalog.network import Timeouts
from catalog.workspace import load
from gateway.state.sqlite import FILE
from policies import UNSHADOWABLE, default_bundle, policy_kinds
from tests.gateway.double import ControlPlaneDouble
from tests.gateway.origin import origin
from tests.gateway.rig import ORDER_BODY, SECRETS, api_key, key_hash, workspace_files
from tests.gateway.state.sample import run
from tests.gateway.test_reconcile import Erp, http, order

GATEWAY = [sys.executable, "-m", "gateway"]


class Host:
    """A machine with a gateway on it; control plane and ERP live in the test's loop, on real sockets."""

    def __init__(self, directory, double, erp, base_url):
        self.directory = directory
        self.state_dir = directory / "state"
        self.double = double
        self.erp = erp
        self.base_url = base_url
        self.child = None
        self.log = directory / "gateway.log"
        self.secrets = directory / "secrets.yaml"
        self.secrets.touch(0o600)
        self.secrets.write_text(json.dumps({"erp-token": "p" * 32}))

    def publish(self, **more):
        timeouts = msgspec.to_builtins(Timeouts(connect_s=1.0, first_byte_s=2.0, total_s=3.0))
        system = {
            "system": "erp",
            "name": "ERP",
            "region": "us-east",
            "base_url": self.base_url,
            "credential": {"secret": "erp-token"},
            "timeouts": timeouts,
        }
        files = workspace_files(**({"systems__erp": system} | more))
        workspace = load(files, policy_kinds=policy_kinds(), unshadowable=UNSHADOWABLE, bundle=default_bundle())
        keys = {name: [key_hash(api_key(name))] for name in workspace.consumers}
        self.double.offer(*compile_snapshot(workspace, keys))

    async def spawn(self, *options, environment=None):
        argv = [*GATEWAY, "--state-dir", str(self.state_dir), "--control-plane", self.double.url, *options]
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *argv, stdout=log, stderr=log, env={**os.environ, **(environment or {})}
            )

    async def start(self, *options, is_ready=True):
        ready_file = self.directory / "ready.json"
        ready_file.unlink(missing_ok=True)
        token_file = self.directory / "token"
        token_file.write_text("token-1\n")
        self.child = await self.spawn(
            *("--enrolment-token-file", str(token_file), "--name", "gw", "--ready-file", str(ready_file)),
            *("--secrets", str(self.secrets), *options),
        )
        if is_ready:
            await self.until(ready_file.exists)
            ready = json.loads(ready_file.read_text())
            assert ready["pid"] == self.child.pid
            self.url = ready["url"]

    async def until(self, condition, timeout_s=15.0):
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline_s, self.log.read_text()
            assert self.child.returncode is None, self.log.read_text()
            await asyncio.sleep(0.02)

    async def create(self, key="k-1", **more):
        headers = {"x-api-key": api_key("ap"), "idempotency-key": key}
        async with httpx.AsyncClient(timeout=10) as client:
            return await client.post(f"{self.url}/buying/v1/orders", json=ORDER_BODY | more, headers=headers)

    async def get(self, path):
        async with httpx.AsyncClient(timeout=10) as client:
            return await client.get(self.url + path)

    async def stop(self, number=signal.SIGTERM):
        if self.child is not None and self.child.returncode is None:
            self.child.send_signal(number)
        return None if self.child is None else await self.child.wait()

    async def command(self, *words):
        """Exit status, standard output, standard error of another gateway command."""
        child = await asyncio.create_subprocess_exec(
            *GATEWAY, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, error = await child.communicate()
        return child.returncode, out.decode(), error.decode()


@asynccontextmanager
async def host(directory):
    double = ControlPlaneDouble()
    await double.start()
    erp = Erp()
    async with origin(erp) as running:
        it = Host(directory, double, erp, f"http://127.0.0.1:{running.port}/api")
        try:
            yield it
        finally:
            with contextlib.suppress(ProcessLookupError):
                await it.stop(signal.SIGKILL)
            await double.stop()


def test_a_life(tmp_path):
    """It enrols, runs the snapshot, says where it is, governs, ships, and ends on SIGTERM in time with status 0."""

    async def test():
        async with host(tmp_path) as it:
            it.publish()
            it.erp.post_answer = http(201, order())
            await it.start()
            assert (await it.get("/healthz")).status_code == 200
            assert (await it.get("/readyz")).status_code == 200
            metrics = (await it.get("/metrics")).text
            assert "waybill_snapshot_generation 1" in metrics
            assert "waybill_shipping_halted 0" in metrics
            assert "waybill_records_dropped_total 0" in metrics
            assert "waybill_backlog_bytes " in metrics
            assert (await it.create()).status_code == 201
            assert (await it.create()).headers["idempotency-replayed"] == "true"
            assert (await it.create("k-2", total="free")).status_code == 422
            assert f"Bearer {'p' * 32}".encode() in it.erp.posts[0].head
            started_s = time.monotonic()
            assert await it.stop() == 0
            assert time.monotonic() - started_s < 5
            kinds = [entry.kind for entry in it.double.entries]
            assert kinds == ["intent", "outcome", "exchange", "exchange", "exchange"]
            assert it.double.reports[0]["state"] == "ack"
            code, out, _ = await it.command("export", "--state-dir", str(it.state_dir))
            assert code == 0
            assert [json.loads(line)["kind"] for line in out.splitlines()] == kinds
            code, out, _ = await it.command("verify", "--state-dir", str(it.state_dir))
            assert (code, out.split(",")[0]) == (0, "gw-1/0/1: whole")

    run(test)


def test_starting_without_control_plane(tmp_path):
    """Enforcement goes on, and a restart with the control plane away runs the last good snapshot; records arrive
    when it is back."""

    async def test():
        async with host(tmp_path) as it:
            it.publish()
            it.erp.post_answer = http(201, order())
            await it.start()
            await it.double.stop()
            assert (await it.create("k-1")).status_code == 201
            assert await it.stop() == 0
            await it.start()
            assert (await it.create("k-2")).status_code == 201
            replay = await it.create("k-1")
            assert (replay.status_code, replay.headers.get("idempotency-replayed")) == (201, "true"), replay.text
            assert (await it.create("k-3", total="free")).status_code == 422
            await it.double.start()
            await it.until(lambda: len(it.double.entries) == 3 + 5)
            assert {name: chain.last for name, chain in it.double.streams.items()} == {"gw-1/0/1": 3, "gw-1/0/2": 5}

    run(test)


def test_killed_while_the_system_works(tmp_path):
    """SIGKILL after the system got the call: the next process finds the outcome in doubt and the look-up settles it;
    the client's retry gets the order, the system acted once."""

    async def test():
        async with host(tmp_path) as it:
            it.publish()
            it.erp.stalling = asyncio.Event()
            await it.start()
            call = asyncio.create_task(it.create())
            await it.until(lambda: it.erp.posts)
            it.erp.orders = [order()]
            assert await it.stop(signal.SIGKILL) == -signal.SIGKILL
            with pytest.raises(httpx.TransportError):
                await call
            it.erp.stalling.set()
            await it.start()
            for _ in range(200):
                retry = await it.create()
                if retry.status_code != 409:
                    break
                await asyncio.sleep(0.05)
            assert (retry.status_code, retry.json()) == (201, order())
            assert len(it.erp.posts) == 1
            code, out, _ = await it.command("verify", "--state-dir", str(it.state_dir))
            assert (code, out.count("whole")) == (0, 2)

    run(test)


def test_two_processes_on_one_state_directory(tmp_path):
    """The second one says who holds it, with status 1 and without a traceback; the first goes on."""

    async def test():
        async with host(tmp_path) as it:
            it.publish()
            await it.start()
            code, _, error = await it.command("--state-dir", str(it.state_dir), "--control-plane", it.double.url)
            assert code == 1
            assert f"in use by slot 0, process {it.child.pid}" in error
            assert "Traceback" not in error
            assert (await it.get("/readyz")).status_code == 200

    run(test)


def test_a_missing_secret_is_refused_and_told(tmp_path):
    """NACK names the secret and the remedy; the gateway listens and is not ready."""

    async def test():
        async with host(tmp_path) as it:
            it.secrets.write_text("{}")
            it.publish()
            await it.start(is_ready=False)
            await it.until(lambda: it.double.reports)
            (report,) = it.double.reports
            assert report["state"] == "nack"
            assert "erp-token" in report["detail"]
            assert not (it.directory / "ready.json").exists()
            assert await it.stop() == 0

    run(test)


def test_a_snapshot_that_is_too_old(tmp_path):
    """With a maximal age set, calls are refused once the control plane was away for so long, and served again after."""

    async def test():
        async with host(tmp_path) as it:
            it.publish()
            it.erp.post_answer = http(201, order())
            await it.start("--snapshot-max-age-s", "1")
            assert (await it.create("k-0")).status_code == 201
            await it.double.stop()
            for _ in range(100):
                answer = await it.create("k-1")
                if answer.status_code == 503:
                    break
                await asyncio.sleep(0.05)
            assert answer.json()["code"] == "snapshot-expired"
            assert (await it.get("/healthz")).status_code == 200
            assert (await it.get("/readyz")).status_code == 503
            await it.double.start()
            for _ in range(400):
                answer = await it.create("k-1")
                if answer.status_code == 201:
                    break
                await asyncio.sleep(0.05)
            assert answer.status_code == 201

    run(test)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 2, "--state-dir is missing (or WAYBILL_GATEWAY_STATE_DIR in the environment)"),
        (["--state-dir", "{dir}"], 2, "--control-plane is missing"),
        (["--state-dir", "{dir}", "--control-plane", "http://127.0.0.1:9"], 2, "has not enrolled yet"),
        (["--state-dir", "{dir}", "--control-plane", "{url}", "--port", "many"], 2, "a setting is wrong"),
        (["--state-dir", "{dir}", "--control-plane", "{url}", "--log-level", "loud"], 2, "--log-level"),
        (["--state-dir", "{dir}", "--control-plane", "{url}", "--enrolment-token", "used"], 1, "was used already"),
        (["--state-dir", "{dir}", "--control-plane", "{url}", "--secrets", "{dir}/no"], 2, "cannot be read"),
        (["--state-dir", "/proc/x", "--control-plane", "{url}", "--enrolment-token", "token-1"], 1, "cannot be kept"),
        (["export", "--state-dir", "{dir}"], 2, "holds no gateway state"),
        (["verify", "--state-dir", "{dir}"], 2, "holds no gateway state"),
    ],
)
def test_words_for_what_is_wrong(tmp_path, words, status, said):
    """One readable message on standard error, the promised exit status, no traceback."""

    async def test():
        async with host(tmp_path) as it:
            filled = [word.format(dir=tmp_path / "none", url=it.double.url) for word in words]
            code, _, error = await it.command(*filled)
            assert (code, "Traceback" in error) == (status, False), error
            assert said in error

    run(test)


def test_a_taken_port(tmp_path):
    """Status 1 and the address that could not be had."""

    async def test():
        async with host(tmp_path) as it:
            it.publish()
            taken = it.double.url.rpartition(":")[2]
            await it.start("--port", taken, is_ready=False)
            assert await it.child.wait() == 1
            text = it.log.read_text()
            assert f"cannot listen at 127.0.0.1:{taken}: Address already in use" in text
            assert "Traceback" not in text

    run(test)


def test_settings_from_the_environment(tmp_path):
    """Every option has a variable; the option wins."""

    async def test():
        async with host(tmp_path) as it:
            it.publish()
            ready_file = tmp_path / "ready"
            environment = {
                "WAYBILL_GATEWAY_ENROLMENT_TOKEN": "token-1",
                "WAYBILL_GATEWAY_NAME": "from-environment",
                "WAYBILL_GATEWAY_READY_FILE": str(ready_file),
                "WAYBILL_GATEWAY_STATE_DIR": "/proc/never",
                "WAYBILL_SECRET_ERP_TOKEN": SECRETS["erp-token"],
            }
            it.child = await it.spawn(environment=environment)
            await it.until(ready_file.exists)
            assert "from-environment-1/0/1" in it.log.read_text()

    run(test)


def test_verify_finds_what_was_changed(tmp_path):
    """A line changed in the state file: status 1 and the entry after it."""

    async def test():
        async with host(tmp_path) as it:
            it.publish()
            await it.start()
            for _ in range(3):
                await it.get("/nowhere")
            assert await it.stop() == 0
            with contextlib.closing(sqlite3.connect(it.state_dir / FILE)) as connection:
                (lines,) = connection.execute("SELECT lines FROM batch WHERE first = 2").fetchone()
                changed = lines.replace(b'"status":404', b'"status":200')
                assert changed != lines
                connection.execute("UPDATE batch SET lines = ? WHERE first = 2", (changed,))
                connection.commit()
            code, out, _ = await it.command("verify", "--state-dir", str(it.state_dir))
            assert code == 1
            assert "BROKEN: entry 3 does not continue the chain" in out

    run(test)
