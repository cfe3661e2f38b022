"""How far long work is: a bar on a terminal, a line now and then elsewhere; on standard error, beside the result."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from controlplane.cli.output import remark

Step = Callable[[int], None]
LINE_EVERY_S = 10.0  # where no terminal is: work that takes less than this says nothing


@contextmanager
def progress(what: str, total: int | None = None, now_s: Callable[[], float] = time.monotonic) -> Iterator[Step]:
    """`what` is under way while the block runs; call what it gives with how much more is done. `total`: of how much."""
    if sys.stderr.isatty():
        with _bar(what, total) as step:
            yield step
    else:
        yield _lines(what, total, now_s)


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Step]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    counted = [BarColumn(), MofNCompleteColumn()] if total is not None else []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), *counted, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=total)
        yield lambda count: shown.update(task, advance=count)


def _lines(what: str, total: int | None, now_s: Callable[[], float]) -> Step:
    done, told_s = 0, now_s()

    def step(count: int) -> None:
        nonlocal done, told_s
        done += count
        if now_s() - told_s >= LINE_EVERY_S:
            told_s = now_s()
            remark(f"{what}: {done}" + ("" if total is None else f" of {total}"))

    return step
