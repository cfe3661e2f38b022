"""Documents as Structs, every error at once."""

import msgspec

from catalog.network import System
from catalog.shape import shape


class Part(msgspec.Struct, forbid_unknown_fields=True):
    numbers: list[int]
    name: str


class Whole(msgspec.Struct, forbid_unknown_fields=True):
    first: int
    part: Part
    parts: dict[str, Part] = {}
    note: str = ""


def test_all_fields_are_told():
    """Missing, unknown and wrong fields are all reported, with JSON pointers."""
    data = {"part": {"name": "x", "numbers": [1, "2"]}, "note": 5, "a/b": 1, "parts": {"x": {"numbers": []}}}
    item, problems = shape(data, Whole, "a.yaml", "/0")
    assert item is None
    assert [(p.pointer, p.message) for p in problems] == [
        ("/0/a~1b", "unknown field 'a/b'"),
        ("/0", "field 'first' is missing"),
        ("/0/part/numbers/1", "Expected `int`, got `str`"),
        ("/0/parts", "Object missing required field `name`"),
        ("/0/note", "Expected `str`, got `int`"),
    ]


def test_unknown_fields_do_not_hide_the_rest():
    """A Struct is built without what it does not know, so that other checks can go on; the problem stays."""
    data = {"first": 1, "part": {"numbers": [], "name": "x"}, "colour": "red"}
    item, problems = shape(data, Whole, "a.yaml")
    assert (item.first, [p.pointer for p in problems]) == (1, ["/colour"])


def test_good():
    """What fits is converted, nested Structs included."""
    data = {"system": "erp", "name": "ERP", "region": "eu", "base_url": "http://x", "timeouts": {"total_s": 5}}
    item, problems = shape(data, System, "a.yaml")
    assert (problems, item.timeouts.total_s, item.timeouts.connect_s) == ([], 5.0, 2.0)


def test_not_a_mapping():
    """A list where a mapping belongs is one problem."""
    assert [p.message for p in shape([], Whole, "a.yaml")[1]] == ["must be a mapping"]
