"""Synchronisation with the control plane over real sockets: enrolment, snapshots, shipping, commands."""

import asyncio
import os
import time
from contextlib import asynccontextmanager

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.errors import Invalid, Unauthorized, Unavailable
from catalog.record import AckEntry
from gateway.backoff import Backoff
from gateway.state.sqlite import SqliteStore
from gateway.sync import enrolment
from gateway.sync.client import Command, ControlPlane
from gateway.sync.command import Commander
from gateway.sync.shipping import Shipper
from gateway.sync.snapshot import Puller, Shelf
from gateway.sync.task import keep
from tests.gateway.double import ControlPlaneDouble
from tests.gateway.state.sample import exchange, run

FAST = {"base_s": 0.01, "cap_s": 0.05}


@asynccontextmanager
async def doubled():
    double = ControlPlaneDouble()
    await double.start()
    client = ControlPlane(double.url, "wbg_test")
    try:
        yield double, client
    finally:
        await client.close()
        await double.stop()


async def until(condition, timeout_s=10.0):
    """Wait for what must come true."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "it did not come true in time"
        await asyncio.sleep(0.01)


def puller(double, client, directory, swapped, compile_=lambda manifest, blobs: (manifest.generation, blobs)):
    return Puller(client, Shelf(directory), double.key.public_key(), compile_, swapped.append, wait_s=0.1)


PARTS = {"entity/mercy": {"entity": "mercy"}, "system/erp": {"system": "erp"}, "slo/late": {"slo": "late"}}


def test_enrolment_is_kept_private_and_works_once(tmp_path):
    """A token gives a credential, kept in a 0600 file; a second use is refused in words."""

    async def test():
        async with doubled() as (_, client):
            enrolled = await enrolment.enrol(client, tmp_path / "state", "token-1", "gw")
            assert (enrolled.gateway, enrolled.credential, enrolled.pepper) == ("gw-1", "wbg_test", b"p" * 32)
            assert (tmp_path / "state" / enrolment.FILE).stat().st_mode & 0o777 == 0o600
            assert enrolment.load(tmp_path / "state") == enrolled
            with pytest.raises(Unauthorized, match="used already"):
                await enrolment.enrol(client, tmp_path / "other", "token-1", "gw")
        assert enrolment.load(tmp_path / "other") is None

    run(test)


def test_a_careless_or_damaged_enrolment_is_refused(tmp_path):
    """A file that others may read, or that makes no sense, is not used."""
    path = tmp_path / enrolment.FILE
    path.write_text("{}")
    path.chmod(0o644)
    with pytest.raises(Invalid, match="mode must be 0600"):
        enrolment.load(tmp_path)
    path.chmod(0o600)
    with pytest.raises(Invalid, match="damaged"):
        enrolment.load(tmp_path)


def test_a_new_generation_is_swapped_in_and_acknowledged(tmp_path):
    """Only blobs that are missing are fetched, none that a gateway does not need; ACK follows the swap."""

    async def test():
        async with doubled() as (double, client):
            swapped = []
            pulled = puller(double, client, tmp_path, swapped)
            double.publish(PARTS)
            await pulled.pull()
            ((generation, blobs),) = swapped
            assert (generation, pulled.generation, len(blobs)) == (1, 1, 2)
            assert (double.reports[-1]["generation"], double.reports[-1]["state"]) == (1, "ack")
            double.calls.clear()
            double.publish(PARTS | {"entity/mercy": {"entity": "mercy", "name": "Mercy"}})
            await pulled.pull()
            assert pulled.generation == 2
            assert sum(call.startswith("GET /blobs/") for call in double.calls) == 1
            assert len(list((tmp_path / "blobs").iterdir())) == 2

    run(test)


def test_what_is_known_is_not_read_from_disk_but_stays_there(tmp_path):
    """Blobs that the gateway has compiled are not handed over again; one that vanished is fetched all the same."""

    async def test():
        async with doubled() as (double, client):
            swapped = []
            pulled = puller(double, client, tmp_path, swapped)
            double.publish(PARTS)
            await pulled.pull()
            first = set(swapped[0][1])
            pulled.known = lambda: first
            double.publish(PARTS | {"entity/north": {"entity": "north"}})
            await pulled.pull()
            assert len(swapped[1][1]) == 1 and not first & set(swapped[1][1])
            gone = next(iter(first))
            (tmp_path / "blobs" / gone).unlink()
            double.publish(PARTS | {"entity/south": {"entity": "south"}})
            await pulled.pull()
            assert gone in swapped[2][1]
        assert await puller(double, client, tmp_path, swapped).load()

    run(test)


def test_the_last_good_snapshot_starts_without_control_plane(tmp_path):
    """A gateway whose control plane is away runs what it ran last; a damaged blob on disk is noticed."""

    async def test():
        async with doubled() as (double, client):
            double.publish(PARTS)
            await puller(double, client, tmp_path, []).pull()
        swapped = []
        restarted = puller(double, client, tmp_path, swapped)
        assert await restarted.load()
        assert (swapped[0][0], restarted.generation) == (1, 1)
        next((tmp_path / "blobs").iterdir()).write_bytes(b"tampered")
        assert not await puller(double, client, tmp_path, swapped).load()
        assert len(swapped) == 1
        assert not await puller(double, client, tmp_path / "empty", swapped).load()

    run(test)


async def refused(tmp_path, spoil, reason, compile_=None):
    """Generation 1 runs, `spoil` publishes something bad: NACK with the reason, generation 1 goes on."""
    async with doubled() as (double, client):
        swapped = []
        pulled = puller(double, client, tmp_path, swapped, **({"compile_": compile_} if compile_ else {}))
        double.publish(PARTS, generation=5)
        await pulled.pull()
        spoil(double)
        double.calls.clear()
        for _ in range(3):
            await pulled.pull()
        assert (len(swapped), pulled.generation) == (1, 5)
        (nack,) = double.reports[1:]
        assert nack["state"] == "nack"
        assert reason in nack["detail"]
        assert len(double.calls) <= 8, "a refused generation must not be fetched again and again"
        restarted = puller(double, client, tmp_path, swapped)
        assert await restarted.load()
        assert restarted.generation == 5
        double.publish(PARTS | {"entity/new": {}}, generation=9)
        await pulled.pull()
        assert pulled.generation == 9


def test_a_tampered_blob_is_refused(tmp_path):
    def spoil(double):
        double.publish(PARTS | {"entity/mercy": {"entity": "x"}})
        double.blobs = {sha256: content + b" " for sha256, content in double.blobs.items()}

    run(lambda: refused(tmp_path, spoil, "not what its hash says"))


def test_a_missing_blob_is_refused(tmp_path):
    def spoil(double):
        known = set(double.blobs)
        double.publish(PARTS | {"entity/mercy": {"entity": "x"}})
        for sha256 in set(double.blobs) - known:
            del double.blobs[sha256]

    run(lambda: refused(tmp_path, spoil, "is not to be had"))


def test_a_foreign_signature_is_refused(tmp_path):
    """Signed by another key than the pinned one: not even looked at."""
    run(lambda: refused(tmp_path, lambda double: double.publish(PARTS, key=Ed25519PrivateKey.generate()), "signature"))


def test_an_older_generation_is_refused(tmp_path):
    """No way back unasked, even with a valid signature."""
    run(lambda: refused(tmp_path, lambda double: double.publish(PARTS, generation=3), "no way back"))


def test_what_does_not_compile_is_refused(tmp_path):
    """Whatever the compiler raises becomes the reason."""

    def compile_(manifest, blobs):
        if manifest.generation == 6:
            raise KeyError("a bug")
        return manifest.generation, blobs

    run(lambda: refused(tmp_path, lambda double: double.publish(PARTS), "KeyError", compile_))


def test_a_refused_offer_is_asked_for_ever_less(tmp_path):
    """A control plane that offers the same bad manifest at once, whatever it is asked, is not polled in a tight loop:
    pauses grow to a bound, and end with the first good one."""

    async def test():
        async with doubled() as (double, client):
            shelf = Shelf(tmp_path)
            pulled = Puller(client, shelf, double.key.public_key(), lambda *_: None, lambda _: None, wait_s=0.1)
            double.publish(PARTS, generation=0, key=Ed25519PrivateKey.generate())
            bad = double.signed
            double.refuse = lambda method, path: (200, msgspec.json.encode(bad)) if path == "/snapshot" else None
            polling = asyncio.create_task(keep("snapshot", pulled.pull))
            await asyncio.sleep(1.5)
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)
            assert 1 <= double.calls.count("GET /snapshot") <= 7
            pauses = [await pulled.pull() for _ in range(12)]
            assert min(pauses) >= 0.1 and max(pauses) <= 30 and pauses[-1] >= 6
            double.refuse = lambda method, path: None
            double.publish(PARTS, generation=4)
            assert (await pulled.pull(), pulled.generation) == (0.0, 4)

    run(test)


def test_an_outage_while_fetching_is_no_refusal(tmp_path):
    """The control plane going away half-way is tried again, not reported as a bad snapshot."""

    async def test():
        async with doubled() as (double, client):
            swapped = []
            pulled = puller(double, client, tmp_path, swapped)
            double.publish(PARTS)
            double.refuse = lambda method, path: (503, b"{}") if path.startswith("/blobs") else None
            with pytest.raises(Unavailable):
                await pulled.pull()
            assert double.reports == []
            double.refuse = lambda method, path: None
            await pulled.pull()
            assert pulled.generation == 1

    run(test)


def test_age_counts_from_the_last_confirmation(tmp_path):
    """304 confirms that the running snapshot is the newest, and the moment survives a restart."""

    async def test():
        async with doubled() as (double, client):
            pulled = puller(double, client, tmp_path, [])
            double.publish(PARTS)
            await pulled.pull()
            os.utime(tmp_path / "manifest.json", (1_000, 1_000))
            assert pulled.age_s() > 1_000_000
            restarted = puller(double, client, tmp_path, [])
            assert restarted.age_s() == 0
            await restarted.load()
            assert restarted.age_s() > 1_000_000
            await pulled.pull()
            assert pulled.age_s() < 5

    run(test)


def test_swaps_under_a_busy_loop_do_not_stop_it(tmp_path):
    """Compiling runs beside the loop: the loop's longest pause stays far below the compile time."""

    async def test():
        async with doubled() as (double, client):

            def slow(manifest, blobs):
                time.sleep(0.5)
                return manifest

            pulled = puller(double, client, tmp_path, [], slow)
            double.publish(PARTS)
            task = asyncio.create_task(pulled.pull())
            longest_s, last_s = 0.0, time.monotonic()
            while not task.done():
                await asyncio.sleep(0.001)
                longest_s, last_s = max(longest_s, time.monotonic() - last_s), time.monotonic()
            await task
            assert longest_s < 0.4

    run(test)


