"""Keeps runs that were recorded, and tells of them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from sqlalchemy import Connection, func, insert, select

from controlplane.act.store import remember
from controlplane.conformance.store import conformance_run
from controlplane.context import Context
from controlplane.identity.principal import User

SHOWN = 50  # runs of one version, the latest first

Text = Annotated[str, msgspec.Meta(max_length=2_000)]


class RunReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `waybill contract test --format json` tells."""

    contract: Text
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    target: Text
    seed: int
    conforms: bool
    requests: Annotated[int, msgspec.Meta(ge=0)]
    operations: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=5_000)]
    findings: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=5_000)]
    verdict: Annotated[str, msgspec.Meta(max_length=40)] = ""


class RunView(msgspec.Struct, frozen=True):
    """A recorded run. What was tested had this `sha256`: of another one it says nothing."""

    run_id: int
    sha256: str
    conforms: bool
    target: str
    at_us: int
    who: str
    requests: int
    errors: int
    not_exercised: int
    verdict: str = ""  # conforms | breaks | not exercised
    exercised: int = 0  # operations


def record(context: Context, name: str, version: str, report: RunReport, by: User) -> RunView:
    """Keep a run, and that `by` told of it."""
    at_us = context.clock()
    row = {
        "contract": name,
        "version": version,
        "sha256": report.sha256,
        "conforms": report.conforms,
        "target": report.target,
        "at_us": at_us,
        "who_id": by.id,
        "who": by.name,
        "report": msgspec.json.encode(report).decode(),
    }
    with context.database.write() as connection:
        connection.execute(insert(conformance_run).values(**row))
        told = {"conforms": report.conforms, "sha256": report.sha256, "address": report.target}
        remember(connection, at_us, by, "conformance.recorded", f"{name}@{version}", **told)
        return runs(connection, name, version)[0]


def runs(connection: Connection, name: str, version: str) -> list[RunView]:
    """Recorded runs of a version, the latest first, at most `SHOWN`."""
    table = conformance_run.c
    query = select(conformance_run).where(table.contract == name, table.version == version)
    return [_view(row) for row in connection.execute(query.order_by(table.run_id.desc()).limit(SHOWN))]


def conforming(connection: Connection) -> frozenset[str]:
    """SHA-256 of contract versions whose last recorded run found nothing."""
    table = conformance_run.c
    last = select(func.max(table.run_id)).group_by(table.sha256)
    return frozenset(connection.scalars(select(table.sha256).where(table.run_id.in_(last), table.conforms)))


def _view(row: Any) -> RunView:
    report = msgspec.json.decode(row.report, type=RunReport)
    idle = sum(each.get("state") == "not exercised" for each in report.operations)
    return RunView(
        row.run_id,
        row.sha256,
        row.conforms,
        row.target,
        row.at_us,
        row.who,
        report.requests,
        sum(each.get("level") == "error" for each in report.findings),
        idle,
        report.verdict or ("conforms" if row.conforms else "breaks"),
        len(report.operations) - idle,
    )
