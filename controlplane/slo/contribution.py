"""What one exchange or one object adds to an objective. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from catalog.slo import HttpSource, LifecycleSource
from controlplane.lineage.rollup import MINUTE_US
from controlplane.lineage.summary import Summary
from controlplane.slo.deadline import Calendars

OTHERS_FAULT = frozenset({"request", "policy"})


def is_good_call(source: HttpSource, call: Summary) -> bool:
    """Answered within the threshold and without a 5xx that system or gateway is to blame for."""
    is_broken = call.status >= 500 and call.fault not in OTHERS_FAULT
    return not is_broken and call.duration_us <= source.threshold_ms * 1000


def counts(source: HttpSource, call: Summary) -> bool:
    """Whether the objective is about this call; an answer replayed from the journal says nothing of the service."""
    return not call.is_replay and f"{call.contract}/{call.operation}" in source.operations


class Milestone(NamedTuple):
    """An event of an object: sorts by the order of design §11.10. The time is that of the answer."""

    ended_us: int
    stream: str
    seq: int
    event: str
    legal_entity: str


class Delta(NamedTuple):
    """What an exchange or an object adds to the roll-ups in one minute."""

    minute: int
    legal_entity: str
    is_synthetic: bool
    good: int = 0
    bad: int = 0
    begun: int = 0
    ended: int = 0


class Contribution(NamedTuple):
    """An object's part in a life cycle objective. `minute` is where it counts once it is closed."""

    state: Literal["open", "good", "bad"]
    legal_entity: str
    started_us: int
    deadline_us: int
    finished_us: int | None
    minute: int
    is_synthetic: bool = False

    @property
    def ended_us(self) -> int | None:
        """When it was no longer open: an end that was told before the beginning counts with it."""
        return None if self.finished_us is None else max(self.finished_us, self.started_us)

    def deltas(self, sign: int) -> Iterator[Delta]:
        where = (self.legal_entity, self.is_synthetic)
        yield Delta(self.started_us // MINUTE_US, *where, begun=sign)
        if self.ended_us is not None:
            yield Delta(self.ended_us // MINUTE_US, *where, ended=sign)
        if self.state != "open":
            yield Delta(self.minute, *where, good=sign * (self.state == "good"), bad=sign * (self.state == "bad"))


def contribution_of(
    source: LifecycleSource,
    milestones: Iterable[Milestone],
    is_synthetic: bool = False,
    calendars: Calendars = Calendars(),  # noqa: B008  # immutable
) -> Contribution | None:
    """From all events of one object; None while it has not started.

    The first start and the first finish count. A finish in time is good in the minute it came; anything later is
    bad in the minute of the deadline, whenever it is learnt.
    """
    ordered = sorted(milestones)
    start = next((item for item in ordered if item.event == source.from_event), None)
    if start is None:
        return None
    finished_us = next((item.ended_us for item in ordered if item.event == source.to_event), None)
    deadline_us = calendars.deadline_us(source, start.ended_us, start.legal_entity)
    times = (start.ended_us, deadline_us, finished_us)
    if finished_us is not None and finished_us <= deadline_us:
        minute = max(finished_us, start.ended_us) // MINUTE_US
        return Contribution("good", start.legal_entity, *times, minute, is_synthetic)
    state: Literal["open", "bad"] = "open" if finished_us is None else "bad"
    return Contribution(state, start.legal_entity, *times, deadline_us // MINUTE_US, is_synthetic)
