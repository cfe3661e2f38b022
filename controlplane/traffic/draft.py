"""What drafts of a contract would have refused of the calls that the version in force let through.

Gateways tell it with each call as decisions in shadow that bear the draft's version. Here they are counted by day:
calls judged, calls that would have been refused, and where. The figures are a sum over entries, whatever their order; a
call whose outcome was settled later is told again, and counts by its first telling alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, delete, select

from catalog.record import DecisionRecord, Exchange
from catalog.synthetic import is_synthetic
from controlplane.ingest.batch import Located
from controlplane.lineage.sight import Sight
from controlplane.store.column import sum_of
from controlplane.store.upsert import Merge, upsert
from controlplane.traffic.store import draft_verdict
from controlplane.traffic.usage import DAY_US

MERGE = Merge(add=["calls"])
MOST_POINTERS = 20  # of one decision; the first are enough to find what is wrong
_KEYS = tuple(column.name for column in draft_verdict.primary_key)
_INDEX = re.compile(r"/[0-9]+(?=/|$)")

#: what is counted: calls judged; those that would have been refused; those whose operation the draft lacks; those where
#: judging failed; and, for a place that is wrong, the calls in which it was
Outcome = Literal["judged", "refused", "missing", "failed", "place"]


class Verdict(NamedTuple):
    """In the order of the table's keys."""

    contract: str
    draft: str
    day: int
    operation: str
    consumer: str
    legal_entity: str
    is_synthetic: bool
    outcome: Outcome
    policy: str = ""
    code: str = ""
    place: str = ""


class DraftProjection:
    """An `ingest.projection.Projection`."""

    def apply(self, connection: Connection, entries: Sequence[Located]) -> None:
        counts: Counter[Verdict] = Counter()
        for entry in entries:
            if entry.exchange is not None and not entry.exchange.is_reconciled:
                counts.update(verdicts(entry.exchange, is_synthetic(entry.stream)))
        rows = [dict(zip(_KEYS, verdict, strict=True), calls=calls) for verdict, calls in counts.items()]
        upsert(connection, draft_verdict, rows, MERGE)

    def clear(self, connection: Connection) -> None:
        connection.execute(delete(draft_verdict))


def verdicts(told: Exchange, mark: bool) -> Iterator[Verdict]:
    """What one call adds, each once."""
    by_draft: dict[str, list[DecisionRecord]] = {}
    for decision in told.decisions:
        if decision.version:
            by_draft.setdefault(decision.version, []).append(decision)
    day = told.started_us // DAY_US
    for draft, decisions in by_draft.items():
        where = (told.contract, draft, day, told.operation, told.consumer, told.legal_entity, mark)
        judged = Verdict(*where, outcome="judged")
        yield from sorted({judged, *(each for one in decisions for each in _verdicts(judged, one))})


def _verdicts(judged: Verdict, decision: DecisionRecord) -> Iterator[Verdict]:
    if decision.kind == "flag":
        yield judged._replace(outcome="missing")
    elif decision.kind == "error":
        yield judged._replace(outcome="failed", policy=decision.policy, code=decision.code)
    elif decision.kind == "reject":
        yield judged._replace(outcome="refused")
        wrong = judged._replace(outcome="place", policy=decision.policy, code=decision.code)
        for pointer in decision.pointers[:MOST_POINTERS] or ("",):
            yield wrong._replace(place=_INDEX.sub("/*", pointer))


class Place(msgspec.Struct, frozen=True):
    """Something wrong with calls at one place."""

    policy: str  # request-schema: in what was sent; response-schema: in what the system answered
    code: str
    pointer: str  # indices of arrays as *
    calls: int


class DraftUse(msgspec.Struct, frozen=True):
    """What a draft says of one consumer's calls of one operation."""

    consumer: str
    operation: str
    calls: int  # judged
    refused: int  # of them, that the draft would have refused, or whose answer it would
    missing: int  # that ask for what the draft has no longer
    failed: int  # where judging failed
    places: tuple[Place, ...]  # the most frequent first


def uses_of(connection: Connection, contract: str, draft: str, days: int, now_us: int, sight: Sight) -> list[DraftUse]:
    """Of the last `days` UTC days; those with the most refused calls first."""
    table = draft_verdict.c
    what = (table.consumer, table.operation, table.outcome, table.policy, table.code, table.place)
    query = (
        select(*what, sum_of(table.calls))
        .where(table.contract == contract, table.draft == draft, table.day > now_us // DAY_US - days)
        .group_by(*what)
    )
    found: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    for consumer, operation, *rest in connection.execute(sight.narrow(query, table)):
        found.setdefault((consumer, operation), []).append(tuple(rest))
    told = [_use(*key, rows) for key, rows in found.items()]
    return sorted(told, key=lambda each: (-each.refused - each.missing, each.consumer, each.operation))


def _use(consumer: str, operation: str, rows: Iterable[tuple[Any, ...]]) -> DraftUse:
    counts: Counter[str] = Counter()
    places = []
    for outcome, policy, code, place, calls in rows:
        counts[outcome] += calls
        if outcome == "place":
            places.append(Place(policy, code, place, calls))
    places.sort(key=lambda each: (-each.calls, each.policy, each.pointer, each.code))
    told = (counts["judged"], counts["refused"], counts["missing"], counts["failed"])
    return DraftUse(consumer, operation, *told, tuple(places))
