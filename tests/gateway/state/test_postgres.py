"""The PostgreSQL store: the conformance suite, and what is its own: several processes, leases, fences, outages."""

import asyncio
import time
from pathlib import Path

import psycopg
import pytest

from catalog.errors import Conflict, Invalid, NotFound, Unavailable
from gateway import stream
from gateway.state import backlog
from gateway.state.group import Limits
from gateway.state.postgres.schema import open_reader
from gateway.state.postgres.store import PostgresStore
from gateway.state.store import CrossReference
from tests.gateway.state.conformance import Conformance, entries
from tests.gateway.state.sample import attention, exchange, executed, in_doubt, intent, key, not_executed, run

GROUP = "group north"


class TestPostgres(Conformance):
    @pytest.fixture(autouse=True)
    def _database(self, postgres):
        self.url = postgres.database()

    async def open(self, directory: Path, **options):
        return await PostgresStore.open(self.url, "gw-1", 0, **options)

    def now_s(self) -> float:
        return time.time()


@pytest.fixture
def url(postgres):
    return postgres.database()


async def pair(url, **options):
    """Two gateways of one group."""
    return [await PostgresStore.open(url, name, 0, GROUP, **options) for name in ("north.a", "north.b")]


async def until(condition, timeout_s=10.0):
    deadline_s = time.monotonic() + timeout_s
    while not (found := await condition()):
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.02)
    return found


def rows(url, sql):
    with psycopg.connect(url) as connection:
        connection.execute("SET search_path TO waybill_gateway")
        return connection.execute(sql.encode()).fetchall()


def test_a_claim_of_one_process_binds_all(url):
    """Another process sees a running call as running, gets its answer once it is there, and takes the key over when
    nothing was done, before the first one's record as after it."""

    async def test():
        first, second = await pair(url)
        assert await first.begin(intent("a", key())) is None
        assert (await second.begin(intent("b", key(), "other"))).exchange_id == "a"
        assert (await second.claim(key())).state == "running"
        await first.finish(executed("a"))
        assert (await second.begin(intent("c", key()))).answer.body == b'{"id":"R1"}'

        await first.begin(intent("d", key("again")))
        await first.finish(not_executed("d"))
        assert await second.begin(intent("e", key("again"))) is None
        assert (await first.claim(key("again"))).state == "not_executed"  # what this process itself still writes
        first.append(exchange("d", executed="no", status=502))
        await first.append_durably(exchange("barrier"))
        assert (await first.claim(key("again"))).exchange_id == "e"
        assert (await first.begin(intent("f", key("again")))).exchange_id == "e"
        await second.close()
        await first.close()

    run(test)


def test_one_key_taken_over_at_once(url):
    """Of many calls in two processes that find a call not executed, exactly one takes its key."""

    async def test():
        first, second = await pair(url)
        for number in range(20):
            await first.begin(intent(f"a{number}", key(str(number))))
            await first.finish(not_executed(f"a{number}"))
        for number in range(20):
            begun = await asyncio.gather(
                *(store.begin(intent(f"{store.stream}{number}", key(str(number)))) for store in (first, second))
            )
            assert begun.count(None) == 1
        await second.close()
        await first.close()

    run(test)


def test_who_leads(url):
    """One living process of the group leads it, one of each gateway listens; the next one does when it has ended. Only
    a leader sees what is in doubt, and ships what a dead process left."""

    async def test():
        first, second = await pair(url, lease_s=0.8)
        assert [await store.leads() for store in (first, second)] == [True, False]
        assert [await store.listens() for store in (first, second)] == [True, True]
        await first.append_durably(exchange("left"))
        await second.append_durably(exchange("own"))
        assert (await second.unshipped(1 << 20)).stream == second.stream
        await second.begin(intent("a"))
        await second.finish(in_doubt("a"))
        assert len(await first.pending(10)) == 1
        assert await second.pending(10) == []
        await first.begin(intent("b", key("b")))
        await first.close()
        await until(second.leads)
        assert (await second.unshipped(1 << 20)).stream == first.stream
        assert {item.intent.entry.exchange_id for item in await second.pending(10)} == {"a", "b"}
        assert (await second.claim(key("b"))).state == "in_doubt"
        await second.close()

    run(test)


