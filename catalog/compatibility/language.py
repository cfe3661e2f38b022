"""Languages of plain patterns: is there a text that some patterns are found in, and others are not?

Each pattern becomes a nondeterministic automaton over letters (`regex.LETTERS`), made deterministic as far as it is
needed; the product of all is searched for a text of a length within bounds. What libraries read differently is read
both ways: a letter of its own stands for the characters beyond printable ASCII that one counts as digits, word
characters or spaces and another does not, and `$` is tried both as the very end and as the end or the last line feed.
"No such text" holds therefore under each of them.

Source: M. O. Rabin, D. Scott, Finite automata and their decision problems (1959); K. Thompson, Regular expression
search algorithm (1968).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from catalog.compatibility.regex import ASCII, LETTERS, Node, parsed

_MOST_STATES = 1_500  # of one automaton
_MOST_VISITED = 3_000  # states of the product
_MOST_TEXTS = 3
_START, _FOUND, _LAST = 0, 1, 2  # states of every automaton; `_LAST` is found as well, when nothing follows

#: a state of the product: one set of states for each pattern, as bits
Product = tuple[int, ...]


class Language(NamedTuple):
    """What was found. `is_empty` is None when it could not be told. `texts` are some, of printable ASCII."""

    is_empty: bool | None
    texts: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def language(held: frozenset[str], broken: frozenset[str], least: int = 0, most: int | None = None) -> Language:
    """Texts of `least` to `most` characters that all of `held` are found in and none of `broken`.

    Patterns that are not plain are left out of the question, so that "none" stays true and a text may be wrong.
    """
    sides = [(pattern, True) for pattern in sorted(held)] + [(pattern, False) for pattern in sorted(broken)]
    plain = [(node, is_held) for node, is_held in ((parsed(pattern), side) for pattern, side in sides) if node]
    try:
        texts = tuple(_Search(plain, ASCII, False, least, most).texts())
        if texts:
            return Language(False, texts)
        return Language(all(_is_empty(plain, may_feed, least, most) for may_feed in (False, True)))
    except _TooLarge:
        return Language(None)


class _TooLarge(Exception):
    pass


def _is_empty(plain: Sequence[tuple[Node, bool]], may_feed: bool, least: int, most: int | None) -> bool:
    """Whether there is no text over all letters; of any greater length neither, if that is easier told."""
    bounds = dict.fromkeys([None, most])
    return any(next(_Search(plain, LETTERS, may_feed, least, bound).texts(), None) is None for bound in bounds)


class _Automaton:
    """A pattern, searched for anywhere in a text."""

    def __init__(self, node: Node, may_feed: bool) -> None:
        self._may_feed = may_feed
        self._free: list[list[int]] = [[], [], []]  # by state: where it leads without a letter
        self._first: list[list[int]] = [[], [], []]  # the same, before the first letter only
        self._edges: list[tuple[frozenset[str], int] | None] = [None, None, None]
        last = self._build(node, _START, is_last=True)
        if last is not None:
            self._free[last].append(_FOUND)
        self._closures: dict[tuple[int, bool], int] = {}
        self.moves: dict[tuple[int, str], int] = {}
        self.start = self._closed(1 << _START, is_first=True)

    def _state(self) -> int:
        if len(self._free) > _MOST_STATES:
            raise _TooLarge
        self._free.append([])
        self._first.append([])
        self._edges.append(None)
        return len(self._free) - 1

    def _build(self, node: Node, start: int, is_last: bool) -> int | None:
        """The state after `node`, begun in `start`; None when nothing may follow, as after `$`."""
        if node.op == "set":
            before, after = self._state(), self._state()
            self._free[start].append(before)
            self._edges[before] = (node.chars, after)
            return after
        if node.op == "start":
            after = self._state()
            self._first[start].append(after)
            return after
        if node.op == "end":
            self._end(start, is_last)
            return None
        if node.op == "cat":
            return self._sequence(node, start, is_last)
        return self._alternatives(node, start, is_last) if node.op == "alt" else self._repeated(node, start)

    def _end(self, start: int, is_last: bool) -> None:
        if not is_last:
            raise _TooLarge  # something might still follow that takes no letter
        self._free[start].append(_LAST)
        if self._may_feed:
            before = self._state()
            self._free[start].append(before)
            self._edges[before] = (frozenset("\n"), _LAST)

    def _sequence(self, node: Node, start: int, is_last: bool) -> int | None:
        place: int | None = start
        for index, part in enumerate(node.parts):
            if place is None:
                raise _TooLarge
            place = self._build(part, place, is_last and index == len(node.parts) - 1)
        return place

    def _alternatives(self, node: Node, start: int, is_last: bool) -> int | None:
        ends = [end for end in (self._build(part, start, is_last) for part in node.parts) if end is not None]
        if not ends:
            return None
        after = self._state()
        for end in ends:
            self._free[end].append(after)
        return after

    def _repeated(self, node: Node, start: int) -> int:
        (part,) = node.parts
        place = start
        for _ in range(node.least):
            place = self._once(part, place)
        after = self._state()
        self._free[place].append(after)
        if node.most is None:
            again = self._state()
            self._free[place].append(again)
            end = self._once(part, again)
            self._free[end] += [again, after]
            return after
        for _ in range(node.most - node.least):
            place = self._once(part, place)
            self._free[place].append(after)
        return after

    def _once(self, part: Node, start: int) -> int:
        end = self._build(part, start, is_last=False)
        if end is None:
            raise _TooLarge
        return end

    def _closed(self, states: int, is_first: bool) -> int:
        """With all that is reached without a letter; a text in which the pattern was found stays one."""
        known = self._closures.get((states, is_first))
        if known is not None:
            return known
        found, todo = states, list(_bits(states))
        while todo:
            state = todo.pop()
            for other in self._free[state] + (self._first[state] if is_first else []):
                if not found >> other & 1:
                    found |= 1 << other
                    todo.append(other)
        if found >> _FOUND & 1:
            found = 1 << _FOUND
        self._closures[states, is_first] = found
        return found

    def after(self, states: int, letter: str) -> int:
        """The states after one more letter; the search may begin anew at each."""
        if states == 1 << _FOUND:
            return states
        known = self.moves.get((states, letter))
        if known is None:
            found = 1 << _START
            for state in _bits(states):
                edge = self._edges[state]
                if edge is not None and letter in edge[0]:
                    found |= 1 << edge[1]
            known = self.moves[states, letter] = self._closed(found, is_first=False)
        return known

    def letters(self) -> Iterator[frozenset[str]]:
        """The sets of letters that it tells apart."""
        return (edge[0] for edge in self._edges if edge is not None)


def _is_found(states: int) -> bool:
    return bool(states & (1 << _FOUND | 1 << _LAST))


def _bits(states: int) -> Iterator[int]:
    while states:
        lowest = states & -states
        yield lowest.bit_length() - 1
        states ^= lowest


class _Search:
    """The product of the automata of some patterns, over some letters."""

    def __init__(
        self,
        patterns: Sequence[tuple[Node, bool]],
        letters: frozenset[str],
        may_feed: bool,
        least: int,
        most: int | None,
    ) -> None:
        self._automata = [_Automaton(node, may_feed) for node, _ in patterns]
        self._held = [is_held for _, is_held in patterns]
        self._letters = _representatives(letters, [part for each in self._automata for part in each.letters()])
        self._least = least
        self._most = most
        self._visited = 0

    def texts(self) -> Iterator[str]:
        """Texts that fit, the shortest first, at most `_MOST_TEXTS`; none if there is none."""
        layer: dict[Product, str] = {tuple(each.start for each in self._automata): ""}
        before: set[frozenset[Product]] = set()  # layers of lengths that count
        known: set[Product] = set()  # where all lengths from here on count
        length, told = 0, 0
        while layer and (self._most is None or length <= self._most):
            if length >= self._least:
                for state, text in layer.items():
                    if self._fits(state):
                        yield text
                        told += 1
                if told >= _MOST_TEXTS or self._is_repeated(layer, before):
                    return
                if self._most is None:
                    known |= layer.keys()
            layer = self._next(layer, known)
            length += 1

    def _is_repeated(self, layer: dict[Product, str], before: set[frozenset[Product]]) -> bool:
        key = frozenset(layer)
        is_repeated = key in before
        before.add(key)
        return is_repeated

    def _fits(self, state: Product) -> bool:
        return all(_is_found(states) == is_held for states, is_held in zip(state, self._held, strict=True))

    def _next(self, layer: dict[Product, str], known: set[Product]) -> dict[Product, str]:
        found: dict[Product, str] = {}
        for state, text in layer.items():
            self._visited += 1
            if self._visited > _MOST_VISITED:
                raise _TooLarge
            for letter in self._letters:
                after = tuple(
                    automaton.after(states, letter) for automaton, states in zip(self._automata, state, strict=True)
                )
                if after not in found and after not in known and not self._is_lost(after):
                    found[after] = text + letter
        return found

    def _is_lost(self, state: Product) -> bool:
        """Whether a pattern that must not be found has been, for good."""
        return any(states == 1 << _FOUND and not held for states, held in zip(state, self._held, strict=True))


def _representatives(letters: frozenset[str], sets: Iterable[frozenset[str]]) -> list[str]:
    """One letter for each class that no set tells apart, readable ones first."""
    distinct = list(dict.fromkeys(sets))
    classes: dict[tuple[bool, ...], str] = {}
    for letter in sorted(letters, key=lambda each: (not each.isalnum(), each)):
        classes.setdefault(tuple(letter in each for each in distinct), letter)
    return list(classes.values())