def test_everything_arrives_after_an_outage(tmp_path):
    """With the control plane away records pile up; when it is back all arrive once, in order, over a restart."""

    async def test():
        async with doubled() as (double, client):
            store = await SqliteStore.open(tmp_path, "gw", 0)
            task = asyncio.create_task(keep("shipping", Shipper(client, store, 0.01).ship, Backoff(**FAST)))
            for n in range(50):
                store.append(exchange(f"a{n}"))
            await until(lambda: len(double.entries) == 50)
            await double.stop()
            for n in range(50):
                await store.append_durably(exchange(f"b{n}"))
            task.cancel()
            await store.close()
            store = await SqliteStore.open(tmp_path, "gw", 0)
            task = asyncio.create_task(keep("shipping", Shipper(client, store, 0.01).ship, Backoff(**FAST)))
            await store.append_durably(exchange("c"))
            await asyncio.sleep(0.1)
            assert len(double.entries) == 50
            await double.start()
            await until(lambda: len(double.entries) == 101)
            assert {name: chain.last for name, chain in double.streams.items()} == {"gw/0/1": 100, "gw/0/2": 1}
            task.cancel()
            await store.close()

    run(test)


def test_an_answer_that_was_lost_is_no_double(tmp_path):
    """The batch arrived and its answer did not: 409 tells what is expected, and shipping skips ahead."""

    async def test():
        async with doubled() as (double, client):
            store = await SqliteStore.open(tmp_path, "gw", 0)
            for n in range(10):
                await store.append_durably(exchange(f"a{n}"))
            batch = await store.unshipped(1 << 20)
            lines = batch.lines.splitlines(keepends=True)
            double._ingest(batch.stream, 1, 7, b"".join(lines[:7]))
            shipper = Shipper(client, store)
            await shipper.ship()
            await shipper.ship()
            assert double.streams["gw/0/1"].last == 10
            assert await store.unshipped(1 << 20) is None
            await store.close()

    run(test)