def test_settled_by_another_process(url):
    """What one process left in doubt can be settled by another, once."""

    async def test():
        first, second = await pair(url)
        await first.begin(intent("a", key()))
        await first.finish(in_doubt("a"))
        first.append(exchange("a", executed="unknown", status=504))
        await first.open_attention(attention("a"))
        settled = attention("a", state="settled", resolution="executed")
        results = await asyncio.gather(
            *(store.settle("a", executed("a"), exchange("a"), settled) for store in (first, second, second, first))
        )
        assert sorted(results) == [False, False, False, True]
        assert (await first.claim(key())).state == (await second.claim(key())).state == "executed"
        assert (await second.attention_of("a")) is None
        await second.close()
        await first.close()

    run(test)


def test_cross_references_are_everybodys(url):
    """What one process learnt another one knows; text that PostgreSQL cannot hold is found again all the same."""

    async def test():
        first, second = await pair(url)
        odd = CrossReference("receipt", "R\x001", "mercy", "erp", "1" * 32, "2" * 16)
        await first.begin(intent("a"))
        await first.finish(executed("a", (odd,)))
        (found,) = await second.cross_references("receipt", "R\x001")
        assert (found.entity, found.system, found.trace_id, found.span_id) == ("mercy", "erp", "1" * 32, "2" * 16)
        await second.close()
        await first.close()

    run(test)


def test_a_slot_is_taken_once(url):
    """A second process of the same slot is refused with a word about what to do, and fences nobody."""

    async def test():
        first = await PostgresStore.open(url, "gw", 0, GROUP)
        with pytest.raises(Conflict, match=r"slot 0 of gateway gw is in use.*--slot"):
            await PostgresStore.open(url, "gw", 0, GROUP, patience_s=0.3)
        other = await PostgresStore.open(url, "gw", 1, GROUP)
        assert [store.stream for store in (first, other)] == ["gw/0/1", "gw/1/1"]
        await first.append_durably(exchange("a"))
        await other.close()
        await first.close()

    run(test)


def test_whose_state_it_is(url):
    """A gateway that does not belong to the group is refused; so is a database of another format, and no database."""

    async def test():
        first = await PostgresStore.open(url, "north.a", 0, GROUP)
        with pytest.raises(Invalid, match=r"holds the state of group north.*--group"):
            await PostgresStore.open(url, "south.a", 0, "group south")
        await first.close()
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE waybill_gateway.state SET version = 99")
        with pytest.raises(Invalid, match="format 99"):
            await PostgresStore.open(url, "north.a", 0, GROUP)
        with pytest.raises(Unavailable, match="cannot be reached"):
            await PostgresStore.open("postgresql://waybill@127.0.0.1:1/x", "north.a", 0, GROUP)
        with pytest.raises(Invalid, match="no PostgreSQL URL"):
            await PostgresStore.open("postgresql://waybill@127.0.0.1/x?nonsense=1", "north.a", 0, GROUP)

    run(test)


def test_tables_are_made_once(url):
    """Several processes that find an empty database at the same moment all start."""

    async def test():
        stores = await asyncio.gather(*(PostgresStore.open(url, "gw", slot, GROUP) for slot in range(4)))
        assert sorted(store.stream for store in stores) == [f"gw/{slot}/1" for slot in range(4)]
        for store in stores:
            await store.close()

    run(test)


def test_a_generation_runs_when_all_processes_run_it(url):
    """Of a gateway's processes the last to swap reports; other gateways of the group do not count."""

    async def test():
        first = await PostgresStore.open(url, "north.a", 0, GROUP)
        second = await PostgresStore.open(url, "north.a", 1, GROUP)
        other = await PostgresStore.open(url, "north.b", 0, GROUP)
        assert not await first.note_generation(7)
        assert await second.note_generation(7)
        assert not await second.note_generation(9)
        assert await other.note_generation(7)
        await first.close()
        assert await second.note_generation(9)
        for store in (second, other):
            await store.close()

    run(test)


