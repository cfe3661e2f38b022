"""Versions, ranges, references."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import Invalid
from catalog.reference import Reference, parse_reference, resolve_range
from catalog.version import is_version, matches, version_key


@pytest.mark.parametrize(
    ("range_", "inside", "outside"),
    [
        ("1.2.3", ["1.2.3"], ["1.2.4", "1.2.2"]),
        ("^1", ["1.0.0", "1.9.9"], ["0.9.0", "2.0.0"]),
        ("^1.2", ["1.2.0", "1.3.0"], ["1.1.9", "2.0.0"]),
        ("^1.2.3", ["1.2.3", "1.10.0"], ["1.2.2", "2.0.0"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0", "0.2.2", "1.0.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4", "0.1.0"]),
        ("^0", ["0.0.0", "0.9.1"], ["1.0.0"]),
        ("^0.0", ["0.0.0", "0.0.9"], ["0.1.0"]),
    ],
)
def test_ranges(range_, inside, outside):
    """An exact version means itself; a caret allows what keeps the leftmost number that is not zero."""
    assert [True] * len(inside) == [matches(version, range_) for version in inside]
    assert [False] * len(outside) == [matches(version, range_) for version in outside]


@pytest.mark.parametrize("text", ["1", "1.0", "1.0.0-rc1", "1.0.0+x", "01.0.0", "v1.0.0", "", "1.0.0\n", "१.0.0"])
def test_only_plain_versions(text):
    """Nothing but major.minor.patch is a version."""
    assert not is_version(text)


def test_order_is_numeric():
    """1.10.0 comes after 1.9.0."""
    assert version_key("1.10.0") > version_key("1.9.0")


def test_parse_reference():
    """Object, range and fragment."""
    assert Reference("purchase_order", "^1.2") == parse_reference("canonical:purchase_order@^1.2")
    assert Reference("common", "1.0.0", "/$defs/money") == parse_reference("canonical:common@1.0.0#/$defs/money")
    assert str(parse_reference("canonical:common@1.0.0#/$defs/money")) == "canonical:common@1.0.0#/$defs/money"


@pytest.mark.parametrize("text", ["canonical:a", "canonical:a@1", "canonical:a@1.0", "canonical:A@1.0.0", "x:a@1.0.0"])
def test_refused_references(text):
    """An exact reference is a whole version; nothing else is a reference."""
    with pytest.raises(Invalid):
        parse_reference(text)


def test_the_highest_wins_unless_pinned():
    """A pin in range beats a newer version; a pin out of range does not."""
    reference, known = parse_reference("canonical:a@^1.1"), ["1.0.0", "1.2.0", "1.10.0", "2.0.0"]
    assert resolve_range(reference, known) == "1.10.0"
    assert resolve_range(reference, known, ["1.2.0"]) == "1.2.0"
    assert resolve_range(reference, known, ["1.0.0"]) == "1.10.0"
    assert None is resolve_range(parse_reference("canonical:a@^3"), known)


@given(st.text() | st.text().map(lambda text: "canonical:" + text))
def test_never_crashes(text):
    """Any text is a reference or refused."""
    try:
        reference = parse_reference(text)
    except Invalid:
        return
    assert parse_reference(str(reference)) == reference
    resolve_range(reference, ["1.0.0"])
