"""Semantic versions (semver.org 2.0.0) as contracts and schemas carry them: `major.minor.patch`, nothing more."""

from __future__ import annotations

import re

import semver

_PLAIN = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")


def is_version(text: str) -> bool:
    """Whether `text` is a plain version; pre-releases and build numbers are not used here."""
    return _PLAIN.fullmatch(text) is not None


def version_key(text: str) -> tuple[int, int, int]:
    """Sort key. Raises ValueError when `text` is no version."""
    return semver.Version.parse(text).to_tuple()[:3]


def following(version: str, bump: str) -> str:
    """The next version after a bump of `major`, `minor` or `patch`; itself for anything else. Raises ValueError when
    `version` is none."""
    parsed = semver.Version.parse(version)
    return str(parsed.next_version(bump)) if bump in ("major", "minor", "patch") else version


def matches(version: str, range_: str) -> bool:
    """Whether `version` lies in `range_`: an exact version, or a caret range `^1`, `^1.2`, `^1.2.3`.

    `^` allows what does not change the leftmost number that is not zero (node-semver's rule, on which
    catalogues and package managers agree). Raises ValueError for anything else.
    """
    if not range_.startswith("^"):
        return version_key(version) == version_key(range_)
    parts = range_[1:].split(".")
    lowest = version_key(".".join([*parts, "0", "0"][:3])) if len(parts) <= 3 else version_key(range_[1:])
    fixed = next((place for place, number in enumerate(lowest[: len(parts)]) if number), len(parts) - 1)
    candidate = version_key(version)
    return candidate >= lowest and candidate[: fixed + 1] == lowest[: fixed + 1]
