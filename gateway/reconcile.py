"""Settles outcomes that are not known: asks the system first, then a person (design §11.3). Never tries a call again.

An absence proves something only after the upstream's deadline plus a grace, and only when it was seen twice. A system
that does not answer is asked again, ever more rarely; after some tries a person is told, and asking goes on until the
tries are used up. All that is known survives a restart: it stands in the group's state.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

import msgspec
from msgspec.structs import replace

from catalog.contract import Operation
from catalog.errors import Unavailable
from catalog.network import System
from catalog.record import AckEntry, AttentionEntry, Exchange, Executed, Fault, OutcomeEntry
from gateway.event import acceptance, is_told
from gateway.finding import Finding, Found, counted, judge
from gateway.plan import Target
from gateway.problem import CONTENT_TYPE, problem_body
from gateway.state.store import Answer, ClaimState, CrossReference, Intent, Outcome, PendingIntent, Store
from gateway.sync.client import Command
from gateway.upstream import Headers, UpstreamAnswer, UpstreamError

log = logging.getLogger(__name__)


class Ending(NamedTuple):
    """How an intent in doubt ends."""

    state: ClaimState
    executed: Executed
    resolution: str


#: what settles an intent in doubt; everything else leaves it in doubt
BY_SYSTEM: dict[Found, Ending] = {
    "one": Ending("executed", "yes", "reconciled"),
    "absent": Ending("not_executed", "no", "reconciled"),  # seen twice
}

#: (kind of attention, resolution) that a person may choose; None: nothing but the attention itself ends
BY_PERSON: dict[tuple[str, str], Ending | None] = {
    ("in_doubt", "executed"): Ending("answered", "yes", "executed"),
    ("in_doubt", "not_executed"): Ending("not_executed", "no", "not_executed"),
    ("withheld", "acknowledged"): None,
}


_WITHHELD = "the system acted and its answer failed a check"


class Withheld(NamedTuple):
    """What stands in the place of an answer that failed a check."""

    answer: Answer
    code: str
    fault: Fault
    policy: str


class Pace(msgspec.Struct, frozen=True):
    """How often to ask."""

    absence_gap_s: float = 2.0  # between the two absences that prove something
    first_retry_s: float = 1.0
    longest_retry_s: float = 300.0
    attention_after: int = 5  # fruitless tries before a person is told
    max_attempts: int = 60
    interval_s: float = 0.5  # between looks at what is in doubt
    at_once: int = 8  # look-ups at the same time


class Surroundings(Protocol):
    """What runs just now, as far as settling needs it."""

    def target(self, intent: Intent) -> Target | None:
        """The intent's system; None when it is no longer published."""
        ...

    def operation(self, intent: Intent) -> Operation | None: ...

    def complete(self, intent: Intent, answer: Answer | None) -> Exchange:
        """The draft with what a successful answer adds: event, object, links, amount."""
        ...

    def withheld(self, intent: Intent, answer: Answer) -> Withheld | None:
        """What the client gets instead when `answer` fails a check of the chain; None when it passes, or when the
        operation is no longer published."""
        ...


class Sender(Protocol):
    async def send(
        self, system: System, method: bytes, target: bytes, headers: Headers, body: bytes
    ) -> UpstreamAnswer: ...


