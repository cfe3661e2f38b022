"""Languages of patterns, held against the `re` of Python over all short texts of some telling characters."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import compare_schemas
from catalog.compatibility.language import language

#: a letter, a digit, a sign, a line feed; a digit, a letter, a space and a sign beyond ASCII
_TELLING = ("a", "B", "0", "-", "\n", "٣", "é", "\u3000", "\r", "☃")
_TEXTS = ["".join(text) for length in range(4) for text in product(_TELLING, repeat=length)]

_atoms = st.sampled_from(["a", "B", "0", "-", ".", r"\d", r"\w", r"\s", r"\W", "[a-z]", "[^a]", "[0-9a]"])
_bodies = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,3}"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=5,
)
_patterns = st.tuples(st.sampled_from(["", "^"]), _bodies, st.sampled_from(["", "$"])).map("".join)
_limits = st.sampled_from([(0, None), (0, None), (0, 2), (1, None), (2, 3)])


@settings(deadline=None, max_examples=150)
@given(
    held=st.frozensets(_patterns, max_size=2), broken=st.frozensets(_patterns, min_size=1, max_size=2), limits=_limits
)
def test_no_text_refutes_what_is_called_empty_and_texts_are_found(held, broken, limits) -> None:
    least, most = limits
    found = language(held, broken, least, most)
    fitting = [text for text in _TEXTS if _fits(text, held, broken) and least <= len(text) <= (most or len(text))]
    assert not (found.is_empty and fitting), (held, broken, limits, fitting[0])
    assert all(_fits(text, held, broken) for text in found.texts)
    is_plain = any(text.isascii() and text.isprintable() for text in fitting)
    assert found.texts or not is_plain, (held, broken, limits)


def _fits(text: str, held: frozenset[str], broken: frozenset[str]) -> bool:
    return all(re.search(each, text) for each in held) and not any(re.search(each, text) for each in broken)


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ("^[A-Z]{3}$", "^[A-Z]{3,4}$", "compatible"),
        ("^[A-Z]{3,4}$", "^[A-Z]{3}$", "incompatible"),
        ("^[0-9]+$", r"^\d+$", "compatible"),
        (r"^\d+$", "^[0-9]+$", "unknown"),  # to one library other digits are digits, to another not
        ("^-?(0|[1-9][0-9]{0,15})(\\.[0-9]{1,4})?$", "^-?[0-9]+(\\.[0-9]+)?$", "compatible"),
        ("^PO-[0-9]{4,}$", "^PO-", "compatible"),
        ("^(a|b)c$", "^(bc|ac)$", "compatible"),
        ("a$", "^a", "incompatible"),
        (r"^(?!x)a", "^a", "unknown"),
    ],
)
def test_patterns_against_each_other(old, new, verdict) -> None:
    found = compare_schemas({"type": "string", "pattern": old}, {"type": "string", "pattern": new})
    assert found.verdict == verdict
    for change in found.changes:
        assert change.verdict != "incompatible" or re.search(old, change.witness)
        assert change.verdict != "incompatible" or not re.search(new, change.witness)


def test_a_length_that_a_pattern_gives_is_no_longer_needed() -> None:
    """`$` of some libraries leaves room for a line feed, which an upper bound would refuse: not told."""
    old = {"type": "string", "pattern": "^[A-Z]{3}$", "minLength": 3, "maxLength": 3}
    assert compare_schemas(old, {"type": "string", "pattern": "^[A-Z]+$"}).verdict == "compatible"
    assert compare_schemas({"type": "string", "pattern": "^[A-Z]{3}$"}, {"minLength": 3}).verdict == "compatible"
    assert compare_schemas({"type": "string", "pattern": "^[A-Z]{3}$"}, {"maxLength": 3}).verdict == "unknown"
    assert compare_schemas({"type": "string", "pattern": "^[A-Z]{3}"}, {"maxLength": 3}).verdict == "incompatible"


def test_names_by_pattern_are_told_apart() -> None:
    old = {"type": "object", "patternProperties": {"^x-[a-z]+$": {"type": "string"}}, "additionalProperties": False}
    new = {"type": "object", "patternProperties": {"^x-": {"type": ["string", "null"]}}, "additionalProperties": False}
    assert compare_schemas(old, new).verdict == "compatible"
    assert compare_schemas(new, old).verdict == "incompatible"


def test_a_pattern_that_is_too_large_is_unknown() -> None:
    held, broken = frozenset({"(a|b).{40}c.{40}d"}), frozenset({"(b|c).{50}a.{60}b"})
    assert language(held, broken, 100, 5_000).is_empty is not True