def test_a_control_plane_that_lost_entries_gets_them_again(tmp_path):
    """Restored from an older backup it expects an earlier entry; what is still kept is sent again."""

    async def test():
        async with doubled() as (double, client):
            store = await SqliteStore.open(tmp_path, "gw", 0)
            shipper = Shipper(client, store)
            await store.append_durably(exchange("a"))
            await shipper.ship()
            double.streams.clear()
            await store.append_durably(exchange("b"))
            for _ in range(3):
                await shipper.ship()
            assert double.streams["gw/0/1"].last == 2
            await store.close()

    run(test)


@pytest.mark.parametrize(("status", "body"), [(422, b'{"detail":"the chain is broken"}'), (409, b'{"expected": 50}')])
def test_a_broken_chain_stops_shipping_and_keeps_the_data(tmp_path, status, body, caplog):
    """422, or a stream that somebody else has written to: nothing is thrown away, it is said loudly, here and there."""

    async def test():
        async with doubled() as (double, client):
            store = await SqliteStore.open(tmp_path, "gw", 0)
            await store.append_durably(exchange("a"))
            double.refuse = lambda method, path: (status, body) if path == "/ingest" else None
            shipper = Shipper(client, store)
            await shipper.ship()
            await shipper.ship()
            assert double.calls == ["POST /ingest", "POST /gateways/shipping"]
            assert double.halts == [{"stream": store.stream, "reason": shipper.halted}]
            assert shipper.halted
            assert "SHIPPING STOPPED" in caplog.text
            assert (await store.unshipped(1 << 20)).last == 1
            await store.close()

    run(test)


