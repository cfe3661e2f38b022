"""What a term of several branches comes to beside the other terms of its branch, for one kind of value."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from catalog.compatibility.branch import Branch
from catalog.compatibility.term import SCOPE, Term
from catalog.compatibility.way import Todo

if TYPE_CHECKING:
    from catalog.compatibility.solver import Solver


def _any(solver: Solver, branch: Branch, term: Term, kind: str) -> Todo | None:
    if not branch.held.isdisjoint(term.args):
        return []
    left = [part for part in term.args if kind in solver.kinds_of(part) and part not in branch.broken]
    if len(left) > 1 and len(left) == len(term.args):
        return None
    return [(solver.arena.make("any", *left) if len(left) > 1 else left[0] if left else solver.arena.false, True)]


def _one(solver: Solver, branch: Branch, term: Term, kind: str) -> Todo | None:
    left = [part for part in term.args if kind in solver.kinds_of(part) and part not in branch.broken]
    if len(left) > 1 and len(left) == len(term.args):
        return None
    return [(solver.arena.make("one", *left) if len(left) > 1 else left[0] if left else solver.arena.false, True)]


def _broken_one(solver: Solver, branch: Branch, term: Term, kind: str) -> Todo | None:
    left = [part for part in term.args if kind in solver.kinds_of(part) and part not in branch.broken]
    if len(left) > 1 and len(left) == len(term.args):
        return None
    return [(solver.arena.make("one", *left) if len(left) > 1 else left[0] if left else solver.arena.false, False)]


def _broken_all(solver: Solver, branch: Branch, term: Term, kind: str) -> Todo | None:
    left = []
    for part in term.args:
        if part in branch.broken or kind not in solver.kinds_of(part):
            return []
        is_idle = part in branch.held or (part.op in SCOPE and kind not in SCOPE[part.op]) or part.op == "type"
        if not is_idle:
            left.append(part)
    if len(left) > 1 and len(left) == len(term.args):
        return None
    if len(left) > 1:
        return [(solver.arena.make("all", *left), False)]
    return [(left[0] if left else solver.arena.true, False)]


def _dependent(solver: Solver, branch: Branch, term: Term, kind: str) -> Todo | None:
    if kind != "object":
        return []
    first = solver.arena.make("required", term.args[0])
    if first in branch.broken:
        return []
    then = solver.arena.make("required", term.args[1]) if term.op == "dependent" else term.args[1]
    if first in branch.held:
        return [(then, True)]
    if then in branch.held:
        return []
    return [(first, False)] if then in branch.broken else None


def _broken_dependent(solver: Solver, branch: Branch, term: Term, kind: str) -> Todo | None:
    then = solver.arena.make("required", term.args[1]) if term.op == "dependent" else term.args[1]
    return [(solver.arena.make("required", term.args[0]), True), (then, False)]


#: operator, and whether it holds -> what takes its place: None for what stays as it is, nothing for what may be dropped
REDUCERS: dict[tuple[str, bool], Callable[[Solver, Branch, Term, str], Todo | None]] = {
    ("any", True): _any,
    ("one", True): _one,
    ("one", False): _broken_one,
    ("all", False): _broken_all,
    ("dependent", True): _dependent,
    ("dependent-schema", True): _dependent,
    ("dependent", False): _broken_dependent,
    ("dependent-schema", False): _broken_dependent,
}
