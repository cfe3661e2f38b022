"""What is there and could not be loaded: its names, and the references to it, which are not told as missing too."""

from __future__ import annotations

import re
from typing import Any

from catalog.canonical import references
from catalog.errors import Invalid
from catalog.reference import PREFIX, parse_reference
from catalog.version import is_version, matches


def lost_names(data: Any, member: str, path: str, content: bytes) -> set[str]:
    """The name that refused data gives in `member`, or every name that the text of an unreadable file may mean."""
    if isinstance(data, dict):
        return {data[member]} if isinstance(data.get(member), str) else set()
    stem = path.rpartition("/")[2].rpartition(".")[0]
    return {stem, *re.findall(rf"""\b{member}["']?\s*:\s*["']?([\w.-]+)""", content.decode(errors="replace"))}


def doubtful_references(document: Any, lost: set[str]) -> set[str]:
    """Pointers of references that may mean a canonical schema in `lost` ("schema/<object>@<version>")."""
    schemas = [key.removeprefix("schema/").partition("@") for key in lost if key.startswith("schema/")]
    found = set()
    for ref, pointer in references(document) if schemas else ():
        try:
            reference = parse_reference(ref) if ref.startswith(PREFIX) else None
        except Invalid:
            continue
        if reference is not None and any(
            name == reference.object and is_version(version) and matches(version, reference.range)
            for name, _, version in schemas
        ):
            found.add(pointer)
    return found