def test_a_command_is_carried_out_once(tmp_path):
    """Offered until its acknowledgement has arrived, carried out once; unknown kinds are refused, not ignored."""

    async def test():
        async with doubled() as (double, client):
            store = await SqliteStore.open(tmp_path, "gw", 0)
            done = []

            async def handler(command: Command) -> AckEntry:
                done.append(command.resolution)
                return AckEntry(command.command_id, "done")

            double.commands = [
                {
                    "command_id": "c1",
                    "kind": "settle_attention",
                    "attention_id": "a",
                    "resolution": "executed",
                    "by": "x",
                },
                {"command_id": "c2", "kind": "dance"},
            ]
            commander = Commander(client, store, {"settle_attention": handler}, wait_s=0.1)
            for _ in range(3):
                await commander.poll()
            assert done == ["executed"]
            await Shipper(client, store).ship()
            acks = [bytes(entry.body) for entry in double.entries if entry.kind == "ack"]
            assert len(acks) == 2
            assert b"refused" in acks[1]
            assert double.commands == []
            await store.close()

    run(test)


def test_a_step_goes_on_through_failures():
    """Outages and its own errors are waited out with growing, bounded pauses; only cancelling ends it."""

    async def test():
        outcomes = [Unavailable("away"), ValueError("a bug"), Unauthorized("revoked"), 0.0, 0.0]
        done = asyncio.Event()

        async def step() -> float:
            if not outcomes:
                done.set()
                await asyncio.sleep(60)
            outcome = outcomes.pop(0)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        task = asyncio.create_task(keep("step", step, Backoff(**FAST)))
        await asyncio.wait_for(done.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(test)


def test_backoff_grows_to_its_cap_and_starts_over():
    """Pauses double up to the cap and are never zero."""
    backoff = Backoff(base_s=1.0, cap_s=5.0, draw=lambda: 1.0)
    assert [backoff.next_s() for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    backoff.reset()
    assert backoff.next_s() == 1.0
    assert Backoff(base_s=1.0, draw=lambda: 0.0).next_s() == pytest.approx(0.2)


@pytest.mark.parametrize("answer", [(200, b"not json"), (200, b'{"manifest": 5}'), (500, b"<html>"), (302, b"")])
def test_nonsense_from_the_control_plane_is_an_outage(answer):
    """A proxy's page or a half answer is nothing to act on."""

    async def test():
        async with doubled() as (double, client):
            double.refuse = lambda method, path: answer
            with pytest.raises(Unavailable):
                await client.snapshot(0, 0.1)

    run(test)
