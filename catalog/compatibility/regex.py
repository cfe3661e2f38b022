"""Plain regular expressions: the part of the syntax that Python and ECMA-262 read alike.

Literals, escapes, classes of ASCII, groups, alternatives, bounded and unbounded repetition, `^` and `$`. What is not
plain is never interpreted: two such patterns are the same or unknown. Text is judged only where both would agree:
printable ASCII.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import NamedTuple

ASCII = frozenset(map(chr, range(0x20, 0x7F)))
_DIGIT = frozenset("0123456789")
_WORD = _DIGIT | frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
#: letters that stand for all characters beyond printable ASCII: libraries agree on none of these classes there
_OTHER, _WORDLIKE, _DIGITLIKE, _SPACELIKE, _LINELIKE = "\ue000", "\ue001", "\ue002", "\ue003", "\ue004"
#: every character is one of these letters to each library; patterns name only those of `ASCII`
LETTERS = ASCII | {_OTHER, _WORDLIKE, _DIGITLIKE, _SPACELIKE, _LINELIKE, "\n"}
_CLASSES = {
    "d": _DIGIT | {_DIGITLIKE},
    "w": _WORD | {_WORDLIKE, _DIGITLIKE},
    "s": frozenset({" ", "\n", _SPACELIKE, _LINELIKE}),
}
_CLASSES |= {name.upper(): LETTERS - chars for name, chars in _CLASSES.items()}
_ANY = LETTERS - {"\n", _LINELIKE}
_LITERAL_ESCAPES = frozenset("/\\.-[](){}+*?^$|")
_LONGEST = 500
_MOST_REPEATS = 100


class Node(NamedTuple):
    """A part of a pattern: `set` (one of `chars`, which are `LETTERS`), `cat` and `alt` (of `parts`), `repeat` (of one
    part, `least` to `most` times, None for no end), `start`, `end`."""

    op: str
    parts: tuple[Node, ...] = ()
    chars: frozenset[str] = frozenset()
    least: int = 0
    most: int | None = None


class _NotPlain(Exception):
    pass


@lru_cache(maxsize=4096)
def parsed(pattern: str) -> Node | None:
    """The parts of a plain pattern; None for any other. The empty pattern is not plain: libraries differ on it."""
    if not pattern or len(pattern) > _LONGEST:
        return None
    try:
        reader = _Reader(pattern)
        node = reader.alternatives()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
    except (_NotPlain, re.error, Warning, RecursionError, OverflowError):
        return None
    return node if reader.place == len(pattern) else None


def matches(pattern: str, text: str) -> bool | None:
    """Whether `pattern` is found in `text`; None where that is not certain."""
    node = parsed(pattern)
    if node is None or not ASCII.issuperset(text) or (len(text) > 40 and is_nested(node)):
        return None
    return re.search(pattern, text) is not None


def is_nested(node: Node, is_within: bool = False) -> bool:
    """Whether one unbounded repetition holds another, which may take a backtracking engine for ever."""
    is_loop = node.op == "repeat" and (node.most is None or node.most > 1)
    return (is_loop and is_within) or any(is_nested(part, is_within or is_loop) for part in node.parts)


def samples(pattern: str, least: int, most: int | None) -> list[str]:
    """Some texts that `pattern` should be found in, with `least` to `most` characters where that is easy."""
    node = parsed(pattern)
    if node is None:
        return []
    made = [_sample(node, extra, pick) for extra in (0, 1, 3, 26) for pick in (0, 1)]
    padded = []
    for text in made:
        if len(text) < least:
            padded += [text + "a" * (least - len(text)), "a" * (least - len(text)) + text]
            padded.append(_sample(node, least, 0))
            padded.append(_sample(node, max(0, least - len(text)), 0))
    fitting = [text for text in [*made, *padded] if len(text) >= least and (most is None or len(text) <= most)]
    return [text for text in dict.fromkeys(fitting) if matches(pattern, text)]


def _sample(node: Node, extra: int, pick: int) -> str:
    if node.op == "set":
        ordered = sorted(node.chars & ASCII, key=lambda char: (not char.isalnum(), char))
        return ordered[-1 if pick else 0] if ordered else ""
    if node.op == "cat":
        return "".join(_sample(part, extra, pick) for part in node.parts)
    if node.op == "alt":
        return _sample(node.parts[min(pick, len(node.parts) - 1)], extra, pick)
    if node.op == "repeat":
        count = node.least + extra if node.most is None else min(node.least + extra, node.most)
        return _sample(node.parts[0], 0, pick) * min(count, _MOST_REPEATS)
    return ""


class _Reader:
    """Recursive descent over a pattern."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.place = 0

    def _peek(self) -> str:
        return self._pattern[self.place : self.place + 1]

    def _take(self) -> str:
        char = self._peek()
        if not char:
            raise _NotPlain
        self.place += 1
        return char

    def alternatives(self) -> Node:
        parts = [self._sequence()]
        while self._peek() == "|":
            self._take()
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else Node("alt", tuple(parts))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated())
        return Node("cat", tuple(parts))

    def _repeated(self) -> Node:
        node = self._atom()
        char = self._peek()
        if char not in ("*", "+", "?", "{"):
            return node
        if node.op in ("start", "end"):
            raise _NotPlain
        least, most = self._bounds(self._take())
        if self._peek() == "?":
            self._take()
        if self._peek() in ("*", "+", "?", "{"):
            raise _NotPlain
        return Node("repeat", (node,), least=least, most=most)

    def _bounds(self, char: str) -> tuple[int, int | None]:
        if char != "{":
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[char]
        found = re.compile(r"([0-9]+)(,([0-9]*))?\}").match(self._pattern, self.place)
        if found is None:
            raise _NotPlain
        self.place = found.end()
        least = int(found[1])
        most = least if found[2] is None else int(found[3]) if found[3] else None
        if most is not None and most < least:
            raise _NotPlain
        return least, most

    def _atom(self) -> Node:
        char = self._take()
        if char == "(":
            return self._group()
        if char == "[":
            return Node("set", chars=self._class())
        if char == "\\":
            return Node("set", chars=self._escaped())
        if char in "^$":
            return Node("start" if char == "^" else "end")
        if char == ".":
            return Node("set", chars=_ANY)
        if char not in ASCII or char in "*+?{}]":
            raise _NotPlain
        return Node("set", chars=frozenset(char))

    def _group(self) -> Node:
        if self._peek() == "?":
            self._take()
            if self._take() != ":":
                raise _NotPlain
        node = self.alternatives()
        if self._take() != ")":
            raise _NotPlain
        return node

    def _escaped(self) -> frozenset[str]:
        char = self._take()
        if char in _CLASSES:
            return _CLASSES[char]
        if char not in _LITERAL_ESCAPES:
            raise _NotPlain
        return frozenset(char)

    def _class(self) -> frozenset[str]:
        is_negated = self._peek() == "^"
        if is_negated:
            self._take()
        chars: set[str] = set()
        if self._peek() == "]":
            raise _NotPlain  # literal to one, empty to the other
        while (char := self._take()) != "]":
            first = self._member(char)
            if self._peek() == "-" and self._pattern[self.place + 1 : self.place + 2] not in ("]", ""):
                self._take()
                last = self._member(self._take())
                if len(first) != 1 or len(last) != 1:
                    raise _NotPlain
                chars.update(map(chr, range(ord(min(first)), ord(min(last)) + 1)))
            else:
                chars |= first
        return frozenset(LETTERS - chars if is_negated else chars)

    def _member(self, char: str) -> frozenset[str]:
        if char == "\\":
            return self._escaped()
        if char not in ASCII or char == "[":
            raise _NotPlain
        return frozenset(char)
