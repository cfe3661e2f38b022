"""The live table of a demo that runs until it is stopped: what clients and systems have logged, and the pages' figures.

Counts come from the logs of clients and systems, read as they grow; lag and figures from the control plane's API.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from catalog.errors import Unavailable, WaybillError
from controlplane.cli.client import Client
from controlplane.simulation.network import Network

REFRESH_S = 1.0
PLAIN_S = 5.0  # between lines where the output is no terminal


class Tally:
    """Counts log lines as they come; each file is read on from where it was left."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._offsets: dict[Path, int] = {}
        self.statuses: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.objects: Counter[str] = Counter()

    def read(self) -> None:
        for path in (*self._run_dir.glob("clients/*.ndjson"), *self._run_dir.glob("systems/*.ndjson")):
            with path.open("rb") as file:
                file.seek(self._offsets.get(path, 0))
                content = file.read()
            whole = content[: content.rfind(b"\n") + 1]
            self._offsets[path] = self._offsets.get(path, 0) + len(whole)
            for line in whole.splitlines():
                self._count(json.loads(line))

    def _count(self, line: dict[str, Any]) -> None:
        if line["kind"] == "call":
            self.statuses[f"{line['status'] // 100}xx" if line["status"] else "no answer"] += 1
            if line["code"]:
                self.refusals[line["code"]] += 1
        elif line["kind"] == "request" and line["effect"]:
            self.objects[line["operation"]] += 1


class View(NamedTuple):
    """What is shown at one time."""

    elapsed_s: float
    lag_us: int
    sentence: str


def watch(network: Network, console: Console) -> None:
    """Until Ctrl-C; where the output is no terminal, a line now and then. Raises: Unavailable when a process ends."""
    tally = Tally(network.run_dir)
    with network.client() as client:
        if not console.is_terminal:
            for view in _views(network, client, tally, PLAIN_S):
                calls, effects = tally.statuses.total(), tally.objects.total()
                console.print(
                    f"running for {view.elapsed_s:.0f} s: {calls} calls, {tally.refusals.total()} refused or failed, "
                    f"{effects} done, lag {view.lag_us / 1e6:.1f} s"
                )
            return
        with Live(console=console, auto_refresh=False) as live:
            for view in _views(network, client, tally, REFRESH_S):
                live.update(_table(tally, view), refresh=True)


def _views(network: Network, client: Client, tally: Tally, pause_s: float) -> Iterator[View]:
    started_s = time.monotonic()
    while True:
        for process in network.processes:
            if not process.is_running:
                raise Unavailable(f"{process.name} ended with {process.returncode}:\n{process.log_tail()}")
        tally.read()
        try:
            lag_us = max((stream["lag_us"] for stream in _items(client.get("/streams"))), default=0)
            sentence = client.get("/overview")["sentence"]
        except WaybillError as error:
            lag_us, sentence = 0, error.detail
        yield View(time.monotonic() - started_s, lag_us, sentence)
        time.sleep(pause_s)


def _items(listed: Any) -> list[dict[str, Any]]:
    return list(listed["items"] if isinstance(listed, dict) else listed)


def _table(tally: Tally, view: View) -> Group:
    table = Table(
        title=f"running for {view.elapsed_s:.0f} s, Ctrl-C stops everything", title_justify="left", expand=False
    )
    for column in ("answers", "refused or failed", "done by the systems"):
        table.add_column(column)
    table.add_row(_lines(tally.statuses), _lines(tally.refusals), _lines(tally.objects))
    return Group(table, f"{view.sentence}\nrecords reach the control plane within {view.lag_us / 1e6:.1f} s")


def _lines(counts: Counter[str]) -> str:
    return "\n".join(f"{count:>7,}  {name}" for name, count in counts.most_common(14)) or "none yet"
