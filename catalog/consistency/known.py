"""Which names of a workspace may be referred to, and where its things lie."""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import get_close_matches

from catalog.inventory import Workspace

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Known:
    """Which names may be referred to."""

    def __init__(self, workspace: Workspace, lost: set[str]) -> None:
        self._names: dict[str, Collection[str]] = {
            "contract": workspace.contracts,
            "entity": workspace.entities,
            "calendar": workspace.calendars,
            "system": workspace.systems,
            "consumer": workspace.consumers,
            "slo": workspace.slos,
        }
        self._objects = {schema.object for schema in workspace.schemas.values()}
        self._lost = lost

    def has(self, kind: str, name: str) -> bool:
        return name in self._names.get(kind, ()) or f"{kind}/{name}" in self._lost

    def has_schema(self, object_: str) -> bool:
        """Whether some version of a canonical schema is there, be it unreadable."""
        return object_ in self._objects or any(key.startswith(f"schema/{object_}@") for key in self._lost)

    def remedy(self, kind: str, name: str) -> str:
        """The nearest name, or where to declare it."""
        near = get_close_matches(name, self._names[kind], 1)
        if near:
            return f"did you mean {near[0]}?"
        names = sorted(self._names[kind])
        listed = f"; known are {', '.join(names[:8])}{', …' if len(names) > 8 else ''}" if names else ""
        return f"declare it in {_FOLDER[kind]}{listed}"


_FOLDER = {
    "contract": "contracts/<domain>/<object>/contract.yaml",
    "entity": "entities/<id>.yaml",
    "calendar": "calendars/<id>.yaml",
    "system": "systems/<id>.yaml",
    "consumer": "consumers/<id>.yaml",
    "slo": "slos/",
}
RENAME = "use letters, digits, . _ -"


def place_of(workspace: Workspace, key: str) -> tuple[str, str]:
    """File and pointer of a thing."""
    file, _, pointer = workspace.sources[key].partition("#")
    return file, pointer
