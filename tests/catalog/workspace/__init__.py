"""Golden workspaces: `good` loads, `bad` is refused with everything that is wrong with it."""

from pathlib import Path

GOOD = Path(__file__).parent / "good"
BAD = Path(__file__).parent / "bad"
