"""What lies in a workspace's directory and is read by nobody, most often for a misspelt name."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from catalog.errors import Problem
from catalog.inventory import FOLDERS, GOVERNANCE, SETTINGS, SUFFIXES
from catalog.lint.finding import Finding, Rule

RULE = "nothing-unread"
_MOST_ENTRIES = 2_000  # looked at in one folder
RULES = (
    Rule(
        RULE,
        "warning",
        "A file that nobody reads governs nothing, whatever its author thinks.",
        "correct the name, or move it elsewhere",
        told_by="folder",
    ),
)


def stray(root: Path, read: Collection[str]) -> list[Finding]:
    """Findings on folders and files directly in `root`; `read` are the paths that were read, relative to `root`.

    A folder is told when its name is nearly that of a kind, or when it holds YAML or JSON files of which none is
    read; a file when its name is nearly that of the settings
    or the governance. Hidden ones are left alone.
    """
    found = [problem for entry in sorted(root.iterdir()) for problem in _problems(entry, read)]
    return [Finding(RULE, "warning", problem) for problem in found]


def _problems(entry: Path, read: Collection[str]) -> Iterator[Problem]:
    name = entry.name
    if name.startswith(".") or name in FOLDERS or name in read:
        return
    is_file = entry.is_file()
    near = _near_file(entry) if is_file else get_close_matches(name.lower(), FOLDERS, 1, 0.7)
    if entry.is_dir() and near:
        yield Problem("is read by nobody", file=f"{name}/", remedy=f"did you mean {near[0]}/?", rule=RULE)
    elif entry.is_dir() and _holds_documents(entry) and not any(path.startswith(f"{name}/") for path in read):
        remedy = f"folders are {', '.join(FOLDERS)}; move it elsewhere if it belongs to something else"
        yield Problem("holds YAML or JSON files that nobody reads", file=f"{name}/", remedy=remedy, rule=RULE)
    elif is_file and near:
        is_root = near[0] in (SETTINGS, GOVERNANCE)
        remedy = f"did you mean {near[0]}?" if is_root else f"put it into the folder {near[0]}/"
        yield Problem("is read by nobody", file=name, remedy=remedy, rule=RULE)


def _near_file(entry: Path) -> list[str]:
    if entry.suffix.lower() not in SUFFIXES:
        return []
    for name in (SETTINGS, GOVERNANCE):
        if get_close_matches(entry.stem.lower(), (name.rpartition(".")[0],), 1, 0.8):
            return [name]
    return get_close_matches(entry.stem.lower(), FOLDERS, 1, 0.8)


def _holds_documents(folder: Path) -> bool:
    paths = (name for _, _, names in os.walk(folder) for name in names)
    return any(name.endswith(SUFFIXES) for name in islice(paths, _MOST_ENTRIES))
