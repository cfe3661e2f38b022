"""Invented history: weeks of business before the demo begins, as exchange records that no gateway saw.

`profile` holds the distributions (data/history.yaml), `clock` business time, `scribe` writes records as the contracts
have them, `story` tells one transaction from beginning to end, `make` tells all of them, `feed` sends them to a control
plane. Everything but `feed` is pure and fixed by (seed, end).
"""

from controlplane.simulation.history.feed import Fed, feed
from controlplane.simulation.history.make import make_history

__all__ = ["Fed", "feed", "make_history"]
