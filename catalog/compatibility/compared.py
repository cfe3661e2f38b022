"""Comparisons that were made already. A plan and the apply that follows ask about the same pairs of documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from catalog.compatibility import compare_schemas
from catalog.compatibility.comparison import Comparison, Policy
from catalog.compatibility.contract import ContractComparison, compare_contracts
from catalog.memo import Memo
from catalog.snapshot import canonical_json, sha256_hex

T = TypeVar("T")

MOST = 512  # pairs that are remembered, those asked for last


class Comparisons:
    """Compares, and remembers by the content of both documents; for any thread. `made` counts what was compared."""

    def __init__(self, most: int = MOST) -> None:
        self.made = 0
        self._contracts: Memo[ContractComparison] = Memo(most)
        self._schemas: Memo[Comparison] = Memo(most)

    def contracts(self, old: dict[str, Any], new: dict[str, Any], policy: Policy) -> ContractComparison:
        """`compare_contracts` of two self-contained documents."""
        key = _key(old, new, policy)
        return self._contracts.get(key, lambda: self._counted(lambda: compare_contracts(old, new, policy=policy)))

    def schemas(self, old: dict[str, Any], new: dict[str, Any], policy: Policy) -> Comparison:
        """`compare_schemas` of two self-contained schemas: whether what was valid stays valid."""
        key = _key(old, new, policy)
        return self._schemas.get(key, lambda: self._counted(lambda: compare_schemas(old, new, policy=policy)))

    def _counted(self, compare: Callable[[], T]) -> T:
        self.made += 1
        return compare()


def _key(old: dict[str, Any], new: dict[str, Any], policy: Policy) -> tuple[str, str, str]:
    return policy, sha256_hex(canonical_json(old)), sha256_hex(canonical_json(new))
