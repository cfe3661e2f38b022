"""What a projection is: state derived from the log, and nothing but the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection

from controlplane.ingest.batch import Located


class Projection(Protocol):
    """Derived state. `apply` runs inside the transaction that stores the entries, each entry exactly once, entries
    of one stream in order, streams in any order: the result may depend on the set of entries only.
    """

    def apply(self, connection: Connection, entries: Sequence[Located]) -> None: ...

    def clear(self, connection: Connection) -> None:
        """Forget everything that came from the log; a rebuild applies all of it again."""
        ...