def test_unshipped_lines_of_the_group_are_bounded(url):
    """What all processes together have not shipped counts for each; shipping ends it."""

    async def test():
        first, second = await pair(url, limits=Limits(max_backlog_bytes=5_000), lease_s=0.8)
        with pytest.raises(Unavailable, match="waits to be shipped"):
            for n in range(100):
                await first.append_durably(exchange(f"r{n}"))

        async def is_refused():
            try:
                await second.begin(intent(f"b{time.monotonic_ns()}"))
            except Unavailable:
                return True
            return False

        await until(is_refused)
        batch = await first.unshipped(1 << 20)
        await first.shipped(batch.stream, batch.last)
        assert await first.begin(intent("a")) is None

        async def is_free():
            return not await is_refused()

        await until(is_free)
        await second.close()
        await first.close()

    run(test)


def test_a_failing_write_does_not_spoil_its_group(url):
    """Writes that wait together with a bad one are committed all the same."""

    async def test():
        store = await PostgresStore.open(url, "gw", 0)
        results = await asyncio.gather(
            *(store.append_durably(exchange(f"a{n}")) for n in range(10)),
            store.shipped("no/such/stream", 5),
            *(store.append_durably(exchange(f"b{n}")) for n in range(10)),
            return_exceptions=True,
        )
        assert isinstance(results.pop(10), NotFound)
        assert results == [None] * 20
        assert len(await entries(store)) == 20
        await store.close()

    run(test)


def test_memory_and_rows_are_given_back(url):
    """Recorded exchanges leave the view; calls without key leave no row behind; buckets that are full again go."""

    async def test():
        store = await PostgresStore.open(url, "gw", 0)
        for n in range(60):
            await store.begin(intent(f"x{n}", key(str(n)) if n % 2 else None))
            await store.finish(executed(f"x{n}") if n % 3 else not_executed(f"x{n}"))
            store.append(exchange(f"x{n}"))
        await store.append_durably(exchange("last"))
        assert len(store._view) == 0
        await store.take(("soon", "full"), 0.001, 0.0, 0.0)
        await store.take(("long", "empty"), 3_600.0, 0.0, 0.0)
        await asyncio.sleep(0.05)
        await store.prune(time.time())
        await store.close()
        assert rows(url, "SELECT count(*) FROM intent") == [(30,)]
        assert rows(url, "SELECT bucket FROM quota") == [('["long","empty"]',)]

    run(test)


def test_quotas_by_the_database_clock(url):
    """Bursts, waits and refill as in memory; the wait is told, a refusal takes nothing."""

    async def test():
        store = await PostgresStore.open(url, "gw", 0)
        taken = await asyncio.gather(*(store.take(("q",), 10.0, 90.0, 0.0) for _ in range(12)))
        assert [wait_s == 0.0 for wait_s, _ in taken] == [True] * 10 + [False] * 2
        assert taken[9][1] == pytest.approx(100.0)
        assert 9.0 < taken[10][0] <= 10.0 + 1e-6
        assert (await store.take(("q",), 10.0, 90.0, 0.0))[0] == pytest.approx(taken[10][0], abs=1.0)
        assert (await store.take(("other",), 10.0, 90.0, 0.0))[0] == 0.0
        for _ in range(2):
            assert (await store.take(("quick",), 1.0, 0.0, 0.0))[0] == 0.0
            assert (await store.take(("quick",), 1.0, 0.0, 0.0))[0] > 0.0
            await asyncio.sleep(1.1)
        await store.close()

    run(test)


def test_streams_can_be_read_apart(url):
    """Without a store of one's own: every stream with its lines, each chain whole."""

    async def test():
        for store in await pair(url):
            for n in range(5):
                await store.append_durably(exchange(f"{store.stream}-{n}"))
            await store.close()

    run(test)
    reader = open_reader(url)
    names = backlog.streams(reader)
    assert names == ["north.a/0/1", "north.b/0/1"]
    assert [stream.check(backlog.lines_of(reader, name)).last for name in names] == [5, 5]
    reader.raw.close()
