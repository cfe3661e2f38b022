"""Pauses between tries: exponential with full jitter, so that many gateways do not return to a server in step.

Source: exponential backoff with full jitter (delay drawn evenly from 0 to the ceiling), as in AWS's Builders' Library.
"""

from __future__ import annotations

from collections.abc import Callable
from random import random


class Backoff:
    """`next_s` grows the ceiling from `base_s` to `cap_s`; `reset` after a success."""

    def __init__(self, base_s: float = 0.2, cap_s: float = 15.0, draw: Callable[[], float] = random) -> None:
        self._base_s = base_s
        self._cap_s = cap_s
        self._draw = draw
        self.tries = 0

    def next_s(self) -> float:
        ceiling_s = min(self._cap_s, self._base_s * 2.0 ** min(self.tries, 30))
        self.tries += 1
        return ceiling_s * (0.2 + 0.8 * self._draw())  # never at once: 0 would be a tight loop

    def reset(self) -> None:
        self.tries = 0
