"""What an ingest asks the store must not grow with what is stored already."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from controlplane.context import Context
from controlplane.ingest.service import IngestService
from controlplane.projection import projections
from tests.controlplane.engine import accesses
from tests.controlplane.journal import Calls, Stream, procure_to_pay, receipt_slo, validation_slo
from tests.controlplane.publication import put_in_force

GROWING = ("business_object", "object_axis", "link", "exchange", "log_batch", "slo_contribution", "slo_rollup")


@pytest.mark.parametrize("is_retold", [False, True])
def test_no_statement_of_an_ingest_reads_a_whole_table(context: Context, is_retold: bool) -> None:
    """Every statement on a table that grows with traffic searches an index, also when exchanges are told again."""
    put_in_force(context, [receipt_slo(), validation_slo()])
    service, stream, calls = IngestService(context, projections()), Stream(), Calls()
    steps = procure_to_pay(calls)
    stream.log(*steps)
    stream.send(service)
    asked: list[tuple[str, tuple]] = []

    @event.listens_for(context.database.engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, parameters, _context, is_many) -> None:
        asked.append((statement, parameters[0] if is_many else parameters))

    stream.log(*(steps if is_retold else procure_to_pay(calls, 2)))
    stream.send(service)
    event.remove(context.database.engine, "before_cursor_execute", note)
    assert len(asked) > 12
    with context.database.read() as connection:
        for statement, parameters in asked:
            steps = accesses(connection, statement, parameters)
            scans = [step for step in steps if step.table in GROWING and not step.is_search]
            assert scans == [], statement
            if connection.dialect.name == "sqlite":  # it has no statistics that would tell it better
                assert "business_object_by_time" not in [step.index for step in steps], statement
