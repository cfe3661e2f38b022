"""Golden inputs of lint: `base.yaml` is clean, each file of `good/` and `bad/` is a merge patch (RFC 7386) of its files
and bears the id of the rule it is about. A bad one says under `finds` where the rule finds it: `file#pointer`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from catalog.document import parse_document

HERE = Path(__file__).parent


def golden(kind: str) -> dict[str, Path]:
    """Rule id -> file, of `good` or `bad`."""
    return {path.stem: path for path in sorted((HERE / kind).glob("*.yaml"))}


def read(path: Path) -> tuple[dict[str, bytes], list[str]]:
    """The files of the workspace that a golden makes, and where a bad one is to be found."""
    patch = _parsed(path)
    finds = patch.pop("finds", [])
    files = merged(_parsed(HERE / "base.yaml"), patch)
    return {name: json.dumps(content).encode() for name, content in files.items()}, finds


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386 §2."""
    if not isinstance(patch, dict):
        return patch
    kept = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = merged(kept.get(name), value)
    return kept


def _parsed(path: Path) -> Any:
    documents, problems = parse_document(path.read_bytes(), path.name)
    assert not problems, problems
    return documents[0]
