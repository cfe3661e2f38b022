"""Python, packages and disk of this machine."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from controlplane.cli.doctor.check import Check, good, mind, wrong

PACKAGE = "waybill-controlplane"
LOCK = Path(__file__).parents[3] / "requirements.lock"
OLDEST = (3, 11)
SCARCE_BYTES = 1 << 30
TOO_LITTLE_BYTES = 100 << 20
AREA = "machine"

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)( ;[^\\]*)?", re.MULTILINE)
_NEEDED = re.compile(r"^[A-Za-z0-9._-]+")


def machine(directory: Path, lock: Path = LOCK) -> Iterator[Check]:
    yield _python()
    yield _packages(lock)
    yield _disk(directory)


def _python() -> Check:
    told = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST:
        return wrong(AREA, "Python", told, "install Python 3.11 or newer, then: make clean setup PYTHON=python3.12")
    return good(AREA, "Python", told)


def _packages(lock: Path) -> Check:
    """Needed packages are there; those that the lock pins are the pinned ones, where there is a lock."""
    missing = [name for name in _needed() if _installed(name) is None]
    if missing:
        return wrong(AREA, "packages", f"missing: {', '.join(missing)}", "make setup")
    if not lock.is_file():
        return good(AREA, "packages", "all that are needed are installed (no requirements.lock here to compare with)")
    pins: dict[str, set[str]] = {}
    for name, pinned, _ in _PINNED.findall(lock.read_text()):
        pins.setdefault(name, set()).add(pinned)
    found = {name: installed for name in pins if (installed := _installed(name)) is not None}
    others = [
        f"{name} {is_} (locked {' or '.join(sorted(pins[name]))})"
        for name, is_ in found.items()
        if is_ not in pins[name]
    ]
    if others:
        return mind(AREA, "packages", f"not as locked: {', '.join(others)}", "make setup installs what was tested")
    return good(AREA, "packages", f"{len(found)} as locked")


def _needed() -> list[str]:
    """What this program cannot do without."""
    try:
        stated = requires(PACKAGE) or []
    except PackageNotFoundError:
        return [PACKAGE]
    return [match[0] for text in stated if "extra ==" not in text and (match := _NEEDED.match(text))]


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _disk(directory: Path) -> Check:
    free = shutil.disk_usage(directory).free
    told = f"{free / (1 << 30):.1f} GiB free at {directory}"
    if free < TOO_LITTLE_BYTES:
        return wrong(AREA, "disk", told, "make room: without it the gateway refuses mutating calls")
    if free < SCARCE_BYTES:
        return mind(AREA, "disk", told, "make room before it is short: state, log and database grow")
    return good(AREA, "disk", told)
