"""JSON pointers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import Invalid
from catalog.pointer import join, parse, resolve


@given(st.lists(st.text()))
def test_round_trip(tokens):
    """What is joined is parsed back, whatever the tokens hold."""
    assert parse(join("", *tokens)) == tuple(tokens)


def test_resolves_the_examples_of_the_rfc():
    """RFC 6901 §5."""
    document = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "m~n": 8, " ": 7}
    pointers = ["", "/foo/0", "/", "/a~1b", "/m~0n", "/ "]
    assert [document, "bar", 0, 1, 8, 7] == [resolve(document, pointer) for pointer in pointers]


@pytest.mark.parametrize("text", ["a", "#/a", "/~", "/~2"])
def test_refuses(text):
    """A text that is no pointer is refused."""
    with pytest.raises(Invalid):
        parse(text)
