"""Readings of metrics, and Prometheus' text format of them. The names are `catalog.conventions`'s.

Source of the format: Prometheus, Exposition formats, text format 0.0.4.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from catalog.conventions import (
    BUILD,
    CPU_MODE,
    CPU_TIME,
    MEMORY,
    OPEN_FILES,
    PROCESS_RUNTIME_VERSION,
    SERVICE_VERSION,
    STARTED,
    Instrument,
    label,
)

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Attributes = Mapping[str, str | int]


class Histogram:
    """Durations in microseconds, counted by upper bounds (inclusive)."""

    __slots__ = ("bounds_us", "counts", "total_us")

    def __init__(self, bounds_us: tuple[int, ...]) -> None:
        self.bounds_us = bounds_us
        self.counts = [0] * (len(bounds_us) + 1)
        self.total_us = 0

    def add(self, value_us: int) -> None:
        self.counts[bisect_left(self.bounds_us, value_us)] += 1
        self.total_us += value_us

    def reading(self) -> Distribution:
        return Distribution(tuple(bound / 1e6 for bound in self.bounds_us), tuple(self.counts), self.total_us / 1e6)


class Distribution(NamedTuple):
    """What a histogram held when it was read, in its instrument's unit. One count more than bounds."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float


class Family(NamedTuple):
    """One metric with all its readings."""

    instrument: Instrument
    samples: list[tuple[Attributes, float | Distribution]]


class ProcessReading(NamedTuple):
    """What an operating system says about a process; bytes and files are None where it says nothing."""

    user_s: float
    system_s: float
    started_s: float  # since the epoch
    resident_bytes: int | None
    open_files: int | None


def process_families(reading: ProcessReading, version: str, runtime: str) -> list[Family]:
    """What runs, and what it uses."""
    cpu: list[tuple[Attributes, float | Distribution]] = [
        ({CPU_MODE: "user"}, reading.user_s),
        ({CPU_MODE: "system"}, reading.system_s),
    ]
    known = ((MEMORY, reading.resident_bytes), (OPEN_FILES, reading.open_files))
    return [
        Family(BUILD, [({SERVICE_VERSION: version, PROCESS_RUNTIME_VERSION: runtime}, 1)]),
        Family(CPU_TIME, cpu),
        Family(STARTED, [({}, reading.started_s)]),
        *(Family(instrument, [({}, value)]) for instrument, value in known if value is not None),
    ]


def exposition(families: Iterable[Family]) -> str:
    """Prometheus' text."""
    return "".join(f"{line}\n" for family in families for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    instrument = family.instrument
    name = instrument.prometheus
    yield f"# HELP {name} {_escaped(instrument.text)}"
    yield f"# TYPE {name} {instrument.kind}"
    for attributes, value in family.samples:
        labels = ",".join(f'{label(key)}="{_quoted(str(text))}"' for key, text in attributes.items())
        if isinstance(value, Distribution):
            yield from _buckets(name, labels, value)
        else:
            yield f"{name}{_braced(labels)} {_number(value)}"


def _buckets(name: str, labels: str, value: Distribution) -> Iterator[str]:
    seen = 0
    prefix = f"{labels}," if labels else ""
    for bound, count in zip((*(f"{bound:g}" for bound in value.bounds), "+Inf"), value.counts, strict=True):
        seen += count
        yield f'{name}_bucket{{{prefix}le="{bound}"}} {seen}'
    yield f"{name}_sum{_braced(labels)} {_number(value.total)}"
    yield f"{name}_count{_braced(labels)} {seen}"


def _braced(labels: str) -> str:
    return f"{{{labels}}}" if labels else ""


def _number(value: float) -> str:
    """Whole numbers exactly, others as Python writes them."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', r"\"")
