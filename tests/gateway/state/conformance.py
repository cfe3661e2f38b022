"""What every store must do (`gateway.state.store.Store`). Tests of a store subclass `Conformance`."""

import asyncio
from abc import abstractmethod
from pathlib import Path
from typing import Any

import msgspec
import pytest

from catalog.record import BODY, AckEntry, Entry
from gateway import stream
from gateway.state.store import CrossReference
from tests.gateway.state.sample import (
    answer,
    attention,
    exchange,
    executed,
    in_doubt,
    intent,
    key,
    not_executed,
    run,
)


async def entries(store: Any) -> list[tuple[str, Any]]:
    """Everything unshipped of all streams as (kind, body), the chain of each checked; all of it is marked shipped."""
    found = []
    while batch := await store.unshipped(1 << 20):
        lines = batch.lines.splitlines(keepends=True)
        assert batch.last - batch.first + 1 == len(lines)
        stream.check(lines, stream.continuation(lines[0]))
        for line in lines:
            entry = msgspec.json.decode(line, type=Entry)
            found.append((entry.kind, msgspec.json.decode(entry.body, type=BODY[entry.kind])))
        await store.shipped(batch.stream, batch.last)
    return found


class Conformance:
    @abstractmethod
    async def open(self, directory: Path, **options: Any) -> Any:
        """A store over `directory`, as a new process would open it."""

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path):
        self.directory = tmp_path

    def test_a_claim_is_taken_once(self):
        """The first call with a key may go on; a second one gets the first one's claim and writes nothing."""

        async def test():
            store = await self.open(self.directory)
            assert await store.begin(intent("a", key())) is None
            claim = await store.begin(intent("b", key(), "other"))
            assert (claim.exchange_id, claim.fingerprint, claim.state) == ("a", "f", "running")
            assert [kind for kind, _ in await entries(store)] == ["intent"]
            await store.close()

        run(test)

    def test_two_calls_at_once_with_one_key(self):
        """However many calls with one key begin at the same moment, exactly one goes on."""

        async def test():
            store = await self.open(self.directory)
            claims = await asyncio.gather(*(store.begin(intent(f"x{n}", key())) for n in range(50)))
            assert claims.count(None) == 1
            await store.close()

        run(test)

    @pytest.mark.parametrize("part", ["consumer", "entity", "operation", "key"])
    def test_claims_differ_in_each_part(self, part):
        """The same key of another consumer, entity or operation is another claim."""

        async def test():
            store = await self.open(self.directory)
            assert await store.begin(intent("a", key())) is None
            assert await store.begin(intent("b", key(**{part: "other"}))) is None
            await store.close()

        run(test)

    def test_calls_without_a_key_never_meet(self):
        """Two calls without Idempotency-Key both go on."""

        async def test():
            store = await self.open(self.directory)
            assert await store.begin(intent("a")) is None
            assert await store.begin(intent("b")) is None
            await store.close()

        run(test)

    def test_a_known_outcome_goes_with_the_intent(self):
        """Both entries and the answer are there once `begin` returns; so where the key of a call that was not executed
        is taken over, and not where the key is somebody else's."""

        async def test():
            store = await self.open(self.directory)
            await store.begin(intent("a", key()))
            await store.finish(not_executed("a"))
            store.append(exchange("a", executed="no", status=502))
            await store.append_entry("ack", AckEntry("c", "done"))
            assert await store.begin(intent("b", key()), executed("b")) is None
            assert await store.begin(intent("c", key("other")), executed("c")) is None
            assert (await store.begin(intent("d", key()), executed("d"))).exchange_id == "b"
            for name in (key(), key("other")):
                claim = await store.claim(name)
                assert ("executed", answer(), False) == (claim.state, claim.answer, claim.is_checked)
            kinds = [kind for kind, _ in await entries(store)]
            assert kinds == ["intent", "outcome", "exchange", "ack", "intent", "outcome", "intent", "outcome"]
            await store.close()

        run(test)

    def test_an_answer_is_replayable_as_soon_as_finish_returns(self):
        """After `finish` the raw answer is there, not yet checked; the exchange record says that it was."""

        async def test():
            store = await self.open(self.directory)
            await store.begin(intent("a", key()))
            await store.finish(executed("a"))
            claim = await store.claim(key())
            assert ("executed", answer(), False) == (claim.state, claim.answer, claim.is_checked)
            store.append(exchange("a"))
            claim = await store.claim(key())
            assert ("answered", answer(), True) == (claim.state, claim.answer, claim.is_checked)
            await store.append_entry("ack", AckEntry("c", "done"))  # everything queued before is committed now
            assert claim == await store.claim(key())
            await store.close()
            store = await self.open(self.directory)
            assert claim == await store.claim(key())
            assert await store.pending(10) == []
            await store.close()

        run(test)

    def test_what_was_not_executed_may_be_tried_again(self):
        """A claim in state `not_executed` is taken over by the next call with the key, also by another payload."""

        async def test():
            store = await self.open(self.directory)
            await store.begin(intent("a", key()))
            await store.finish(not_executed("a"))
            assert await store.begin(intent("b", key(), "mended")) is None
            assert (await store.claim(key())).exchange_id == "b"
            store.append(exchange("a", executed="no", status=502))
            await store.finish(executed("b"))
            store.append(exchange("b"))
            await store.close()
            store = await self.open(self.directory)
            assert (
                (claim := (await store.claim(key()))).exchange_id,
                claim.fingerprint,
                claim.state,
            ) == ("b", "mended", "answered")
            await store.close()

        run(test)

    def test_the_stream_holds_everything_in_order(self):
        """Intent, outcome, record and acknowledgement stand in the stream in the order in which they were written."""

        async def test():
            store = await self.open(self.directory)
            await store.begin(intent("a", key()))
            await store.finish(executed("a"))
            store.append(exchange("a"))
            await store.append_durably(exchange("refused", status=403, executed="no"))
            await store.append_entry("ack", AckEntry("c", "done"))
            found = [(kind, getattr(body, "exchange_id", "")) for kind, body in await entries(store)]
            expected = [
                ("intent", "a"),
                ("outcome", "a"),
                ("exchange", "a"),
                ("exchange", "refused"),
                ("ack", ""),
            ]
            assert expected == found
            await store.close()

        run(test)

    def test_withheld(self):
        """A withheld answer is replaced by the problem document, attention is opened once."""

        async def test():
            store = await self.open(self.directory)
            await store.begin(intent("a", key()))
            await store.finish(executed("a"))
            await store.withhold("a", answer(502, b"{}"), attention("a", "withheld"))
            store.append(exchange("a", is_verified=False, status=502))
            claim = await store.claim(key())
            assert (claim.answer.status, claim.state, claim.is_checked) == (502, "answered", True)
            await store.open_attention(attention("a", "withheld", attention_id="second"))
            await store.close()
            store = await self.open(self.directory)
            assert claim == await store.claim(key())
            assert [kind for kind, _ in await entries(store)].count("attention") == 1
            assert (await store.attention("a-a")).state == "open"
            await store.close()

        run(test)

    def test_in_doubt_is_settled_once(self):
        """Of two settlements of one outcome in doubt exactly one counts, and only that one is in the stream."""

        async def test():
            store = await self.open(self.directory)
            await store.begin(intent("a", key()))
            await store.finish(in_doubt("a"))
            store.append(exchange("a", executed="unknown", status=504))
            await store.open_attention(attention("a"))
            assert (await store.claim(key())).state == "in_doubt"
            assert [item.intent.entry.exchange_id for item in await store.pending(10)] == ["a"]
            await entries(store)
            settled = attention("a", state="settled", resolution="executed")
            results = await asyncio.gather(
                *(store.settle("a", executed("a"), exchange("a", is_reconciled=True), settled) for _ in range(5))
            )
            assert sorted(results) == [False] * 4 + [True]
            assert [kind for kind, _ in await entries(store)] == ["outcome", "exchange", "attention"]
            claim = await store.claim(key())
            assert ("executed", answer(), False) == (claim.state, claim.answer, claim.is_checked)
            assert await store.pending(10) == []
            assert (await store.attention("a-a")).state == "settled"
            await store.close()

        run(test)

    def test_settle_expects_a_state(self):
        """Nothing that ended otherwise can be settled."""

        async def test():
            store = await self.open(self.directory)
            await store.begin(intent("a", key()))
            assert not await store.settle("a", executed("a"), exchange("a"), None)
            assert not await store.settle("nobody", executed("nobody"), exchange("nobody"), None)
            await store.finish(executed("a"))
            assert not await store.settle("a", not_executed("a"), exchange("a"), None)
            await store.close()

        run(test)

    def test_a_successor_finds_what_was_running_in_doubt(self):
        """A dead epoch's open intents are in doubt: an outcome entry in the successor's own stream names the stream
        of the intent, retries with the key find the claim in doubt, and the plan is still there."""

        async def test():
            first = await self.open(self.directory)
            await first.begin(intent("a", key()))
            await first.close()
            second = await self.open(self.directory)
            assert first.stream != second.stream
            assert (await second.claim(key())).state == "in_doubt"
            (item,) = await second.pending(10)
            assert (intent("a", key()), first.stream, "in_doubt", True) == (
                item.intent,
                item.stream,
                item.state,
                item.needs_record,
            )
            await second.append_durably(exchange("a", executed="unknown", is_recovered=True))
            (item,) = await second.pending(10)
            assert not item.needs_record
            found = await entries(second)
            assert [kind for kind, _ in found] == ["intent", "outcome", "exchange"]
            assert (first.stream, "unknown") == (found[1][1].stream, found[1][1].executed)
            await second.close()

        run(test)

    def test_a_successor_finds_outcomes_without_record(self):
        """What was executed and not recorded is pending with its answer; the recovered record ends that, and leaves
        the answer unchecked."""

        async def test():
            first = await self.open(self.directory)
            for name in ("a", "b"):
                await first.begin(intent(name, key(name)))
            await first.finish(executed("a"))
            await first.finish(not_executed("b"))
            await first.close()
            second = await self.open(self.directory)
            items = {item.intent.entry.exchange_id: item for item in await second.pending(10)}
            assert ("executed", answer(), True) == (items["a"].state, items["a"].answer, items["a"].needs_record)
            assert (items["b"].state, items["b"].answer, items["b"].needs_record) == ("not_executed", None, True)
            await second.append_durably(exchange("a", is_recovered=True))
            await second.append_durably(exchange("b", is_recovered=True, executed="no"))
            assert await second.pending(10) == []
            assert not (await second.claim(key("a"))).is_checked
            await second.close()

        run(test)

    def test_this_epochs_running_calls_are_not_pending(self):
        """Only a dead epoch's intents are in doubt."""

        async def test():
            store = await self.open(self.directory)
            await store.begin(intent("a"))
            await store.begin(intent("b"))
            await store.finish(executed("b"))
            assert await store.pending(10) == []
            await store.close()

        run(test)

    def test_attempts_and_absences_survive(self):
        """How often reconcile has asked, and when it may ask again, is known after a restart."""

        async def test():
            store = await self.open(self.directory)
            await store.begin(intent("a"))
            await store.finish(in_doubt("a"))
            store.append(exchange("a", executed="unknown"))
            assert await store.note_absence("a") == 1
            assert await store.note_attempt("a", 5_000.5) == 1
            await store.close()
            store = await self.open(self.directory)
            (item,) = await store.pending(10)
            assert (item.absences, item.attempts, item.retry_at_s, item.needs_record) == (1, 1, 5_000.5, False)
            assert await store.note_absence("a") == 2
            await store.note_attempt("a", None)
            assert await store.pending(10) == []
            assert (await store.doubtful("a")) is not None
            await store.close()

        run(test)

    def test_cross_references(self):
        """They are there when `finish` returns, without doubles, of this type and value only; of one system, a value is
        the first entity's that had it."""

        async def test():
            store = await self.open(self.directory)
            one = CrossReference("receipt", "R1", "mercy", "erp-east")
            two = CrossReference("receipt", "R1", "grace", "erp-west")
            other = CrossReference("invoice", "R1", "mercy", "erp-east")
            await store.begin(intent("a"))
            await store.finish(executed("a", (one, two, other)))
            await store.begin(intent("b"))
            await store.finish(executed("b", (one, CrossReference("receipt", "R1", "grace", "erp-east"))))
            assert {one, two} == set(await store.cross_references("receipt", "R1"))
            assert len(await store.cross_references("receipt", "R1")) == 2
            assert await store.cross_references("receipt", "R2") == ()
            wanted = [("receipt", "R1"), ("invoice", "R1"), ("receipt", "R\x00"), ("receipt", "R2")]
            assert {one, two, other} == set(await store.cross_references_of(wanted))
            assert await store.cross_references_of([]) == []
            await store.close()

        run(test)

    def test_cross_references_looked_up_before(self):
        """What was looked up before an outcome or a settlement is committed is not what is told after it."""

        async def test():
            store = await self.open(self.directory)
            one = CrossReference("receipt", "R1", "mercy", "erp-east")
            two = CrossReference("receipt", "R1", "grace", "erp-west")
            assert await store.cross_references("receipt", "R1") == ()
            await store.begin(intent("a"))
            assert await store.cross_references("receipt", "R1") == ()
            await store.finish(executed("a", (one,)))
            assert await store.cross_references("receipt", "R1") == (one,)
            await store.begin(intent("b"))
            await store.finish(in_doubt("b"))
            store.append(exchange("b", executed="unknown"))
            assert await store.cross_references("receipt", "R1") == (one,)
            assert await store.settle("b", executed("b", (two,)), exchange("b", is_reconciled=True), None)
            assert {one, two} == set(await store.cross_references("receipt", "R1"))
            await store.close()

        run(test)

    def test_batches_are_verbatim_and_resumable(self):
        """What is not acknowledged is offered again byte for byte; from the middle of a batch as well, and earlier
        lines again while they are kept."""

        async def test():
            store = await self.open(self.directory)
            for n in range(20):
                store.append(exchange(f"r{n}"))
            await store.append_durably(exchange("last"))
            batch = await store.unshipped(1 << 20)
            assert (store.stream, 1, 21) == (batch.stream, batch.first, batch.last)
            assert batch == await store.unshipped(1 << 20)
            for shipped in (7, 20, 3):
                await store.shipped(store.stream, shipped)
                rest = await store.unshipped(1 << 20)
                assert (shipped + 1, 21) == (rest.first, rest.last)
                assert stream.skip(batch.lines, shipped) == rest.lines
            await store.shipped(store.stream, 21)
            assert await store.unshipped(1 << 20) is None
            await store.close()

        run(test)

    def test_batches_are_bounded(self):
        """A batch holds about as many bytes as asked for, never a line less than one commit."""

        async def test():
            store = await self.open(self.directory)
            for n in range(30):
                await store.append_durably(exchange(f"r{n}"))
            whole = await store.unshipped(1 << 20)
            part = await store.unshipped(len(whole.lines) // 3)
            assert (part.first, part.last) == (1, 10)
            assert (await store.unshipped(1)).last == 1
            await store.close()

        run(test)

    def test_older_streams_are_shipped_first(self):
        """A successor ships what a dead epoch left, then its own."""

        async def test():
            first = await self.open(self.directory)
            await first.append_durably(exchange("a"))
            await first.close()
            second = await self.open(self.directory)
            await second.append_durably(exchange("b"))
            streams = []
            while batch := await second.unshipped(1 << 20):
                assert batch.first == 1
                assert '"prev":""' in batch.lines.decode()
                streams.append(batch.stream)
                await second.shipped(batch.stream, batch.last)
            assert [first.stream, second.stream] == streams
            await second.close()

        run(test)

    def test_commands_are_acknowledged_once(self):
        """The acknowledgement of a command is written once and remembered over a restart."""

        async def test():
            store = await self.open(self.directory)
            await store.append_entry("ack", AckEntry("c", "done"))
            await store.close()
            store = await self.open(self.directory)
            await store.append_entry("ack", AckEntry("c", "done"))
            assert await store.is_acknowledged("c")
            assert not await store.is_acknowledged("d")
            assert len(await entries(store)) == 1
            await store.close()

        run(test)

    def test_prune_forgets_what_is_old_and_arrived(self):
        """Answered claims and shipped lines go after their retention; what is in doubt or unshipped stays."""

        async def test():
            store = await self.open(self.directory)
            for name, end in (("a", executed), ("b", in_doubt)):
                await store.begin(intent(name, key(name)))
                await store.finish(end(name))
                store.append(exchange(name))
            await store.append_durably(exchange("r"))
            shipped = (await store.unshipped(1 << 20)).last
            await store.shipped(store.stream, shipped)
            await store.append_durably(exchange("unshipped"))
            assert await store.prune(self.now_s()) == 0
            assert await store.prune(self.now_s() + 8 * 86_400) > 0
            assert await store.prune(self.now_s() + 8 * 86_400) == 0
            assert await store.claim(key("a")) is None
            assert (await store.claim(key("b"))).state == "in_doubt"
            batch = await store.unshipped(1 << 20)
            assert (shipped + 1, shipped + 1) == (batch.first, batch.last)
            await store.close()

        run(test)

    def test_close_writes_everything_queued(self):
        """Records that nobody waited for are there after an orderly stop."""

        async def test():
            store = await self.open(self.directory)
            for n in range(1_000):
                store.append(exchange(f"r{n}"))
            await store.close()
            store = await self.open(self.directory)
            assert len(await entries(store)) == 1_000
            await store.close()

        run(test)

    @abstractmethod
    def now_s(self) -> float:
        """The store's wall clock."""
