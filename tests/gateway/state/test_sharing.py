"""Several processes over one PostgreSQL: races, kills, stalls, and a database that goes away and comes back."""

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from catalog.errors import Unavailable
from gateway import stream
from gateway.state import backlog
from gateway.state.postgres.schema import open_reader
from gateway.state.postgres.store import PostgresStore
from tests.gateway.state.sample import exchange, executed, intent, key, run
from tests.postgres import binaries, cluster

ROOT = Path(__file__).parents[3]
GROUP = "group north"
KILLS = 12


@pytest.fixture
def url(postgres):
    return postgres.database()


class Other:
    """Another process over the same state (`tests.gateway.state.sharing`)."""

    def __init__(self, what, url, gateway, slot=0, name="", lease_s=8.0):
        argv = [sys.executable, "-m", "tests.gateway.state.sharing", what, url, gateway, str(slot)]
        self.child = subprocess.Popen(
            [*argv, name or gateway, str(lease_s)], bufsize=0, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def hear(self):
        line = self.child.stdout.readline().decode().strip()
        assert line, "the process ended"
        return line

    def tell(self):
        self.child.stdin.write(b"\n")
        self.child.stdin.flush()

    def rest(self):
        """What it says until it ends by itself."""
        out, _ = self.child.communicate(timeout=60)
        assert self.child.returncode == 0
        return [line.decode().split() for line in out.splitlines()]

    def kill(self):
        """What it said before; a line cut off by the kill says nothing."""
        self.child.send_signal(signal.SIGKILL)
        out, _ = self.child.communicate()
        return [line.decode().split() for line in out.split(b"\n")[:-1]]


@pytest.fixture
def others():
    started = []

    def start(*arguments, **options):
        started.append(Other(*arguments, **options))
        return started[-1]

    yield start
    for other in started:
        if other.child.poll() is None:
            other.child.send_signal(signal.SIGCONT)
            other.child.kill()
        other.child.communicate()


def all_at_once(others, what, url, count=4):
    """`count` processes on two hosts, started on one signal; what each said."""
    racing = [others(what, url, f"north.{'ab'[n % 2]}", n // 2, name=f"p{n}") for n in range(count)]
    for other in racing:
        assert other.hear() == "open"
    for other in racing:
        other.tell()
    return [other.rest() for other in racing]


def check_streams(url):
    """Every chain is whole; the entries by kind and exchange id."""
    reader = open_reader(url)
    found = Counter()
    for name in backlog.streams(reader):
        lines = list(backlog.lines_of(reader, name))
        stream.check(lines)
        for line in lines:
            entry = json.loads(line)
            found[entry["kind"], entry["body"].get("exchange_id", "")] += 1
    reader.raw.close()
    return found


def test_one_of_four_processes_makes_each_call(url, others):
    """Four processes begin the same 200 calls at the same moment, each in its own order: for each key exactly one may
    go on, the others find it running, nobody waits for ever, and the streams hold exactly those 200 intents."""
    said = all_at_once(others, "race", url)
    mine = Counter(int(words[1]) for lines in said for words in lines if words[0] == "mine")
    assert mine == dict.fromkeys(range(200), 1)
    theirs = [words for lines in said for words in lines if words[0] == "theirs"]
    assert len(theirs) == 600
    # who ended early is dead, and then what it had begun is in doubt
    assert {words[2] for words in theirs} <= {"running", "in_doubt"}
    kinds = Counter(kind for kind, _ in check_streams(url).elements())
    assert kinds["intent"] == 200


def test_a_quota_is_exact_over_four_processes(url, others):
    """Four processes ask 400 times for a quota of 100 an hour: exactly 100 are let through."""
    said = all_at_once(others, "quota", url)
    assert sum(int(words[1]) for lines in said for words in lines) == 100


def test_nothing_acknowledged_is_lost(url, others):
    """Two processes write, one after the other is killed and started again: every begin and finish that returned is
    there, what was cut short is in doubt at once for the successor, no chain has a gap."""
    draw = random.Random(7)
    said = {}
    writing = {slot: others("write", url, "north.a", slot, name=f"s{slot}-0") for slot in (0, 1)}
    for life in range(1, KILLS + 1):
        slot = life % 2
        assert writing[slot].hear() == "open"
        writing[slot].hear()
        time.sleep(draw.uniform(0.0, 0.15))
        said |= {words[1]: words[0] for words in writing[slot].kill() if words[0] != "open"}
        writing[slot] = others("write", url, "north.a", slot, name=f"s{slot}-{life}")
    for other in writing.values():
        other.hear()
        said |= {words[1]: words[0] for words in other.kill() if words[0] != "open"}
    assert sum(word == "finished" for word in said.values()) > KILLS

    async def check():
        stores = [await PostgresStore.open(url, "north.a", slot, GROUP) for slot in (0, 1)]
        leader = stores[0]
        for _ in range(300):  # until the next beat: the dead process of slot 1 was the oldest
            if await leader.leads():
                break
            await asyncio.sleep(0.02)
        pending = await leader.pending(100_000)
        doubted = {item.intent.entry.exchange_id for item in pending if item.state == "in_doubt"}
        for name, word in said.items():
            claim = await leader.claim(key(name))
            assert claim is not None, name
            if word == "finished":
                assert claim.state in ("executed", "answered"), name
                assert claim.answer.body == name.encode()
            else:
                assert claim.state in ("executed", "answered") or name in doubted
        assert doubted, "no kill hit a running call: the test proves nothing"
        for store in stores:
            await store.close()
        return doubted

    doubted = asyncio.run(check())
    entries = check_streams(url)
    assert {entries["outcome", name] for name in doubted} == {1}


def test_a_stalled_process_is_fenced(url, others):
    """A process that stands still beyond its lease is dead to its group: its call comes into doubt, once, in the
    stream of another. When it goes on it can write nothing, and learns that it must end."""
    stalled = others("stall", url, "north.b", name="call", lease_s=1.0)
    assert stalled.hear() == "open"

    async def test():
        store = await PostgresStore.open(url, "north.a", 0, GROUP, lease_s=1.0)
        assert await asyncio.to_thread(stalled.hear) == "begun"
        assert (await store.claim(key("call"))).state == "running"
        await asyncio.sleep(1.5)  # alive for longer than a lease
        assert (await store.claim(key("call"))).state == "running"
        stalled.child.send_signal(signal.SIGSTOP)
        for _ in range(400):
            if (await store.claim(key("call"))).state == "in_doubt":
                break
            await asyncio.sleep(0.02)
        (item,) = [item for item in await store.pending(10) if item.state == "in_doubt"]
        assert (item.stream, item.needs_record) == ("north.b/0/1", True)
        stalled.child.send_signal(signal.SIGCONT)
        await asyncio.to_thread(stalled.tell)
        assert [await asyncio.to_thread(stalled.hear) for _ in range(2)] == ["refused", "lost"]
        assert (await store.claim(key("call"))).state == "in_doubt"
        await store.settle("call", executed("call"), exchange("call", is_reconciled=True), None)
        assert (await store.claim(key("call"))).state == "executed"
        await store.close()

    run(test)
    entries = check_streams(url)
    assert (entries["intent", "call"], entries["outcome", "call"], entries["exchange", "call"]) == (1, 2, 1)


async def order_on(store, worker, stop, told):
    """Begin and finish calls until `stop`; notes what was acknowledged."""
    for number in range(100_000):
        if stop.is_set():
            return
        name = f"{store.stream}-{worker}-{number}"
        try:
            await store.begin(intent(name, key(name)))
        except Unavailable:
            told[name] = "refused"
            await asyncio.sleep(0.01)
            continue
        told[name] = "begun"
        try:
            await store.finish(executed(name, body=name.encode()))
            told[name] = "finished"
        except Unavailable:
            told[name] = "unclear"
        store.append(exchange(name))


async def check_told(store, told):
    """What was acknowledged is there; what was told not to be written is not left running."""
    await store.append_durably(exchange("barrier"))
    states = Counter()
    for name, word in told.items():
        claim = await store.claim(key(name))
        states[word, None if claim is None else claim.state] += 1
    allowed = {("refused", None), ("refused", "not_executed"), ("finished", "answered"), ("unclear", "answered")}
    assert set(states) <= allowed, states
    return states


def test_connections_that_break_at_any_moment(url, caplog):
    """While two processes write, their sessions are cut off 60 times, also in the middle of commits: whatever was
    acknowledged is there once, whatever was refused is not left running, and the streams are whole. The log tells
    each break once, in the store's words."""

    async def cut(pause):
        admin = await psycopg.AsyncConnection.connect(url, autocommit=True)
        sql = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name = 'waybill-gateway' ORDER BY random() LIMIT 1"
        )
        for _ in range(60):
            await asyncio.sleep(pause.uniform(0.005, 0.06))
            await admin.execute(sql)
        await admin.close()

    async def test():
        stores = [await PostgresStore.open(url, f"north.{name}", 0, GROUP) for name in "ab"]
        stop, told = asyncio.Event(), [{} for _ in range(16)]
        working = [asyncio.create_task(order_on(stores[n % 2], n, stop, told[n])) for n in range(16)]
        await cut(random.Random(3))
        stop.set()
        await asyncio.gather(*working)
        words = Counter()
        for number, each in enumerate(told):
            words += await check_told(stores[number % 2], each)
        assert words["finished", "answered"] > 100
        assert sum(words.values()) > words["finished", "answered"], "no cut was felt: the test proves nothing"
        for store in stores:
            assert not store.lost.is_set()
            await store.close()

    run(test)
    assert [record.getMessage() for record in caplog.records if record.name == "psycopg"] == []
    entries = check_streams(url)
    doubled = {name for (kind, name), count in entries.items() if kind in ("intent", "outcome") and count > 1}
    assert doubled == set()
    begun = {name for kind, name in entries if kind == "intent"}
    assert begun == {name for kind, name in entries if kind == "outcome"}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_the_database_stopped_and_started_again(how):
    """While PostgreSQL is away calls are refused at once; when it is back everything goes on in the same epochs, what
    was decided meanwhile is written, and nobody is declared dead."""
    bin_dir = binaries()
    if bin_dir is None:
        pytest.skip("PostgreSQL: install its server (apt-get install postgresql-15)")

    async def refused(store):
        for _ in range(100):
            started_s = time.monotonic()
            try:
                await store.begin(intent(f"away{started_s}", key(f"away{started_s}")))
            except Unavailable:
                with pytest.raises(Unavailable):
                    await store.take(("q",), 1.0, 0.0, 0.0)
                with pytest.raises(Unavailable):
                    await store.claim(key("other"))
                with pytest.raises(Unavailable):
                    await store.doubtful("other")
                return
        raise AssertionError("nothing was refused")

    async def test(server, url):
        stores = [await PostgresStore.open(url, f"north.{name}", 0, GROUP, lease_s=1.5) for name in "ab"]
        stop, told = asyncio.Event(), [{} for _ in range(8)]
        working = [asyncio.create_task(order_on(stores[n % 2], n, stop, told[n])) for n in range(8)]
        await asyncio.sleep(0.3)
        assert await stores[0].begin(intent("open", key("open"))) is None
        await asyncio.to_thread(server.stop, how)
        for store in stores:
            await refused(store)
        with pytest.raises(Unavailable):
            await stores[0].finish(executed("open", body=b"decided"))
        stores[0].append(exchange("open"))
        await asyncio.sleep(2.0)  # longer than a lease
        await asyncio.to_thread(server.start)
        for _ in range(300):
            claim = await stores[1].claim(key("open"))
            if claim.state == "answered":
                break
            await asyncio.sleep(0.02)
        assert claim.answer.body == b"decided"
        await asyncio.sleep(0.5)
        stop.set()
        await asyncio.gather(*working)
        words = Counter()
        for number, each in enumerate(told):
            words += await check_told(stores[number % 2], each)
        assert words["finished", "answered"] > 50
        assert words["refused", None] > 0
        assert [store.stream for store in stores] == ["north.a/0/1", "north.b/0/1"]
        for store in stores:
            assert not store.lost.is_set()
            await store.close()

    with cluster(bin_dir) as server:
        url = server.database()
        run(lambda: test(server, url))
        check_streams(url)
