"""Schemas of two versions, walked together: each pair once, whoever leads to it, circles included."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from catalog.compatibility.contract.facet import Facet, facets, members
from catalog.compatibility.contract.node import OPAQUE, Shape, conjuncts
from catalog.compatibility.contract.rule import ORDER, RULES, Direction
from catalog.compatibility.contract.side import Side, Sides

#: pairs of one direction that are looked at; what lies beyond counts as undecided
MOST_PAIRS = 50_000
#: pairs that one position lists the changes of, and changes that it lists
MOST_LISTED_PAIRS = 300
MOST_LISTED = 25

#: which schemas describe the value, by identity
Key = tuple[tuple[int, ...], tuple[int, ...]]
_HIDDEN = {"request": "readOnly", "response": "writeOnly"}
_BEYOND = Facet("schema-undecided", (), None, None, "too many schemas", is_local=False)
_WORDS = "schema-described"
PATCH, MAJOR = ORDER.index("patch"), ORDER.index("major")


class Pair(NamedTuple):
    """What differs in a value itself, and the pairs that describe its parts."""

    old: Shape
    new: Shape
    facets: tuple[Facet, ...]
    members: tuple[tuple[tuple[str, ...], Key], ...]
    schemas: tuple[dict[str, Any], dict[str, Any]]  # all that describes the value, as one schema each
    is_lossy: bool  # the record of one of them does not hold all that the schemas say
    is_choice: bool  # alternatives, or what is compared as it stands, differ

    @property
    def is_plain(self) -> bool:
        """Whether the value is judged by itself and its members by themselves, and that is all."""
        return not self.is_lossy and not self.is_choice


class Visit(NamedTuple):
    """A pair on the way through a position."""

    tokens: tuple[str, ...]
    key: Key
    is_settled: bool  # lies within a part that was proved as a whole


class Listed(NamedTuple):
    """A facet of a visited pair."""

    visit: Visit
    facet: Facet


class Listing(NamedTuple):
    """What a position leads to, nearest first. `beyond` is the place in `ORDER` of the heaviest change that is not
    listed, and one more where no proof takes it back; 0 when all are listed."""

    changes: tuple[Listed, ...]
    is_described: bool  # words changed somewhere
    open_pairs: tuple[Visit, ...]  # visited pairs that have to be judged as wholes
    beyond: int
    reach: int  # pairs that it leads to; MOST_PAIRS when not all were visited


class Walk:
    """All pairs of one direction. Positions are added first, then listed. `proves` judges the schemas of a pair as a
    whole."""

    def __init__(
        self, sides: Sides, direction: Direction, is_xml: bool, proves: Callable[[Pair], bool], is_strict: bool
    ) -> None:
        self._sides = sides
        self._direction: Direction = direction
        self._is_xml = is_xml
        self._proves = proves
        self._is_strict = is_strict
        self._worst: dict[Key, int] = {}
        self._listings: dict[Key, Listing] = {}
        self.pairs: dict[Key, Pair] = {}

    def add(self, old: Any, new: Any) -> Key:
        """A position, and everything that it leads to."""
        key, parts = self._key((old,), (new,))
        todo = [(key, parts)]
        while todo:
            current, (before, after) = todo.pop()
            if current in self.pairs:
                continue
            if len(self.pairs) >= MOST_PAIRS:
                empty = Shape(self._sides.old, (), "")
                self.pairs[current] = Pair(empty, empty, (_BEYOND,), (), ({}, {}), False, False)
                continue
            self.pairs[current], more = self._pair(before, after)
            todo += more
        return key

    def settle(self) -> None:
        """The heaviest change that each pair leads to, once all positions are there."""
        users: dict[Key, list[Key]] = {}
        for key, pair in self.pairs.items():
            self._worst[key] = max((self._weight(facet) for facet in pair.facets), default=0)
            for _, member in pair.members:
                users.setdefault(member, []).append(key)
        todo = [key for key, weight in self._worst.items() if weight]
        while todo:
            key = todo.pop()
            for user in users.get(key, ()):
                if self._worst[user] < self._worst[key]:
                    self._worst[user] = self._worst[key]
                    todo.append(user)

    def is_open(self, key: Key) -> bool:
        """Whether a pair has to be judged as a whole. Alternatives in which nothing but words differs need not."""
        pair = self.pairs[key]
        is_given = pair.old.branches.keys() != pair.new.branches.keys()
        return pair.is_lossy or (pair.is_choice and (is_given or self._worst[key] > PATCH))

    def listing(self, key: Key) -> Listing:
        """The changes below a position; each pair tells its own once."""
        if key not in self._listings:
            self._listings[key] = self._listing(key)
        return self._listings[key]

    def _listing(self, key: Key) -> Listing:
        start = Visit((), key, False)
        found: dict[Any, Listed] = {}
        open_pairs: list[Visit] = []
        is_described = False
        seen = {(key, False)}
        todo = deque([start])
        for _ in range(MOST_LISTED_PAIRS):
            if not todo or len(found) >= MOST_LISTED:
                break
            visit = todo.popleft()
            pair = self.pairs[visit.key]
            is_settled = visit.is_settled
            if self.is_open(visit.key) and not is_settled:
                open_pairs.append(visit)
                is_settled = self._proves(pair)
                visit = visit._replace(is_settled=is_settled)
            for facet in pair.facets:
                is_described |= facet.rule == _WORDS
                if facet.rule != _WORDS:
                    found.setdefault(_identity(visit, facet), Listed(visit, facet))
            for tokens, member in pair.members:
                if (member, is_settled) not in seen and self._worst[member]:
                    seen.add((member, is_settled))
                    todo.append(Visit((*visit.tokens, *tokens), member, is_settled))
        listed = list(found.values())
        reach = MOST_PAIRS if todo else len(seen)
        beyond = [*(self._weight(each.facet) for each in listed[MOST_LISTED:]), *map(self._weight_of, todo)]
        return Listing(tuple(listed[:MOST_LISTED]), is_described, tuple(open_pairs), max(beyond, default=0), reach)

    def _weight_of(self, visit: Visit) -> int:
        weight = self._worst[visit.key]
        return weight if visit.is_settled or self.pairs[visit.key].is_plain or weight <= PATCH else max(weight, MAJOR)

    def _weight(self, facet: Facet) -> int:
        rule = RULES[facet.rule]
        weight = ORDER.index(rule.severity(self._direction))
        return weight + 1 if rule.is_absolute and weight == MAJOR else weight

    # ---- one pair

    def _key(self, old: tuple[Any, ...], new: tuple[Any, ...]) -> tuple[Key, tuple[Any, Any]]:
        before = [each for schema in old for each in conjuncts(self._sides.old, schema)]
        after = [each for schema in new for each in conjuncts(self._sides.new, schema)]
        return (tuple(map(id, before)), tuple(map(id, after))), (before, after)

    def _pair(self, before: list[Any], after: list[Any]) -> tuple[Pair, list[tuple[Key, tuple[Any, Any]]]]:
        old = self._shape(self._sides.old, before)
        new = self._shape(self._sides.new, after)
        told = tuple(facets(old, new, self._direction, self._sides, self._is_xml))
        found: list[tuple[tuple[str, ...], Key]] = []
        more = []
        for member in members(old, new, self._sides):
            if not self._is_same(member.old, member.new):
                key, parts = self._key(member.old, member.new)
                found.append((member.tokens, key))
                more.append((key, parts))
        judged = (not _has_plain_members(old, new, self._is_strict), _is_choice(old, new, self._sides))
        return Pair(old, new, told, tuple(sorted(found)), ({"allOf": before}, {"allOf": after}), *judged), more

    def _shape(self, side: Side, found: list[Any]) -> Shape:
        return Shape(side, found, _HIDDEN[self._direction])

    def _is_same(self, old: tuple[Any, ...], new: tuple[Any, ...]) -> bool:
        return len(old) == len(new) and all(
            self._sides.is_same(one, other) for one, other in zip(old, new, strict=True)
        )


def _identity(visit: Visit, facet: Facet) -> Any:
    """A property that comes with one definition is one change, however many objects it is laid into."""
    known = facet.new or facet.old
    if facet.rule.startswith("property-") and isinstance(known, list):
        return (facet.rule, facet.tokens, id(known[0]))
    return (visit.key, facet.rule, facet.tokens)


def _is_choice(old: Shape, new: Shape, sides: Sides) -> bool:
    """Whether more is asked than what `Shape.shallow` says and what the members are asked, each by itself. What both
    say in the same words is asked of all values of both, and needs no proof."""
    if not all(sides.is_same(old.branches.get(name), new.branches.get(name)) for name in ("oneOf", "anyOf")):
        return True
    if not all(sides.is_same(old.opaque.get(name), new.opaque.get(name)) for name in OPAQUE):
        return True
    return old.outside != new.outside


def _has_plain_members(old: Shape, new: Shape, is_strict: bool) -> bool:
    """Whether members are described by name or place alone: not by what other schemas leave over."""
    if any(shape.count > 1 and (shape.is_closed or shape.rest) for shape in (old, new)):
        return False
    if (old.rest or new.rest or is_strict) and old.properties.keys() != new.properties.keys():
        return False
    if (old.rest or new.rest) and old.is_closed != new.is_closed:
        return False
    places = [{tokens for tokens in shape.parts if tokens[0] == "prefixItems"} for shape in (old, new)]
    return places[0] == places[1]
