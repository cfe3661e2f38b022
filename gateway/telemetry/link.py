"""Links between the spans of one business object, and along its flow links: no trace lives as long as a purchase.

An exchange links to the exchange that first made its object known, to the last one before it that changed the object,
and to the same two of every object that it follows from (flow links; references would tie everything together). The
first is in the group's store with the object's cross-reference; the last is remembered here, for a bounded number of
objects and for this process life.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from opentelemetry.trace import Link, SpanContext, TraceFlags

from catalog import conventions as names
from catalog.record import Exchange, ObjectRef

CAPACITY = 20_000  # objects

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_SAME = "same"


class Place(NamedTuple):
    """A span that is linked to."""

    trace_id: str
    span_id: str


Firsts = dict[ObjectRef, Place]


class Linker:
    """Of one thread. `look_up` asks the store for the exchanges that first made objects known; what it does not find
    is not in its answer."""

    def __init__(self, look_up: Callable[[Sequence[ObjectRef]], Firsts], capacity: int = CAPACITY) -> None:
        self._look_up = look_up
        self._capacity = capacity
        self._first: Firsts = {}
        self._last: Firsts = {}

    def prepare(self, records: Iterable[Exchange]) -> None:
        """Ask the store once for all objects of `records` that are not known yet."""
        wanted = {key for record in records for key, _ in _objects(record) if key not in self._first}
        if wanted:
            for key, place in self._look_up(sorted(wanted, key=_order)).items():
                self._keep(self._first, key, place)

    def links(self, record: Exchange) -> list[Link]:
        """The links of `record`, which from now on is the last exchange of its object if it changed it."""
        own = Place(record.trace_id, record.span_id)
        found: dict[Place, Link] = {}
        for key, relation in _objects(record):
            for role, known in (("first", self._first), ("last", self._last)):
                place = known.get(key)
                if place is not None and place != own and place not in found:
                    found[place] = _link(place, key, relation, role)
        if record.object is not None and record.executed == "yes" and not record.is_replay:
            self._keep(self._last, record.object, own)
        return list(found.values())

    def _keep(self, known: Firsts, key: ObjectRef, place: Place) -> None:
        known.pop(key, None)  # the newest come last
        known[key] = place
        if len(known) > self._capacity:
            del known[next(iter(known))]


def _objects(record: Exchange) -> Iterator[tuple[ObjectRef, str]]:
    if record.object is not None:
        yield record.object, _SAME
    for link in record.links:
        if link.kind == "flow":
            yield link.target, link.relation


def _order(key: ObjectRef) -> tuple[str, str, str]:
    return key.type, key.assigner, key.value


def _link(place: Place, key: ObjectRef, relation: str, role: str) -> Link:
    context = SpanContext(int(place.trace_id, 16), int(place.span_id, 16), True, _SAMPLED)
    return Link(
        context,
        {
            names.LINK_RELATION: relation,
            names.LINK_ROLE: role,
            names.OBJECT_TYPE: key.type,
            names.OBJECT_ASSIGNER: key.assigner,
            names.OBJECT_KEY: key.value,
        },
    )
