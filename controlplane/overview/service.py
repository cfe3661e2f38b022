"""Reads the declared measures."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from catalog.measure import Measure
from controlplane.context import Context, rfc3339
from controlplane.lineage.rollup import Window
from controlplane.lineage.sight import Sight, has_synthetic
from controlplane.overview.budget import budget
from controlplane.overview.doubt import doubt
from controlplane.overview.exception import exceptions
from controlplane.overview.figure import Figure, Kind, Reading, Scope, figure_of
from controlplane.overview.latency import latency
from controlplane.overview.opening import opening
from controlplane.overview.refusal import refusals
from controlplane.overview.sentence import sentence
from controlplane.registry.store import documents
from controlplane.slo.service import SloService
from controlplane.slo.watermark import Watermark

KINDS: dict[str, Kind] = {
    "exceptions": exceptions,
    "open": opening,
    "latency": latency,
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
            standings = self._slos.standings(connection, sight)
            rows: list[tuple[Measure, Reading, Figure]] = []
            for measure in published_measures(connection):
                window = Window.ending(now.as_of_us, measure.window_s)
                reading = KINDS[measure.kind](measure, Scope(connection, window, now.as_of_us, sight, standings))
                rows.append((measure, reading, figure_of(measure, reading, now.as_of_us)))
        figures = [figure for _, _, figure in rows]
        return Overview(sentence(rows, _stale(now)), now.as_of_us, now.is_stale, figures, is_invented)


def published_measures(connection: Connection) -> list[Measure]:
    """All measures in force, in the order of the page."""
    found = [msgspec.convert(document, Measure) for document in documents(connection, "measure").values()]
    return sorted(found, key=lambda measure: (measure.rank, measure.id))


def _stale(now: Watermark) -> str:
    if not now.is_stale:
        return ""
    verb = "is" if len(now.silent) == 1 else "are"
    return f"These figures are as of {rfc3339(now.as_of_us)[:19]}Z: {', '.join(now.silent)} {verb} silent."
