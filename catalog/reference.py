"""References to canonical schemas: `canonical:<object>@<version or range>[#/$defs/x]`.

OpenAPI documents may name a caret range; it is resolved to one version when the contract version is compiled, and
stays there (design §3). Canonical schemas name each other by exact version only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from catalog.errors import Invalid, Problem
from catalog.version import is_version, matches, version_key

PREFIX = "canonical:"
_FORM = re.compile(r"canonical:([a-z][a-z0-9_]*)@(\^?[0-9]+(?:\.[0-9]+){0,2})(?:#((?:/[^#]*)?))?")


class Reference(msgspec.Struct, frozen=True):
    """A parsed reference. `range` is an exact version once pinned."""

    object: str
    range: str
    fragment: str = ""  # JSON pointer within the schema

    @property
    def is_exact(self) -> bool:
        return is_version(self.range)

    @property
    def key(self) -> str:
        """What pins and snapshots call the schema, e.g. "supplier@1.0.0"."""
        return f"{self.object}@{self.range}"

    def __str__(self) -> str:
        return f"{PREFIX}{self.key}" + (f"#{self.fragment}" if self.fragment else "")

    def at(self, version: str) -> Reference:
        return Reference(self.object, version, self.fragment)


def parse_reference(text: str) -> Reference:
    """Raises `Invalid` unless `text` is a canonical reference."""
    form = _FORM.fullmatch(text)
    if form is None or not (form[2].startswith("^") or is_version(form[2])):
        raise Invalid(
            "reference refused",
            [
                Problem(
                    f"{text!r} is not a canonical reference",
                    remedy="write canonical:<object>@<version>, or a caret range such as ^1.2",
                    rule="reference",
                )
            ],
        )
    return Reference(form[1], form[2], form[3] or "")


def resolve_range(reference: Reference, versions: Iterable[str], pinned: Iterable[str] = ()) -> str | None:
    """The version a reference means: the pinned one if there is one in range, else the highest of `versions`."""
    for candidates in (pinned, versions):
        fitting = [version for version in candidates if matches(version, reference.range)]
        if fitting:
            return max(fitting, key=version_key)
    return None
