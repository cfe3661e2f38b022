"""Lengths of time as people write them: 90s, 30m, 12h, 7d."""

from __future__ import annotations

import re

from catalog.errors import Invalid

_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_FORM = re.compile(r"(\d{1,9})([smhd]?)")


def duration_s(text: str, option: str) -> int:
    """Seconds. Raises: Invalid naming `option`."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise Invalid(f"{option}: {text!r} is no length of time; write 90s, 30m, 12h or 7d")
    return int(found[1]) * _UNITS_S[found[2]]
