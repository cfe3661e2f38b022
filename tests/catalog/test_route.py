"""Templates and overlap."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.route import RouteTable, is_base_path, overlaps, segments

TEMPLATES = st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=4).map(tuple)


@pytest.mark.parametrize(
    "text", ["orders", "/a//b", "/a/..", "/a;b", "/a%2Fb", "/{a}{b}", "/x{a}{b}.c", "/{a}%2F", "/{}", "/a?b"]
)
def test_what_cannot_be_routed(text):
    """Templates that the raw path could not decide alone are no templates."""
    assert segments(text) is None


def test_segments():
    """Literals, parameters, and a trailing slash as a segment of its own."""
    assert segments("/orders/{id}/lines:search") == ("orders", None, "lines:search")
    assert segments("/orders/") == ("orders", "")
    assert segments("/{name}.pdf/{a}.{b}") == (None, None)


def test_base_paths():
    """`{major}` may be a part of a segment; a slash at the end is not a base path."""
    assert [is_base_path(text) for text in ("/a/v{major}", "/a", "/{major}")] == [True, True, True]
    assert [is_base_path(text) for text in ("", "/", "/a/", "/{minor}")] == [False] * 4


@given(st.lists(TEMPLATES, min_size=2, max_size=8))
def test_table_finds_every_overlap(templates):
    """The table names exactly the owners whose template shares a path with the new one."""
    table = RouteTable()
    for index, template in enumerate(templates):
        expected = {str(earlier) for earlier in range(index) if overlaps(templates[earlier], template)}
        assert expected == table.add("GET", template, str(index))


@given(TEMPLATES, TEMPLATES)
def test_overlap_has_a_witness(one, other):
    """Two templates overlap exactly when some path matches both."""

    def matched(template, path):
        return len(template) == len(path) and all(t in (None, p) for t, p in zip(template, path, strict=True))

    paths = itertools.product(["a", "b"], repeat=len(one))
    assert overlaps(one, other) == any(matched(one, path) and matched(other, path) for path in paths)


def test_methods_and_owners_are_apart():
    """Other methods and an owner's own routes are no overlap."""
    table = RouteTable()
    table.add("GET", ("a",), "x")
    assert (set(), set()) == (table.add("POST", ("a",), "y"), table.add("GET", ("a",), "x"))
