"""Reads the declared measures."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from catalog.errors import Invalid, NotFound, Problem
from catalog.measure import Measure
from controlplane.context import Context, rfc3339
from controlplane.lineage.rollup import Window
from controlplane.lineage.sight import Sight, has_synthetic
from controlplane.overview.backlog import backlog
from controlplane.overview.budget import budget
from controlplane.overview.delay import delay
from controlplane.overview.doubt import doubt
from controlplane.overview.exception import exceptions
from controlplane.overview.figure import Figure, Kind, Reading, Scope, Trend, figure_of
from controlplane.overview.latency import latency
from controlplane.overview.opening import opening
from controlplane.overview.refusal import refusals
from controlplane.overview.sentence import sentence
from controlplane.overview.trend import objective_trends, trend_of
from controlplane.registry.store import documents
from controlplane.slo.evaluation import by_window
from controlplane.slo.projection import Definition, definitions
from controlplane.slo.service import SloService, definition_of
from controlplane.slo.watermark import Watermark

KINDS: dict[str, Kind] = {
    "exceptions": exceptions,
    "open": opening,
    "backlog": backlog,
    "latency": latency,
    "delay": delay,
    "refusals": refusals,
    "in_doubt": doubt,
    "budget": budget,
}


class Overview(msgspec.Struct, frozen=True):
    sentence: str
    as_of_us: int
    is_stale: bool
    figures: list[Figure]
    has_synthetic: bool  # whether any synthetic history was taken in, shown here or not


class TrendView(msgspec.Struct, frozen=True):
    id: str
    title: str
    trend: Trend
    as_of_us: int
    has_synthetic: bool


class Course(msgspec.Struct, frozen=True):
    id: str
    title: str
    trend: Trend


class Courses(msgspec.Struct, frozen=True):
    as_of_us: int
    has_synthetic: bool
    items: list[Course]


class OverviewService:
    """Blocking: for worker threads."""

    def __init__(self, context: Context, slos: SloService) -> None:
        self._database = context.database
        self._slos = slos

    def overview(self, sight: Sight) -> Overview:
        """All measures at the watermark, for what is in `sight`."""
        self._slos.follow_workspace()
        with self._database.read() as connection:
            now = self._slos.watermark(connection)
            is_invented = has_synthetic(connection)
            known, standings = definitions(connection), self._slos.standings(connection, now, sight)
            rows: list[tuple[Measure, Reading, Figure]] = []
            for measure in published_measures(connection):
                window = Window.ending(now.as_of_us, measure.window_s)
                scope = Scope(connection, window, now.as_of_us, sight, known, standings)
                reading = KINDS[measure.kind](measure, scope)
                figure = figure_of(measure, reading, now.as_of_us, trend_of(measure, scope))
                rows.append((measure, reading, figure))
        figures = [figure for _, _, figure in rows]
        return Overview(sentence(rows, _stale(now)), now.as_of_us, now.is_stale, figures, is_invented)

    def trend(self, measure: str, slo: str, sight: Sight) -> TrendView:
        """Of a measure, or of an objective: exactly one of the two names. Raises: Invalid, NotFound."""
        if bool(measure) == bool(slo):
            raise Invalid("name a measure or an objective", [Problem("exactly one of measure and slo", "/measure")])
        self._slos.follow_workspace()
        with self._database.read() as connection:
            now = self._slos.watermark(connection)
            if slo:
                (told,) = _courses(connection, [definition_of(connection, slo)], now, sight)
                return TrendView(told.id, told.title, told.trend, now.as_of_us, has_synthetic(connection))
            wanted = _measure_of(connection, measure)
            standings = self._slos.standings(connection, now, sight) if wanted.kind == "budget" else []
            window = Window.ending(now.as_of_us, wanted.window_s)
            scope = Scope(connection, window, now.as_of_us, sight, definitions(connection), standings)
            is_invented = has_synthetic(connection)
            return TrendView(wanted.id, wanted.title, trend_of(wanted, scope), now.as_of_us, is_invented)

    def trends(self, sight: Sight) -> Courses:
        """Of all objectives, by name."""
        self._slos.follow_workspace()
        with self._database.read() as connection:
            now = self._slos.watermark(connection)
            items = _courses(connection, definitions(connection), now, sight)
            return Courses(now.as_of_us, has_synthetic(connection), items)


def _courses(connection: Connection, known: Sequence[Definition], now: Watermark, sight: Sight) -> list[Course]:
    found: dict[int, Trend] = {}
    for window_s, some in by_window(known).items():
        scope = Scope(connection, Window.ending(now.as_of_us, window_s), now.as_of_us, sight, some, [])
        found |= objective_trends([item.slo_id for item in some], scope)
    return [Course(item.spec.name, item.spec.title, found[item.slo_id]) for item in known]


def _measure_of(connection: Connection, name: str) -> Measure:
    for measure in published_measures(connection):
        if measure.id == name:
            return measure
    raise NotFound("no such measure")


def published_measures(connection: Connection) -> list[Measure]:
    """All measures in force, in the order of the page."""
    found = [msgspec.convert(document, Measure) for document in documents(connection, "measure").values()]
    return sorted(found, key=lambda measure: (measure.rank, measure.id))


def _stale(now: Watermark) -> str:
    if not now.is_stale:
        return ""
    verb = "is" if len(now.silent) == 1 else "are"
    return f"These figures are as of {rfc3339(now.as_of_us)[:19]}Z: {', '.join(now.silent)} {verb} silent."
