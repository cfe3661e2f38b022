"""`python -m tests.bench.ingest`: how many records a second the control plane takes in, on SQLite and PostgreSQL.

The records are those of sixty invented days under the library's objectives: once at their own times, where hardly two
fall into one minute, and once as if a hundred came each second. On a machine with other work only the CPU means
something: this process' own and the server's, one after the other. Nothing here gates.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import yaml

from catalog.record import Exchange
from catalog.workspace import Workspace, library_files, load, read_directory
from controlplane.context import Context
from controlplane.ingest.service import IngestService
from controlplane.keys import KeyRing
from controlplane.projection import projections
from controlplane.settings import Settings
from controlplane.simulation.credential import new_signer
from controlplane.simulation.history import make_history
from controlplane.simulation.workspace import AUDIENCE, ISSUER, STATIONS, write_workspace
from controlplane.store.database import Database
from controlplane.store.migration import upgrade
from tests.controlplane.journal import Stream
from tests.controlplane.publication import put_in_force
from tests.postgres import binaries, cluster

RECORDS = int(os.environ.get("WAYBILL_BENCH_RECORDS", "20000"))
BATCH = int(os.environ.get("WAYBILL_BENCH_BATCH", "500"))
UNTIL = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
APART_US = 10_000


def main() -> int:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        workspace = _workspace(folder / "workspace")
        history = make_history(workspace, 7, UNTIL)[:RECORDS]
        told = {"sixty days": history, "a hundred a second": list(_dense(history))}
        urls = [f"sqlite:///{folder}/{number}.sqlite3" for number in range(len(told))]
        if bin_dir := binaries():
            running = stack.enter_context(cluster(bin_dir))
            urls += [running.database() for _ in told]
        print(f"{len(history)} records, {BATCH} a batch, one process\n")
        print(f"{'store':12}{'records':20}{'per second':>12}{'CPU us a record: own':>22}{'server':>8}")
        for url, (kind, exchanges) in zip(urls, [*told.items()] * 2, strict=False):
            per_s, own_us, server_us = _measure(folder, url, workspace, exchanges)
            store = url.partition(":")[0]
            print(f"{store:12}{kind:20}{per_s:>12,.0f}{own_us:>22,.0f}{server_us:>8,.0f}", flush=True)
    return 0


def _workspace(folder: Path) -> Workspace:
    slo = yaml.safe_load(library_files(["procure-to-pay"])["library:slos/receipt-reaches-erp.yaml"])
    _, jwks = new_signer(ISSUER, AUDIENCE, "treasury")
    write_workspace(folder, {station.name: "http://127.0.0.1:9" for station in STATIONS}, jwks, slo)
    return load(read_directory(folder))


def _dense(history: Sequence[Exchange]) -> Iterator[Exchange]:
    first_us = history[0].started_us
    for number, exchange in enumerate(history):
        yield msgspec.structs.replace(exchange, started_us=first_us + number * APART_US)


def _measure(folder: Path, url: str, workspace: Workspace, exchanges: Sequence[Exchange]) -> tuple[float, float, float]:
    """Records a second, and microseconds of this process' and of the server's CPU for each."""
    database = Database.open(url)
    upgrade(database)
    context = Context(Settings(folder), database, KeyRing.open(folder / "keys"), lambda: time.time_ns() // 1_000)
    in_force = (workspace.slos.values(), workspace.measures.values(), workspace.entities.values())
    put_in_force(context, *in_force, workspace.calendars.values())
    service, stream = IngestService(context, projections()), Stream()
    stream.log(*exchanges)
    stream.send(service, BATCH)
    began = (time.perf_counter(), _own_s(), _server_s(database))
    while stream.send(service, BATCH):
        pass
    ended = (time.perf_counter(), _own_s(), _server_s(database))
    database.close()
    wall_s, own_s, server_s = (end - begin for begin, end in zip(began, ended, strict=True))
    taken = len(exchanges) - BATCH
    return taken / wall_s, own_s / taken * 1_000_000, server_s / taken * 1_000_000


def _own_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _server_s(database: Database) -> float:
    """CPU of the session that writes; 0 where the store has no server. Source: proc(5), /proc/pid/stat."""
    if not database.is_shared:
        return 0.0
    with database.write() as connection:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
