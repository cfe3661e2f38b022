"""Several processes behind one port, as real processes: start, kill, stop, and the end of the supervisor itself."""

import asyncio
import json
import os
import signal
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from gateway.supervisor import MOST_FAILURES
from tests.exposition import read
from tests.gateway.state.sample import run
from tests.gateway.test_main import host, http, order


@pytest.fixture
def url(postgres):
    return postgres.database()


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid):
    with suppress(ProcessLookupError, FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


@asynccontextmanager
async def supervised(tmp_path, url, *options):
    async with host(tmp_path) as it:
        it.publish()
        it.erp.post_answer = http(201, order())
        await it.start("--state-url", url, "--processes", "2", *options)
        yield it  # whatever is left ends with its supervisor


def test_a_life(tmp_path, url):
    """Both processes answer at one port under streams of their own; a retry at either is the first call's answer;
    export and verify read the shared state; SIGTERM ends all of them in order."""

    async def test():
        async with supervised(tmp_path, url) as it:
            pids = children(it.child.pid)
            assert len(pids) == 2
            first = await it.create()
            answers = [await it.create() for _ in range(8)]
            assert {answer.status_code for answer in [first, *answers]} == {201}
            assert {answer.headers["idempotency-replayed"] for answer in answers} == {"true"}
            assert len(it.erp.posts) == 1
            await it.until(lambda: len(it.double.streams) > 0)
            assert await it.stop() == 0
            assert not any(is_running(pid) for pid in pids)
            status, out, _ = await it.command("verify", "--state-url", url)
            assert status == 0
            assert {line.split(":")[0].split("/")[1] for line in out.splitlines()} == {"0", "1"}
            assert "BROKEN" not in out
            status, out, _ = await it.command("export", "--state-url", url)
            kinds = [json.loads(line)["kind"] for line in out.splitlines()]
            assert (status, kinds.count("intent"), kinds.count("exchange")) == (0, 1, 9)

    run(test)


def test_a_process_that_died_is_started_again(tmp_path, url):
    """While one process is down the other answers; a new one takes its place and the next epoch of its slot."""

    async def test():
        async with supervised(tmp_path, url) as it:
            before = children(it.child.pid)
            os.kill(before[0], signal.SIGKILL)
            async with httpx.AsyncClient(timeout=10) as client:
                for _ in range(10):
                    assert (await client.get(f"{it.url}/healthz")).status_code == 200
            await it.until(lambda: len(set(children(it.child.pid)) - {before[0]}) == 2)
            assert before[1] in children(it.child.pid)
            await it.until(lambda: "/2\n" in it.log.read_text() and "is started again" in it.log.read_text())
            assert await it.stop() == 0

    run(test)


def test_children_end_with_their_supervisor(tmp_path, url):
    """A supervisor that is killed takes its children along, and another one can take the port at once."""

    async def test():
        async with supervised(tmp_path, url) as it:
            pids = children(it.child.pid)
            port = it.url.rsplit(":", 1)[1]
            it.child.send_signal(signal.SIGKILL)
            await it.child.wait()
            await it.start("--state-url", url, "--processes", "2", "--port", port)
            assert it.url.endswith(port)
            assert not any(is_running(pid) for pid in pids)
            assert (await it.create()).status_code == 201
            assert await it.stop() == 0

    run(test)


def exchanges(families):
    """Counted exchanges by slot."""
    by_slot = {}
    for (_, labels), count in families["waybill_exchanges_total"].samples.items():
        slot = dict(labels)["waybill_slot"]
        by_slot[slot] = by_slot.get(slot, 0) + count
    return by_slot


def answering(families):
    samples = families["waybill_gateway_process_up"].samples
    return {dict(labels)["waybill_slot"]: up for (_, labels), up in samples.items()}


def test_a_scrape_tells_of_all_processes(tmp_path, url):
    """Whichever process a scrape reaches, the counts of all slots are there and add up to what was sent; one that is
    down is said to be, keeps the others neither from answering nor from being ready, and is told again once it is back;
    what it counted before is gone with it."""

    async def test():
        async with supervised(tmp_path, url) as it:

            async def scrape():
                return read((await it.get("/metrics")).text)

            for pid in children(it.child.pid):  # while one is held, the other gets the calls
                os.kill(pid, signal.SIGSTOP)
                answers = await asyncio.gather(*(it.get("/nowhere") for _ in range(20)))
                assert {answer.status_code for answer in answers} == {404}
                os.kill(pid, signal.SIGCONT)
            for _ in range(100):  # a refused read is counted after its answer
                if exchanges(await scrape()) == {"0": 20, "1": 20}:
                    break
                await asyncio.sleep(0.05)
            for _ in range(6):
                families = await scrape()
                assert exchanges(families) == {"0": 20, "1": 20}
                assert answering(families) == {"0": 1, "1": 1}
                slots = {dict(labels)["waybill_slot"] for _, labels in families["waybill_snapshot_generation"].samples}
                assert slots == {"0", "1"}
            assert (await it.get("/readyz")).text.startswith("snapshot ")

            stopped = children(it.child.pid)[0]
            os.kill(stopped, signal.SIGSTOP)
            families = await scrape()
            assert sorted(answering(families).values()) == [0, 1]
            (left,) = exchanges(families)
            assert (await it.get("/readyz")).status_code == 200
            os.kill(stopped, signal.SIGKILL)
            await it.until(lambda: len(set(children(it.child.pid)) - {stopped}) == 2)
            async with asyncio.timeout(20):
                while sorted(answering(families).values()) != [1, 1]:
                    families = await scrape()
            assert exchanges(families) == {left: 20}
            assert await it.stop() == 0

    run(test)


def test_readiness_is_that_of_all_processes(tmp_path, url):
    """Without a snapshot none is ready and the scrape says so of each; with one published all become ready."""

    async def test():
        async with host(tmp_path) as it:
            await it.start("--state-url", url, "--processes", "2", is_ready=False)
            await it.until(lambda: it.log.read_text().count("listening at") == 2)
            it.url = it.log.read_text().split("listening at ")[1].split()[0]
            assert {(await it.get("/readyz")).status_code for _ in range(6)} == {503}
            assert {(await it.get("/healthz")).status_code for _ in range(6)} == {200}
            it.publish()
            await it.until((it.directory / "ready.json").exists, 30)
            assert {(await it.get("/readyz")).status_code for _ in range(6)} == {200}
            assert await it.stop() == 0

    run(test)


def test_a_process_that_never_starts_is_given_up(tmp_path):
    """No database where the state should be: some tries, one line that says so, status 1, no traceback."""

    async def test():
        async with host(tmp_path) as it:
            await it.start("--state-url", "postgresql://127.0.0.1:9/none", "--processes", "2", is_ready=False)
            assert await asyncio.wait_for(it.child.wait(), 120) == 1
            text = it.log.read_text()
            assert text.count("giving up") == 1
            assert text.count("cannot be reached") >= MOST_FAILURES
            assert "Traceback" not in text

    run(test)


def test_what_cannot_run_says_so(tmp_path, url):
    """Several processes over SQLite, a URL of another database, another group's state: one message, no traceback, and
    no try again where that would not help."""

    async def test():
        async with host(tmp_path) as it:
            it.publish()
            token = ("--enrolment-token", "token-1")
            where = ("--state-dir", str(it.state_dir), "--control-plane", it.double.url, *token)
            status, _, error = await it.command("run", *where, "--processes", "2")
            assert (status, error.count("\n")) == (2, 1)
            assert "--state-url" in error
            status, _, error = await it.command("run", *where, "--state-url", "mysql://somewhere")
            assert (status, "postgresql://" in error) == (2, True)
            status, _, error = await it.command("verify", "--state-url", url)
            assert (status, error) == (2, "gateway: this database holds no gateway state\n")

            await it.start("--state-url", url)
            assert await it.stop() == 0
            it.double.tokens.add("token-2")
            where = ("--state-dir", str(it.directory / "other"), "--control-plane", it.double.url, "--name", "other")
            where += ("--enrolment-token", "token-2")
            status, _, error = await asyncio.wait_for(it.command("run", *where, "--state-url", url), 20)
            assert status == 2
            assert "waybill gateway token NAME --group GROUP" in error

    run(test)
