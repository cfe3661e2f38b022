"""What is written to either store comes back as it was, whatever its texts look like."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import select

from controlplane.context import Context
from controlplane.lineage.store import business_object
from controlplane.store.upsert import Merge, among, insert_all, upsert

TEXTS = (
    "plain",
    "",
    "NULL",
    "null",
    'say "so"',
    "back\\slash",
    "a,b",
    "{1,2}",
    " spaced ",
    "line\nbreak",
    "Ärzte",
    "'",
)
MERGE = Merge(
    keys=("type", "assigner", "value", "is_synthetic"), least=("first_us",), latest={"amount_mark": ["amount"]}
)


def _rows(values: Sequence[str], **more: object) -> list[dict[str, object]]:
    given = {
        "type": "order",
        "assigner": "mercy",
        "search_key": "",
        "legal_entity": "mercy",
        "entity_mark": "",
        "amount": None,
        "amount_mark": "",
        "first_us": None,
        "mentioned_us": 1,
        "is_synthetic": False,
    }
    return [{**given, **more, "value": value} for value in values]


@pytest.mark.parametrize("values", [TEXTS, TEXTS[:2], *((text,) for text in TEXTS)])
def test_texts_come_back_as_they_were(context: Context, values: Sequence[str]) -> None:
    """Alone, together, and as the keys of a look-up."""
    value = business_object.c.value
    with context.database.write() as connection:
        insert_all(connection, business_object, _rows(values))
        found = connection.scalars(select(value).where(among(connection, value, values))).all()
        none = connection.scalars(select(value).where(among(connection, value, []))).all()
    assert sorted(found) == sorted(values)
    assert none == []


def test_nulls_numbers_and_truth_values_come_back_as_they_were(context: Context) -> None:
    """A null beside a value in the same column, also when rows are merged."""
    thing = business_object.c
    rows = _rows(["a"], amount="1.50", amount_mark="2", first_us=7) + _rows(["b"], is_synthetic=True)
    later = _rows(["a"], amount="9", amount_mark="1", first_us=8) + _rows(
        ["b"], is_synthetic=True, amount='"', amount_mark="1"
    )
    query = select(thing.value, thing.amount, thing.first_us, thing.is_synthetic).order_by(thing.value)
    with context.database.write() as connection:
        upsert(connection, business_object, rows, MERGE)
        first = connection.execute(query).all()
        upsert(connection, business_object, later, MERGE)
        second = connection.execute(query).all()
        known = connection.scalars(select(thing.first_us).where(among(connection, thing.first_us, [7, 8]))).all()
    assert [tuple(row) for row in first] == [("a", "1.50", 7, False), ("b", None, None, True)]
    assert [tuple(row) for row in second] == [("a", "1.50", 7, False), ("b", '"', None, True)]
    assert known == [7]
