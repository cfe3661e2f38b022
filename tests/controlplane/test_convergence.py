"""Figures are a function of the set of entries: any interleaving of streams, any batching and a rebuild agree to the
last digit."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from catalog.record import DecisionRecord, Exchange
from controlplane.context import Context
from controlplane.ingest.service import IngestService, rebuild
from controlplane.keys import KeyRing
from controlplane.lineage.projection import LineageProjection
from controlplane.lineage.sight import Sight
from controlplane.lineage.store import (
    business_object,
    call_rollup,
    exchange,
    latency_rollup,
    link,
    object_axis,
    usage_rollup,
)
from controlplane.settings import Settings
from controlplane.slo.evaluation import evaluate_all
from controlplane.slo.projection import SloProjection, definitions
from controlplane.slo.store import slo_contribution, slo_definition, slo_delay_rollup, slo_rollup
from controlplane.store.database import Database
from controlplane.traffic.draft import DraftProjection
from controlplane.traffic.field import FieldProjection
from controlplane.traffic.projection import TrafficProjection
from controlplane.traffic.store import draft_verdict, field_usage, timing_rollup, traffic_rollup
from tests.controlplane.engine import Shelf
from tests.controlplane.journal import MINUTE, T0_US, Calls, S, Stream, receipt_slo, validation_slo
from tests.postgres import Cluster

STREAMS = ("north/0/1", "north/0/2", "south/0/1", "synthetic/1/1")
EVENTS = ("receipt.posted", "receipt.accepted", "receipt.corrected")
SPECS = [receipt_slo(90), validation_slo()]
ROLLUPS = (
    call_rollup,
    latency_rollup,
    usage_rollup,
    slo_rollup,
    slo_delay_rollup,
    traffic_rollup,
    timing_rollup,
)
COUNTS = ("good", "bad", "begun", "ended", "calls", "refused", "failed", "objects")
_KEYS = KeyRing.open(Path(tempfile.mkdtemp(prefix="waybill-keys-")))

told_calls = st.fixed_dictionaries(
    {
        "number": st.integers(0, 4),  # which exchange: several tellings of one are wanted
        "object": st.integers(0, 2),
        "target": st.integers(0, 2),
        "event": st.sampled_from(["", *EVENTS]),
        "at": st.integers(0, 240),  # seconds: some ties
        "duration_us": st.sampled_from([900, 40_000, 1_500_000]),
        "amount": st.sampled_from([None, "10.10", "0.01", "99999999999999999999.99"]),
        "axis": st.sampled_from([{}, {"doc": "a"}, {"doc": "b", "match": "c"}]),
        "outcome": st.sampled_from(["yes", "refused", "unknown", "broken", "replay"]),
        "is_validation": st.booleans(),
        "entity": st.sampled_from(["mercy", "grace"]),
        "fields": st.lists(st.sampled_from(["body:/id", "body:/lines/*/price", "query:page"]), unique=True),
        "day": st.sampled_from([0, 0, 0, 1]),
        "draft": st.sampled_from(["", "allow", "reject", "error", "flag"]),
    }
)
OUTCOMES: dict[str, dict[str, Any]] = {
    "yes": {"status": 201, "executed": "yes"},
    "refused": {"status": 422, "executed": "no", "fault": "request", "refused_by": "shape", "upstream_status": 0},
    "unknown": {"status": 504, "executed": "unknown", "fault": "upstream"},
    "broken": {"status": 502, "executed": "no", "fault": "upstream"},
    "replay": {"status": 201, "executed": "yes", "is_replay": True},
}


def telling(spec: dict[str, Any]) -> Exchange:
    calls = Calls(entity=spec["entity"])
    operation = "procurement.requisitions/requisitions.validate" if spec["is_validation"] else "receiving/post"
    return calls.make(
        operation,
        spec["event"],
        calls.ref("receipt", f"RC-{spec['object']}", "shared"),
        spec["amount"],
        flows=[("fulfils", calls.ref("order", f"PO-{spec['target']}", "shared"))],
        at_us=T0_US + spec["at"] * S + spec["day"] * 1440 * MINUTE,
        request_fields=tuple(spec["fields"]),
        response_fields=tuple(spec["fields"][:1]),
        decisions=_decisions(spec["draft"]),
        exchange_id=f"{spec['number']:032x}",
        duration_us=spec["duration_us"],
        status_axes=spec["axis"],
        aliases=(calls.ref("receipt", f"N-{spec['target']}", "erp"),),
        **OUTCOMES[spec["outcome"]],
    )


def _decisions(kind: Any) -> tuple[DecisionRecord, ...]:
    """What a draft had to say."""
    return (DecisionRecord("request-schema", kind, "shadow", "", ("/lines/0/id",), "2.0.0"),) if kind else ()


Projections = tuple[LineageProjection, FieldProjection, DraftProjection]
Opened = tuple[IngestService, Database, Projections]
Fresh = Callable[[], AbstractContextManager[Opened]]


@pytest.fixture(scope="session")
def fresh_sqlite(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    paths = (tmp_path_factory.mktemp("figures") / f"{number}.sqlite3" for number in count())
    return lambda: _opened(shelf.sqlite(next(paths)))


@pytest.fixture(scope="session")
def fresh_postgresql(shelf: Shelf, postgres: Cluster) -> Fresh:
    return lambda: _opened(shelf.postgresql(postgres))


@contextmanager
def _opened(url: str) -> Iterator[Opened]:
    database = Database.open(url)
    slos = SloProjection(lambda _: 1, lambda _: SPECS)
    projections = (LineageProjection([slos, TrafficProjection()]), FieldProjection(), DraftProjection())
    context = Context(Settings(Path()), database, _KEYS, lambda: T0_US)
    try:
        yield IngestService(context, projections), database, projections
    finally:
        database.close()


def _streams(assigned: Sequence[tuple[int, dict[str, Any]]]) -> list[Stream]:
    streams = [Stream(name) for name in STREAMS]
    for which, spec in assigned:
        streams[which].log(telling(spec))
    return streams


def _ship(streams: list[Stream], order: Sequence[tuple[int, int]], service: IngestService) -> None:
    for which, many in order:
        streams[which].send(service, many)
    for stream in streams:
        stream.send(service)


def _key(objects: dict[int, str], number: int | None) -> str:
    return objects.get(number, "") if number is not None else ""


def figures(connection: Connection) -> dict[str, Any]:
    """Everything derived, without the store's own numbers, and what the objectives make of it at several times."""
    things = connection.execute(select(business_object)).all()
    keys = {row.object_id: f"{row.type}/{row.assigner}/{row.value}/{row.is_synthetic}" for row in things}
    slos = {row.slo_id: row.name for row in connection.execute(select(slo_definition))}

    def rows(table: Any, *left_out: str) -> list[Any]:
        found = []
        for row in connection.execute(select(table)).mappings():
            told = {name: value for name, value in row.items() if name not in left_out}
            for name in ("object_id", "source_id", "target_id"):
                if name in told:
                    told[name] = _key(keys, told[name])
            if "slo_id" in told:
                told["slo_id"] = slos[told["slo_id"]]
            found.append(sorted(told.items()))
        return sorted(found, key=repr)

    def counted(table: Any) -> list[Any]:
        return [row for row in rows(table) if any(value for name, value in row if name in COUNTS)]

    return {
        "objects": rows(business_object, "object_id"),
        "axes": rows(object_axis),
        "links": rows(link),
        "exchanges": rows(exchange, "row_id"),
        "contributions": rows(slo_contribution),
        "fields": rows(field_usage),
        "drafts": rows(draft_verdict),
        **{table.name: counted(table) for table in ROLLUPS},
        "standings": [
            evaluate_all(connection, definitions(connection), T0_US + minutes * MINUTE, False, Sight(scope, is_shown))
            for minutes in (0, 2, 9)
            for is_shown in (True, False)
            for scope in (None, frozenset({"mercy"}))
        ],
    }


