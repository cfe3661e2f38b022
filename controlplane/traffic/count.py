"""What one exchange adds to the traffic's counters. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from controlplane.lineage.histogram import step_of
from controlplane.lineage.summary import Summary


class Traffic(NamedTuple):
    """`system` is "" for what went to none: refused, unknown, answered by the gateway itself."""

    minute: int
    gateway: str
    system: str
    legal_entity: str
    is_synthetic: bool
    refused: bool
    failed: bool


class Timing(NamedTuple):
    minute: int
    part: str
    system: str
    legal_entity: str
    is_synthetic: bool
    step: int


def system_of(call: Summary) -> str:
    """The system that was asked; "" for none. A replayed answer asks nobody again."""
    return "" if call.refusal or call.is_replay else call.system


def traffic_of(call: Summary) -> Traffic:
    system = system_of(call)
    return Traffic(
        call.minute,
        call.stream.partition("/")[0],
        system,
        call.legal_entity,
        call.is_synthetic,
        bool(call.refusal),
        bool(system) and call.fault == "upstream",
    )


def timings_of(call: Summary) -> Iterator[Timing]:
    """How long the system had the call and how long the gateway had it; nothing for calls to no system."""
    system = system_of(call)
    if system and call.upstream_us:
        for part, spent_us in (("system", call.upstream_us), ("gateway", call.duration_us - call.upstream_us)):
            yield Timing(call.minute, part, system, call.legal_entity, call.is_synthetic, step_of(spent_us))