class Reconciler:
    def __init__(
        self,
        store: Store,
        upstream: Sender,
        around: Surroundings,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        #: learns of every record written here, and whether it settles a doubt or comes in a dead process's place
        self.told: Callable[[Exchange, bool], None] = lambda record, is_settlement: None
        self._store = store
        self._upstream = upstream
        self._around = around
        self._pace = pace or Pace()
        self._clock = clock

    async def step(self) -> float:
        """Look once at what is pending; seconds to pause. Raises: Unavailable."""
        pending = await self._store.pending(100)
        for item in pending:
            if item.state == "in_doubt" and is_told(item):
                await self._accept(item)
            elif item.needs_record:
                await self._recover(item)
        now_s = self._clock()
        doubtful = [item for item in pending if item.state == "in_doubt" and not is_told(item)]
        due = [item for item in doubtful if item.retry_at_s <= now_s]
        await asyncio.gather(*(self._attend(item) for item in due[: self._pace.at_once]))
        return 0.0 if len(due) > self._pace.at_once else self._pace.interval_s

    async def _accept(self, item: PendingIntent) -> None:
        """An event whose process died before it could say that it has it: on disk it is, so it is accepted."""
        exchange_id = item.intent.entry.exchange_id
        answer = acceptance(exchange_id, item.stream)
        stream = "" if item.stream == self._store.stream else item.stream
        outcome = Outcome(OutcomeEntry(exchange_id, "yes", stream=stream), "answered", answer)
        record = replace(item.intent.draft, is_recovered=True)
        if await self._store.settle(exchange_id, outcome, record, None):
            self.told(record, False)

    async def settle(self, command: Command) -> AckEntry:
        """Carry out a person's decision, once."""
        entry = await self._store.attention(command.attention_id)
        if entry is None:
            return AckEntry(command.command_id, "refused", "this gateway knows no such attention")
        if entry.state == "settled":
            return _again(entry, command)
        if (entry.kind, command.resolution) not in BY_PERSON:
            detail = f"{command.resolution!r} does not settle what is {entry.kind}"
            return AckEntry(command.command_id, "refused", detail)
        ending = BY_PERSON[entry.kind, command.resolution]
        settled = replace(
            entry,
            state="settled",
            resolution=command.resolution,
            settled_by=command.by,
            command_id=command.command_id,
        )
        if ending is None:
            is_done = await self._store.close_attention(settled)
        else:
            is_done = await self._end(entry.exchange_id, ending, None, settled)
        if is_done:
            return AckEntry(command.command_id, "done")
        known = await self._store.attention(command.attention_id)
        if known is not None and known.state == "settled":
            return _again(known, command)  # another process of the group may have carried out the same command
        return AckEntry(command.command_id, "refused", "settled meanwhile")

    async def _recover(self, item: PendingIntent) -> None:
        """Write the record that a dead process did not come to write. An answer that it left unchecked is checked
        first, and withheld like any other that fails."""
        withheld = None
        if item.state == "executed" and item.answer is not None and item.answer.status < 400:
            withheld = self._around.withheld(item.intent, item.answer)
        if withheld is not None:
            entry = _attention(item.intent, _WITHHELD, "withheld")
            await self._store.withhold(item.intent.entry.exchange_id, withheld.answer, entry)
        record = self._timed(self._lost(item, withheld))
        await self._store.append_durably(record)
        self.told(record, False)

    async def _attend(self, item: PendingIntent) -> None:
        exchange_id = item.intent.entry.exchange_id
        try:
            finding = await self._ours(item.intent, await self._look(item))
        except Unavailable:
            raise
        except Exception as error:  # one look-up that cannot be understood must not keep others from being settled
            log.exception("the look-up for exchange %s failed", exchange_id)
            finding = Finding("unexpected", f"the look-up failed: {type(error).__name__}")
        log.info("exchange %s in doubt: %s %s", exchange_id, finding.found, finding.reason)
        if finding.found == "one":
            await self._end(exchange_id, BY_SYSTEM["one"], self._answer(item.intent, finding.bodies[0]), None)
        elif finding.found == "absent":
            await self._absent(item)
        elif finding.found == "away":
            await self._away(item, finding.reason)
        else:
            await self._leave_to_person(item, finding.reason, retry_at_s=None)

    async def _absent(self, item: PendingIntent) -> None:
        """Count an absence when it proves something; the second one settles."""
        plan = item.intent.reconcile
        exchange_id = item.intent.entry.exchange_id
        now_s = self._clock()
        if plan is not None and now_s < plan.not_before_s:
            await self._store.note_attempt(exchange_id, plan.not_before_s)
        elif await self._store.note_absence(exchange_id) >= 2:
            await self._end(exchange_id, BY_SYSTEM["absent"], None, None)
        else:
            await self._store.note_attempt(exchange_id, now_s + self._pace.absence_gap_s)

    async def _away(self, item: PendingIntent, reason: str) -> None:
        pause_s = min(self._pace.longest_retry_s, self._pace.first_retry_s * 2.0 ** min(item.attempts, 30))
        attempts = item.attempts + 1
        is_last = attempts >= self._pace.max_attempts
        retry_at_s = None if is_last else self._clock() + pause_s
        if attempts >= self._pace.attention_after:
            await self._leave_to_person(item, reason, retry_at_s)
        else:
            await self._store.note_attempt(item.intent.entry.exchange_id, retry_at_s)

    async def _leave_to_person(self, item: PendingIntent, reason: str, retry_at_s: float | None) -> None:
        """Open attention, once; the store ignores further ones for the same exchange."""
        await self._store.open_attention(_attention(item.intent, reason))
        await self._store.note_attempt(item.intent.entry.exchange_id, retry_at_s)

    async def _ours(self, intent: Intent, finding: Finding) -> Finding:
        """Without what an earlier call made: a system that assigns keys itself gave the object of this call a new one,
        so one that the group knows already proves nothing."""
        if intent.object is not None or not finding.bodies:
            return finding
        return counted(tuple([body for body in finding.bodies if not await self._is_known(intent, body)]))

    async def _is_known(self, intent: Intent, body: bytes) -> bool:
        made = self._around.complete(intent, self._answer(intent, body)).object
        if made is None:
            return False
        known = await self._store.cross_references(made.type, made.value)
        return any(found.system == intent.entry.system for found in known)

    async def _look(self, item: PendingIntent) -> Finding:
        """Ask the system by the plan's look-up."""
        plan = item.intent.reconcile
        if plan is None:
            return Finding("unexpected", "the contract declares no way to reconcile")
        target = self._around.target(item.intent)
        if target is None:
            return Finding("unexpected", f"system {item.intent.entry.system!r} is no longer published")
        headers = [(b"accept", b"application/json"), (b"accept-encoding", b"identity")]
        if target.credential is not None:
            headers.append(target.credential)
        try:
            answer = await self._upstream.send(target.system, b"GET", plan.target.encode("latin-1"), headers, b"")
        except UpstreamError as error:
            return Finding("away", f"the system does not answer: {error.reason}")
        return judge(answer.status, answer.body, plan.select, plan.where)

    async def _end(
        self, exchange_id: str, ending: Ending, answer: Answer | None, settled: AttentionEntry | None
    ) -> bool:
        """Settle by compare-and-set; whoever comes second changes nothing."""
        item = await self._store.doubtful(exchange_id)
        if item is None:
            return False
        if settled is None:
            opened = await self._store.attention_of(exchange_id)
            settled = opened and replace(opened, state="settled", resolution=ending.resolution, settled_by="reconcile")
        intent = item.intent
        withheld = None if answer is None else self._around.withheld(intent, answer)
        record = self._record(intent, ending, answer, withheld)
        references: tuple[CrossReference, ...] = ()
        if ending.executed == "yes":
            references = _references(self._around.complete(intent, answer), intent.draft)
        if ending.executed == "yes" and answer is None:
            answer = _lost_answer(exchange_id)
        stream = "" if item.stream == self._store.stream else item.stream
        entry = OutcomeEntry(
            exchange_id,
            ending.executed,
            upstream_status=answer.status if answer and ending.resolution == "reconciled" else 0,
            is_reconciled=ending.resolution == "reconciled",
            stream=stream,
        )
        outcome = Outcome(entry, ending.state, answer, references)
        if withheld is not None:
            outcome = Outcome(entry, "answered", withheld.answer, references)
        record = self._timed(record)
        is_settled = await self._store.settle(exchange_id, outcome, record, settled)
        if is_settled:
            self.told(record, True)
        if is_settled and withheld is not None:
            await self._store.open_attention(_attention(intent, _WITHHELD, "withheld"))
        return is_settled

    def _record(self, intent: Intent, ending: Ending, answer: Answer | None, withheld: Withheld | None) -> Exchange:
        """The exchange's last record: it replaces the one that said "unknown"."""
        is_reconciled = ending.resolution == "reconciled"
        if ending.executed == "no":
            return replace(
                intent.draft, status=504, executed="no", fault="upstream", code="not-executed", event="",
                is_reconciled=is_reconciled,
            )  # fmt: skip
        record = self._executed(intent, answer, withheld)
        if answer is None:
            record = replace(record, status=502, fault="upstream", code="answer-lost", is_verified=False)
        return replace(record, is_reconciled=is_reconciled)

    def _executed(self, intent: Intent, answer: Answer | None, withheld: Withheld | None) -> Exchange:
        """The record of a call that was executed; of a withheld answer it says nothing. What no published operation
        can check is not verified."""
        record = replace(self._around.complete(intent, None if withheld else answer), executed="yes", code="")
        if withheld is not None:
            return replace(
                record, status=withheld.answer.status, fault=withheld.fault, code=withheld.code,
                refused_by=withheld.policy, is_verified=False,
            )  # fmt: skip
        is_verified = self._around.operation(intent) is not None
        return replace(record, status=answer.status if answer else 502, fault="none", is_verified=is_verified)

    def _lost(self, item: PendingIntent, withheld: Withheld | None) -> Exchange:
        """The record that a dead process did not come to write."""
        if is_told(item):
            return replace(item.intent.draft, is_recovered=True)
        draft = replace(item.intent.draft, event="", is_recovered=True)
        status = 502 if item.answer is None else item.answer.status
        if item.state == "in_doubt":
            return replace(draft, status=504, executed="unknown", fault="gateway", code="in-doubt")
        if item.state == "not_executed" or (item.state == "executed" and status >= 400):
            return replace(draft, status=status, executed="no", fault="upstream")
        record = replace(self._executed(item.intent, item.answer, withheld), is_recovered=True)
        if item.state == "answered":  # its answer was withheld, a problem document stands in its place
            return replace(record, status=status, fault="response", code="response-violation", is_verified=False)
        return replace(record, upstream_status=status)

    def _timed(self, record: Exchange) -> Exchange:
        """It took until now to know; none of that was the gateway's own work."""
        elapsed_us = max(0, int(self._clock() * 1e6) - record.started_us)
        return replace(record, duration_us=elapsed_us, upstream_us=elapsed_us)

    def _answer(self, intent: Intent, body: bytes) -> Answer:
        operation = self._around.operation(intent)
        status = 200 if operation is None else first_success(operation)
        if status == 204:
            return Answer(204, (), b"")
        return Answer(status, ((b"content-type", b"application/json"),), body)


def first_success(operation: Operation) -> int:
    """The first declared 2xx status; 200 when only a range or nothing is declared."""
    return min((int(s) for s in operation.response_schemas if s.isdigit() and 200 <= int(s) < 300), default=200)


def _references(record: Exchange, draft: Exchange) -> tuple[CrossReference, ...]:
    """Where the object lives, under its id and each name that the system gave it: those that `draft` had before the
    system was called are the client's."""
    if record.object is None:
        return ()
    kind = record.object.type
    told = [alias.value for alias in record.aliases if alias not in draft.aliases]
    values = dict.fromkeys([record.object.value, *told])
    where = (record.legal_entity, record.system, draft.trace_id, draft.span_id)
    return tuple(CrossReference(kind, value, *where) for value in values)


def _again(entry: AttentionEntry, command: Command) -> AckEntry:
    if entry.command_id == command.command_id:
        return AckEntry(command.command_id, "done")
    detail = f"settled already as {entry.resolution} by {entry.settled_by or 'somebody'}"
    return AckEntry(command.command_id, "refused", detail)


def _attention(intent: Intent, reason: str, kind: Literal["in_doubt", "withheld"] = "in_doubt") -> AttentionEntry:
    entry = intent.entry
    return AttentionEntry(
        attention_id=f"{kind.replace('_', '-')}-{entry.exchange_id}",  # the chain names its own likewise
        kind=kind,
        state="open",
        exchange_id=entry.exchange_id,
        contract=entry.contract,
        operation=entry.operation,
        consumer=entry.consumer,
        legal_entity=entry.legal_entity,
        system=entry.system,
        object=intent.object,
        reason=reason,
    )


def _lost_answer(exchange_id: str) -> Answer:
    """What a retry gets when a person says that the call was executed: nobody has the system's answer any more."""
    detail = "The system executed the call, as a person found out; its answer never arrived."
    return Answer(502, (CONTENT_TYPE,), problem_body(exchange_id, 502, "answer-lost", detail, "upstream", "yes"))
