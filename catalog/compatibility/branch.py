"""A branch of the tableau."""

from __future__ import annotations

from typing import NamedTuple

from catalog.compatibility.term import SCOPE, Term
from catalog.compatibility.way import WAYS_BROKEN, WAYS_HELD


class Branch(NamedTuple):
    """Terms that hold and terms that are broken."""

    held: set[Term]
    broken: set[Term]

    def copy(self) -> Branch:
        return Branch(set(self.held), set(self.broken))

    def speaks_of(self, kind: str) -> bool:
        """Whether the atoms that stand by themselves leave values of `kind`."""
        for term in self.held:
            if term.op == "type" and kind not in term.args[0]:
                return False
        return not any(
            (term.op == "type" and kind in term.args[0]) or (term.op in SCOPE and kind not in SCOPE[term.op])
            for term in self.broken
        )

    def only_union(self) -> Term | None:
        """The broken `all` that is the only term with several ways left."""
        if any(term.op in WAYS_HELD for term in self.held):
            return None
        several = [term for term in self.broken if term.op == "all" or term.op in WAYS_BROKEN]
        return several[0] if len(several) == 1 and several[0].op == "all" else None