interleavings = given(
    assigned=st.lists(st.tuples(st.integers(0, 3), told_calls), min_size=1, max_size=18),
    one_way=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=12),
    other_way=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=12),
)


@settings(max_examples=40, deadline=None)
@interleavings
def test_every_interleaving_and_a_rebuild_give_the_same_figures(fresh_sqlite, assigned, one_way, other_way) -> None:
    one, rebuilt = _told(fresh_sqlite, assigned, one_way)
    other, again = _told(fresh_sqlite, assigned, other_way)
    assert one == rebuilt == other == again


@settings(max_examples=15, deadline=None)
@interleavings
def test_both_stores_give_the_same_figures(fresh_sqlite, fresh_postgresql, assigned, one_way, other_way) -> None:
    """Told in one order to SQLite and in another to PostgreSQL, and rebuilt there."""
    one, rebuilt = _told(fresh_sqlite, assigned, one_way)
    other, again = _told(fresh_postgresql, assigned, other_way)
    assert one == rebuilt == other == again


def _told(fresh: Fresh, assigned: Sequence[Any], order: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures of a fresh store that was told `assigned` in that order, and those it has after a rebuild."""
    with fresh() as (service, database, projections):
        _ship(_streams(assigned), order, service)
        with database.read() as connection:
            found = figures(connection)
        assert rebuild(database, projections) == len(assigned)
        with database.read() as connection:
            return found, figures(connection)


def test_the_figures_compared_are_not_empty(fresh_sqlite) -> None:
    """Guards the properties above against comparing nothing with nothing."""
    calls = Calls()
    stream = Stream("north/0/1")
    stream.log(
        calls.make("receiving/post", "receipt.posted", calls.ref("receipt", "RC-1"), "10.00", status_axes={"doc": "a"}),
        calls.make(
            "finance/post", "receipt.accepted", calls.ref("receipt", "RC-1"), flows=[("f", calls.ref("o", "1"))]
        ),
        calls.make(
            "procurement.requisitions/requisitions.validate",
            request_fields=("body:/id",),
            decisions=(DecisionRecord("request-schema", "reject", "shadow", "schema-violation", ("/id",), "2.0.0"),),
        ),
    )
    with fresh_sqlite() as (service, database, _):
        stream.send(service)
        with database.read() as connection:
            found = figures(connection)
    assert all(found.values()), [name for name, value in found.items() if not value]
    assert any(standing.good for standings in found["standings"] for standing in standings)
