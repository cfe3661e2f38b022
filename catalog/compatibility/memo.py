"""Comparisons that were made already. A plan and the apply that follows ask about the same pairs of documents."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar

from catalog.compatibility import compare_schemas
from catalog.compatibility.comparison import Comparison, Policy
from catalog.compatibility.contract import ContractComparison, compare_contracts
from catalog.snapshot import canonical_json, sha256_hex

T = TypeVar("T")

MOST = 512  # pairs that are remembered, the last asked for


class Memo:
    """Compares, and remembers by the content of both documents; for any thread. `made` counts what was compared."""

    def __init__(self, most: int = MOST) -> None:
        self.made = 0
        self._most = most
        self._known: OrderedDict[tuple[str, ...], Any] = OrderedDict()
        self._lock = Lock()

    def contracts(self, old: dict[str, Any], new: dict[str, Any], policy: Policy) -> ContractComparison:
        """`compare_contracts` of two self-contained documents."""
        return self._once("contract", old, new, policy, lambda: compare_contracts(old, new, policy=policy))

    def schemas(self, old: dict[str, Any], new: dict[str, Any], policy: Policy) -> Comparison:
        """`compare_schemas` of two self-contained schemas: whether what was valid stays valid."""
        return self._once("schema", old, new, policy, lambda: compare_schemas(old, new, policy=policy))

    def _once(self, kind: str, old: Any, new: Any, policy: str, compare: Callable[[], T]) -> T:
        key = (kind, policy, *(sha256_hex(canonical_json(side)) for side in (old, new)))
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                found: T = self._known[key]
                return found
        made = compare()
        with self._lock:
            self.made += 1
            self._known[key] = made
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return made
