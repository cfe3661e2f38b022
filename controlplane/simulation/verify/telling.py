"""What the exchange records of a run say about objects and objectives, computed anew from the log alone.

Written against the definitions (OpenSLO documents, measures), not against the control plane's code: two independent
ways to the same figures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from catalog.calendar import BusinessTime
from catalog.record import Exchange, ObjectRef
from catalog.slo import HttpSource, LifecycleSource

READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Standing(NamedTuple):
    """An objective at one time; `open` have their deadline still before them, `overdue` are bad and unfinished."""

    good: int
    bad: int
    open: frozenset[ObjectRef]
    overdue: frozenset[ObjectRef]
    late: frozenset[ObjectRef]


def last_words(records: Iterable[Exchange]) -> list[Exchange]:
    """One record for each exchange: what was written last stands."""
    return list({record.exchange_id: record for record in records}.values())


def http_standing(source: HttpSource, records: Iterable[Exchange]) -> Standing:
    """Good: answered in time and without a 5xx that lies with system or gateway; replays say nothing."""
    good = bad = 0
    for record in records:
        if record.is_replay or f"{record.contract}/{record.operation}" not in source.operations:
            continue
        is_broken = record.status >= 500 and record.fault not in ("request", "policy")
        if is_broken or record.duration_us > source.threshold_ms * 1000:
            bad += 1
        else:
            good += 1
    return Standing(good, bad, frozenset(), frozenset(), frozenset())


def lifecycle_standing(
    source: LifecycleSource, records: Sequence[Exchange], as_of_us: int, times: Mapping[str, BusinessTime]
) -> Standing:
    """By the time of the answers: the first start and the first finish of each object count."""
    starts, finishes = milestones(source, records)
    entities = {each.object: each.legal_entity for each in records if each.event == source.from_event}
    good, groups = 0, defaultdict[str, set[ObjectRef]](set)
    for subject, started_us in starts.items():
        deadline_us = _deadline_us(source, started_us, times.get(entities[subject]))
        finished_us = finishes.get(subject)
        if finished_us is None:
            groups["overdue" if deadline_us <= as_of_us else "open"].add(subject)
        elif finished_us <= deadline_us:
            good += 1
        else:
            groups["late"].add(subject)
    opened, overdue, late = (frozenset(groups[name]) for name in ("open", "overdue", "late"))
    return Standing(good, len(overdue) + len(late), opened, overdue, late)


def _deadline_us(source: LifecycleSource, started_us: int, time: BusinessTime | None) -> int:
    if source.deadline_business_days is None or time is None:
        return started_us + (source.deadline_s or 0) * 1_000_000
    start = datetime.fromtimestamp(started_us // 1_000_000, UTC)
    due_s = int(time.add_days(start, source.deadline_business_days).timestamp())
    return due_s * 1_000_000 + started_us % 1_000_000


def milestones(
    source: LifecycleSource, records: Iterable[Exchange]
) -> tuple[dict[ObjectRef, int], dict[ObjectRef, int]]:
    """When each object began and when it finished, in microseconds, whether it has done both or not."""
    starts: dict[ObjectRef, int] = {}
    finishes: dict[ObjectRef, int] = {}
    for record in records:
        subject = record.object
        if subject is None or subject.type != source.object or record.is_replay:
            continue
        ended_us = record.started_us + record.duration_us
        if record.event == source.from_event:
            starts[subject] = min(ended_us, starts.get(subject, ended_us))
        if record.event == source.to_event:
            finishes[subject] = min(ended_us, finishes.get(subject, ended_us))
    return starts, finishes


def refusal(record: Exchange) -> str:
    """The policy that refused, or the code of the gateway's own refusal; "" when the call went on."""
    if record.refused_by:
        return record.refused_by
    is_own = record.fault in ("request", "policy") and record.upstream_status == 0 and record.status >= 400
    return record.code if is_own and not record.is_replay else ""


def in_doubt(records: Iterable[Exchange]) -> int:
    """Mutating calls of which nobody knows whether they were carried out."""
    return sum(each.executed == "unknown" and each.method not in READS and not each.is_replay for each in records)


def exceptions(object_type: str, axis: str | None, values: list[str], records: list[Exchange]) -> tuple[int, int]:
    """(objects in exception, objects seen): refused and not done since, or standing in one of the axis' values."""
    refused: set[tuple[ObjectRef, str, str]] = set()
    done: set[tuple[ObjectRef, str, str]] = set()
    seen: set[ObjectRef] = set()
    axes: dict[ObjectRef, tuple[tuple[bool, int], str]] = {}
    for record in records:
        if record.object is None or record.object.type != object_type:
            continue
        attempt = (record.object, record.contract, record.operation)
        is_mutating = record.method not in READS
        is_failed = is_mutating and record.executed == "no" and record.status >= 400 and not record.is_replay
        is_effect = bool(record.event) or (is_mutating and record.executed != "no")
        if is_failed:
            refused.add(attempt)
        elif is_effect:
            done.add(attempt)
        if (is_failed or is_effect) and not record.is_replay:
            seen.add(record.object)
        if axis and axis in record.status_axes:
            mark = (record.status < 400 or record.executed == "yes", record.started_us)
            axes[record.object] = max(axes.get(record.object, ((False, -1), "")), (mark, record.status_axes[axis]))
    standing = {subject for subject, (_, value) in axes.items() if value in values and subject in seen}
    return len(standing | {subject for subject, _, _ in refused - done}), len(seen)
