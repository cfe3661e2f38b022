"""Search: any business key or alias, by its beginning, from an index."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from controlplane.context import Context
from controlplane.ingest.service import IngestService
from controlplane.lineage.search import _begins, search
from controlplane.lineage.sight import Sight
from controlplane.lineage.store import business_object
from tests.controlplane.conftest import Api
from tests.controlplane.engine import accesses, literal
from tests.controlplane.journal import Calls, Stream, procure_to_pay


@pytest.fixture
def filled(ingest: IngestService, stream: Stream, calls: Calls) -> None:
    for number in (1, 2, 11):
        stream.log(*procure_to_pay(calls, number))
    stream.log(*procure_to_pay(Calls(entity="grace"), 1))
    stream.send(ingest)


def found(context: Context, text: str, limit: int = 20, entity: str = "") -> list[tuple[str, str, str]]:
    scope = frozenset({entity}) if entity else None
    with context.database.read() as connection:
        return [(i.object.assigner, i.object.value, i.matched) for i in search(connection, text, limit, Sight(scope))]


@pytest.mark.usefixtures("filled")
def test_keys_are_found_by_their_beginning_in_any_case(context: Context) -> None:
    """The exact key comes first."""
    assert found(context, "po-1") == [("mercy", "PO-1", "id"), ("grace", "PO-1", "id"), ("mercy", "PO-11", "id")]
    assert found(context, " PO-2 ") == [("mercy", "PO-2", "id")]
    assert found(context, "O-1") == []


@pytest.mark.usefixtures("filled")
def test_an_alias_finds_its_object(context: Context) -> None:
    assert found(context, "4500011") == [("mercy", "PO-11", "alias")]


@pytest.mark.usefixtures("filled")
def test_entity_and_limit_narrow(context: Context) -> None:
    assert found(context, "PO", entity="grace") == [("grace", "PO-1", "id")]
    assert len(found(context, "PO", limit=2)) == 2


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("text", ["", "  ", "%", "_", "PO-1'", "\U0010ffff"])
def test_nothing_is_a_wildcard(context: Context, text: str) -> None:
    assert found(context, text) == []


@pytest.mark.usefixtures("filled")
def test_the_answer_has_money_status_and_times(api: Api) -> None:
    (item,) = api.get("/lineage/search", role="viewer", params={"q": "INV-2", "limit": 5}).json()["items"]
    assert item["object"] == {"type": "invoice", "assigner": "mercy", "value": "INV-2"}
    assert item["amount"] == {"amount": "300.00", "currency": "USD"}
    assert (item["matched"], item["legal_entity"], item["status_axes"]) == ("id", "mercy", {})
    assert item["first_us"] < item["last_us"]


def test_search_reads_an_index(context: Context) -> None:
    query = select(business_object.c.object_id).where(_begins("po-1")).order_by(business_object.c.search_key)
    with context.database.read() as connection:
        (step,) = accesses(connection, literal(connection, query))
    assert step[:3] == ("business_object", "business_object_by_search_key", True)
