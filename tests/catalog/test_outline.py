"""The names that a schema declares at each place, whichever way they come in."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.outline import Position, root_of, slim
from catalog.schema import Validators

TEXT = {"type": "string", "maxLength": 3}
LINE = {"type": "object", "properties": {"price": TEXT}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
        "party": {"$ref": "canonical:party@1.0.0"},
        "tags": {"type": "object", "additionalProperties": TEXT},
    },
    "allOf": [{"properties": {"note": TEXT}}],
    "oneOf": [{"properties": {"card": TEXT}}, {"$ref": "#/$defs/line"}],
    "if": {"properties": {"kind": TEXT}},
    "then": {"properties": {"reason": TEXT}},
    "$defs": {
        "line": LINE,
        "canonical:party@1.0.0": {
            "$id": "canonical:party@1.0.0",
            "properties": {"address": {"$ref": "#/$defs/address"}, "parent": {"$ref": "#"}},
            "$defs": {"address": {"properties": {"town": TEXT}}},
        },
    },
}


@pytest.fixture
def root() -> Position:
    return root_of(slim(SCHEMA))


def below(position: Position, *names: str) -> Position | None:
    for name in names:
        found = position.item() if name == "*" else position.member(name)
        if found is None:
            return None
        position = found
    return position


@pytest.mark.parametrize(
    "place",
    ["note", "card", "price", "kind", "reason", "lines/*/price", "party/address/town", "party/parent/parent/address"],
)
def test_names_are_found_through_references_branches_and_conditions(root: Position, place: str) -> None:
    assert below(root, *place.split("/")) is not None


@pytest.mark.parametrize("place", ["line", "town", "lines/*/note", "party/town", "tags/anything"])
def test_a_name_that_is_not_declared_there_is_not_found(root: Position, place: str) -> None:
    assert below(root, *place.split("/")) is None


def test_a_place_without_inner_names_is_a_leaf(root: Position) -> None:
    assert below(root, "note").is_leaf
    assert not below(root, "lines").is_leaf
    assert not below(root, "tags").is_leaf
    assert root_of(slim(True)).is_leaf


def test_the_outline_of_a_handle_is_that_of_its_schema() -> None:
    validators = Validators()
    assert validators.outline(validators.handle(SCHEMA)).member("lines") is not None
    assert validators.outline(validators.handle(True)).is_leaf
