"""Lengths of time as people write them: 90s, 30m, 12h, 7d; and when something ends."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from catalog.errors import Invalid

ExpiresOption = Annotated[
    str,
    typer.Option("--expires", "--expires-at", help="When it ends: 12h, 30d, or an RFC 3339 time. Default: if revoked."),
]

_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_FORM = re.compile(r"(\d{1,9})([smhd]?)")


def duration_s(text: str, option: str) -> int:
    """Seconds. Raises: Invalid naming `option`."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise Invalid(f"{option}: {text!r} is no length of time; write 90s, 30m, 12h or 7d")
    return int(found[1]) * _UNITS_S[found[2]]


def expiry(text: str, option: str) -> str | None:
    """RFC 3339 text of the end that `text` names, from now where it is a length of time; None for none.

    Raises: Invalid naming `option`.
    """
    if not text:
        return None
    if _FORM.fullmatch(text.strip()) is None:
        return text if "T" in text else _wrong(text, option)
    try:
        return (datetime.now(UTC) + timedelta(seconds=duration_s(text, option))).isoformat()
    except OverflowError:
        return _wrong(text, option)


def _wrong(text: str, option: str) -> str:
    raise Invalid(f"{option}: {text!r} is no end; write a length of time such as 30d, or 2030-01-31T00:00:00Z")
