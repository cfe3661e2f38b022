"""Numbered NDJSON logs, flushed line by line, so that a killed process loses nothing that it wrote.

Every line carries `n` (from 1, without gaps) and `at_us` (UTC microseconds); a log that was closed in good order ends
with a line of kind `end`. A missing line shows, wherever it stood.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from catalog.errors import Invalid


def now_us() -> int:
    """Wall clock, UTC microseconds since the epoch."""
    return time.time_ns() // 1_000


class Log:
    """One process's own log. `write` returns once the line is with the operating system."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        self._count = 0

    def write(self, kind: str, **fields: Any) -> None:
        self._count += 1
        line = {"n": self._count, "at_us": now_us(), "kind": kind, **fields}
        self._file.write(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        if not self._file.closed:
            self.write("end")
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_log(path: Path) -> list[dict[str, Any]]:
    """Every whole line of a log; a torn last line (a killed writer) is left out and shows as a missing `end`.

    Raises: Invalid naming file and line.
    """
    lines = path.read_bytes().split(b"\n")[:-1]
    return [_parse(line, path, number) for number, line in enumerate(lines, start=1)]


def _parse(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        parsed = json.loads(line)
    except ValueError as error:
        raise Invalid(f"{path} line {number} is not JSON: {error}") from error
    if not isinstance(parsed, dict) or not parsed.keys() >= {"n", "kind"}:
        raise Invalid(f"{path} line {number} is no line of a log: `n` and `kind` are needed")
    return parsed
