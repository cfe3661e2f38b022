"""What every service of the control plane works with; made once by the composition root, replaced by tests."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from catalog.compatibility.compared import Comparisons
from controlplane.identity.oidc import SignIn
from controlplane.keys import KeyRing
from controlplane.settings import Settings
from controlplane.store.database import Database
from controlplane.wakeup import Wakeup

Clock = Callable[[], int]  # UTC microseconds since the epoch


def system_clock() -> int:
    return time.time_ns() // 1_000


def new_id() -> str:
    return uuid.uuid4().hex


def rfc3339(at_us: int) -> str:
    """UTC time text of `at_us`, to the microsecond, ending in Z."""
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Context:
    """Database, clock, ids, keys and the conditions that long polls wait for."""

    settings: Settings
    database: Database
    keys: KeyRing
    clock: Clock = system_clock
    new_id: Callable[[], str] = new_id
    published: Wakeup = field(default_factory=Wakeup)  # a new snapshot generation was committed
    commanded: Wakeup = field(default_factory=Wakeup)  # a command for a gateway was committed
    comparisons: Comparisons = field(default_factory=Comparisons)  # a plan and its apply ask alike
    sign_in: SignIn | None = None  # the OpenID provider, when there is one

    def stop_waiting(self) -> None:
        """End every long poll: the server stops."""
        self.published.close()
        self.commanded.close()
