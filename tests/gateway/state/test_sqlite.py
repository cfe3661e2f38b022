"""The SQLite store: the conformance suite, and what is its own: the disk, the lock, the bounds."""

import asyncio
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from catalog.errors import Conflict, Invalid, NotFound, Unavailable
from gateway.state.backlog import Retention
from gateway.state.group import Limits
from gateway.state.sqlite import FILE, SqliteStore
from gateway.state.store import CrossReference, ReconcilePlan
from tests.gateway.state.conformance import Conformance, entries
from tests.gateway.state.sample import answer, exchange, executed, intent, key, not_executed, run


class TestSqlite(Conformance):
    async def open(self, directory: Path, **options):
        return await SqliteStore.open(directory, "gw-1", 0, **options)

    def now_s(self) -> float:
        return time.time()


def test_streams_are_named_by_gateway_slot_and_epoch(tmp_path):
    """Each opening is an epoch of its own, counted per slot."""

    async def test():
        names = []
        for slot in (0, 0, 3, 0):
            store = await SqliteStore.open(tmp_path, "gw-1", slot)
            names.append(store.stream)
            await store.close()
        assert names == ["gw-1/0/1", "gw-1/0/2", "gw-1/3/1", "gw-1/0/3"]

    run(test)


def test_the_file_is_private_and_durable(tmp_path):
    """Answers of systems lie in it: nobody else may read it. Commits are synced."""

    async def test():
        store = await SqliteStore.open(tmp_path, "gw", 0)
        await store.append_durably(exchange("a"))
        for path in tmp_path.iterdir():
            assert path.stat().st_mode & 0o077 == 0, path
        assert store._writer._session._connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert store._writer._session._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        await store.close()

    run(test)


def test_a_second_process_is_refused(tmp_path):
    """Two processes on one state directory: the second says which one holds it, and does no harm."""
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from gateway.state.sqlite import SqliteStore\n"
        "asyncio.run(SqliteStore.open(Path(sys.argv[1]), 'gw', 0))\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout.readline() == "open\n"

        async def test():
            with pytest.raises(Conflict, match=f"in use by slot 0, process {child.pid}"):
                await SqliteStore.open(tmp_path, "gw", 0)

        run(test)
    finally:
        child.kill()
        child.communicate()

    async def afterwards():
        store = await SqliteStore.open(tmp_path, "gw", 0)
        assert store.stream == "gw/0/2"
        await store.close()

    run(afterwards)


def test_a_file_of_another_format_is_refused(tmp_path):
    """A newer release's file is left alone."""
    sqlite3.connect(tmp_path / FILE).execute("PRAGMA user_version=99").connection.close()

    async def test():
        with pytest.raises(Invalid, match="format 99"):
            await SqliteStore.open(tmp_path, "gw", 0)

    run(test)


def test_a_file_of_the_first_format_is_taken_over(tmp_path):
    """What an earlier release kept is there, its process is dead, and what it knew of objects has no trace."""

    async def before():
        store = await SqliteStore.open(tmp_path, "gw", 0)
        await store.begin(intent("a", key("a")))
        await store.finish(executed("a", (CrossReference("receipt", "R1", "mercy", "erp", "1" * 32, "2" * 16),)))
        await store.begin(intent("b", key("b")))
        await store.close()

    run(before)
    connection = sqlite3.connect(tmp_path / FILE)
    for column in ("stream DROP COLUMN died_us", *(f"cross_reference DROP COLUMN {n}_id" for n in ("trace", "span"))):
        connection.execute(f"ALTER TABLE {column}")
    connection.execute("PRAGMA user_version=1").connection.close()

    async def after():
        store = await SqliteStore.open(tmp_path, "gw", 0)
        assert [(await store.claim(key(name))).state for name in "ab"] == ["executed", "in_doubt"]
        assert await store.cross_references("receipt", "R1") == (CrossReference("receipt", "R1", "mercy", "erp"),)
        assert {item.stream for item in await store.pending(10)} == {"gw/0/1"}
        await store.close()

    run(after)


def test_a_damaged_file_is_reported(tmp_path):
    """No traceback, no new file over the old one."""
    (tmp_path / FILE).write_bytes(b"not a database, but long enough to look at" * 100)

    async def test():
        for _ in range(2):  # the lock was released again
            with pytest.raises(Unavailable, match="cannot be opened"):
                await SqliteStore.open(tmp_path, "gw", 0)

    run(test)


def test_a_full_disk_and_its_end(tmp_path):
    """SQLITE_FULL: who waits gets Unavailable, nothing half-written stays, an outcome that could not be written is
    written once there is room, and the chain has no gap."""

    async def test():
        store = await SqliteStore.open(tmp_path, "gw", 0, Limits(max_database_bytes=2_000_000), Retention(batch_s=0))
        await store.begin(intent("before", key("before")))
        accepted = 0
        with pytest.raises(Unavailable, match="refuses to write"):
            for n in range(3_000):
                await store.append_durably(exchange(f"r{n}", request_sha256="c" * 3_000))
                accepted += 1
        assert 100 < accepted < 3_000
        with pytest.raises(Unavailable):
            await store.begin(intent("b", key("b"), fingerprint="f" * 60_000))
        assert await store.claim(key("b")) is None
        lives = CrossReference("receipt", "R1", "mercy", "erp")
        with pytest.raises(Unavailable):
            await store.finish(executed("before", (lives,), body=b"x" * 60_000))
        assert await store.cross_references("receipt", "R1") == ()

        batch = await store.unshipped(1 << 30)
        assert batch.last >= accepted
        await store.shipped(store.stream, batch.last)
        assert await store.prune(time.time() + 10) > 0
        assert await store.begin(intent("b", key("b"), fingerprint="f" * 60_000)) is None
        await store.append_durably(exchange("after"))
        assert (await store.claim(key("before"))).state == "executed"
        assert await store.cross_references("receipt", "R1") == (lives,)
        await store.close()
        store = await SqliteStore.open(tmp_path, "gw", 0)
        assert len((await store.claim(key("before"))).answer.body) == 60_000
        await store.close()

    run(test)


