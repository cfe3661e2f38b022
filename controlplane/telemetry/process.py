"""What this process is and uses, as the operating system tells it; without its /proc less is told."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

from catalog.metric import Family, ProcessReading, process_families

_STARTED_S = time.time()
_STATM, _FILES = Path("/proc/self/statm"), Path("/proc/self/fd")

waybill_version = cache(lambda: version("waybill-controlplane"))


def own_process() -> list[Family]:
    """Build, CPU time, start, memory and open files."""
    times = os.times()
    resident, files = None, None
    with suppress(OSError):
        resident = int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        files = sum(1 for _ in _FILES.iterdir())
    reading = ProcessReading(times.user, times.system, _STARTED_S, resident, files)
    return process_families(reading, waybill_version(), sys.version.split()[0])
