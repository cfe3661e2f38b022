"""Random identifiers of exchanges, traces and spans, drawn from the system for many calls at once."""

from __future__ import annotations

import secrets

_DRAWN_BYTES = 8_192  # asking the system costs some 5 us, however much one asks for


class Identifiers:
    """Hex digits from the system's cryptographic source; none is given out twice.

    Not to be copied into another process (`fork`): both would give the same ones.
    """

    def __init__(self) -> None:
        self._digits = ""
        self._at = 0

    def __call__(self, size_bytes: int) -> str:
        """The next `size_bytes`, two digits each."""
        start = self._at
        self._at = start + 2 * size_bytes
        if self._at > len(self._digits):
            self._digits = secrets.token_hex(max(_DRAWN_BYTES, size_bytes))
            start, self._at = 0, 2 * size_bytes
        return self._digits[start : self._at]