def test_a_failing_write_does_not_spoil_its_group(tmp_path):
    """Writes that wait together with a bad one are committed all the same."""

    async def test():
        store = await SqliteStore.open(tmp_path, "gw", 0)
        results = await asyncio.gather(
            *(store.append_durably(exchange(f"a{n}")) for n in range(10)),
            store.shipped("no/such/stream", 5),
            *(store.append_durably(exchange(f"b{n}")) for n in range(10)),
            return_exceptions=True,
        )
        assert isinstance(results.pop(10), NotFound)
        assert results == [None] * 20
        names = [body.exchange_id for _, body in await entries(store)]
        assert [*(f"a{n}" for n in range(10)), *(f"b{n}" for n in range(10))] == names
        await store.close()

    run(test)


def test_unshipped_lines_are_bounded(tmp_path):
    """Beyond the bound mutating calls are refused and reads are still journalled; shipping ends it."""

    async def test():
        store = await SqliteStore.open(tmp_path, "gw", 0, Limits(max_backlog_bytes=5_000))
        with pytest.raises(Unavailable, match="waits to be shipped"):
            for n in range(100):
                await store.append_durably(exchange(f"r{n}"))
        with pytest.raises(Unavailable, match="waits to be shipped"):
            await store.begin(intent("a"))
        store.append(exchange("read"))
        await store.close()
        store = await SqliteStore.open(tmp_path, "gw", 0, Limits(max_backlog_bytes=5_000))
        with pytest.raises(Unavailable, match="waits to be shipped"):
            await store.begin(intent("a"))
        found = await entries(store)
        assert found[-1][1].exchange_id == "read"
        assert await store.begin(intent("a")) is None
        await store.close()

    run(test)


def test_the_queue_is_bounded(tmp_path):
    """More waiting writes than allowed are refused, records are dropped and counted, nothing blocks."""

    async def test():
        store = await SqliteStore.open(tmp_path, "gw", 0, Limits(max_waiting=50))
        results = await asyncio.gather(*(store.begin(intent(f"x{n}")) for n in range(500)), return_exceptions=True)
        refused = [result for result in results if result is not None]
        assert refused
        assert all(isinstance(error, Unavailable) for error in refused)
        for n in range(5_000):
            store.append(exchange(f"r{n}"))
        assert store.dropped_records > 0
        kept = 500 - len(refused) + 5_000 - store.dropped_records
        await store.close()
        store = await SqliteStore.open(tmp_path, "gw", 0)
        kinds = [kind for kind, _ in await entries(store)]
        assert kept == kinds.count("intent") + kinds.count("exchange")
        await store.close()

    run(test)


def test_a_caller_that_leaves_before_the_commit_leaves_no_doubt(tmp_path):
    """`begin` cancelled: nothing can have been sent, so the key is free again."""

    async def test():
        store = await SqliteStore.open(tmp_path, "gw", 0)
        task = asyncio.create_task(store.begin(intent("a", key())))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await store.begin(intent("b", key())) is None
        await store.close()
        store = await SqliteStore.open(tmp_path, "gw", 0)
        assert (await store.claim(key())).exchange_id == "b"
        states = {item.intent.entry.exchange_id: item.state for item in await store.pending(10)}
        assert states == {"a": "not_executed", "b": "in_doubt"}
        await store.close()

    run(test)


def test_memory_is_given_back(tmp_path):
    """Recorded exchanges leave the view of what is being written; calls without key leave no row behind."""

    async def test():
        store = await SqliteStore.open(tmp_path, "gw", 0)
        for n in range(100):
            await store.begin(intent(f"x{n}", key(str(n)) if n % 2 else None))
            await store.finish(executed(f"x{n}") if n % 3 else not_executed(f"x{n}"))
            store.append(exchange(f"x{n}"))
        await store.append_durably(exchange("last"))
        assert len(store._view) == 0
        assert store._reader.execute("SELECT count(*) FROM intent").fetchone() == (50,)
        await store.close()

    run(test)


def test_a_plan_survives(tmp_path):
    """The look-up that settles an outcome is kept as it was evaluated, answers with odd bytes too."""

    async def test():
        plan = ReconcilePlan(
            "receipts.list", "/receipts?id=R%201", "/items", {"/state": ["posted", 1, None, True]}, 12.5
        )
        store = await SqliteStore.open(tmp_path, "gw", 0)
        await store.begin(intent("a", key(), plan=plan))
        await store.begin(intent("b", key("b")))
        outcome = executed("b", body=b"\x00\xff\xfe")
        await store.finish(outcome)
        await store.close()
        store = await SqliteStore.open(tmp_path, "gw", 0)
        plans = {item.intent.entry.exchange_id: item.intent.reconcile for item in await store.pending(10)}
        assert {"a": plan, "b": None} == plans
        assert answer(201, b"\x00\xff\xfe") == (await store.claim(key("b"))).answer
        await store.close()

    run(test)
