"""The first call that `waybill up` suggests: a read that the consumer may make, its parameters filled."""

from __future__ import annotations

from controlplane.cli.sample import Call, curl, sample_call
from tests.controlplane.workspace import OPENAPI

PARCELS = {
    "contract": {"contract": "logistics.parcels", "base_path": "/parcels/v{major}"},
    "version": "2.3.0",
    "document": OPENAPI,
}
SHOP = {"consumer": "shop", "contracts": {"logistics.parcels": []}}


def with_get(path: str, **operation) -> dict:
    return {**PARCELS, "document": {"paths": {path: {"get": operation}}}}


def test_examples_fill_the_path_percent_encoded() -> None:
    assert sample_call([PARCELS], [SHOP]) == Call("shop", "/parcels/v2/parcels/p%201")


def test_the_read_with_the_fewest_parameters_is_taken() -> None:
    listing = with_get("/parcels", parameters=[{"name": "limit", "in": "query", "schema": {"type": "integer"}}])
    assert sample_call([PARCELS, listing], [SHOP]) == Call("shop", "/parcels/v2/parcels")


def test_required_query_parameters_get_a_declared_value() -> None:
    parameters = [
        {"name": "kind", "in": "query", "required": True, "schema": {"enum": ["small", "big"]}},
        {"$ref": "#/components/parameters/site"},
    ]
    contract = with_get("/parcels", parameters=parameters)
    site = {"name": "site", "in": "query", "required": True, "schema": {"type": "string", "default": "a&b"}}
    contract["document"]["components"] = {"parameters": {"site": site}}
    assert sample_call([contract], [SHOP]) == Call("shop", "/parcels/v2/parcels?kind=small&site=a%26b")


def test_nothing_is_suggested_that_the_consumer_may_not_call() -> None:
    assert sample_call([PARCELS], [{"consumer": "shop", "contracts": {"other.api": []}}]) is None
    assert sample_call([PARCELS], [{"consumer": "shop", "contracts": {"*": []}}]) is not None
    assert sample_call([with_get("/x")], []) is None


def test_only_what_the_granted_scopes_allow_is_suggested() -> None:
    """Of several alternatives one suffices."""
    contract = with_get("/x", security=[{"waybill": ["read"]}, {"oauth": ["all"]}])
    for scopes, is_found in ((["read"], True), (["all"], True), (["write"], False)):
        consumer = {"consumer": "shop", "contracts": {"logistics.parcels": scopes}}
        assert (sample_call([contract], [consumer]) is not None) == is_found


def test_a_consumer_of_several_entities_tells_for_which_it_calls() -> None:
    """By header or query, as the contract reads it; a consumer of one entity never names another's."""
    header = {"name": "Waybill-Legal-Entity", "in": "header", "example": "elsewhere"}
    query = {"name": "le", "in": "query", "required": True, "example": "elsewhere"}
    by_header = with_get(
        "/x", parameters=[header], **{"x-waybill": {"legal_entity": ["$request.header.waybill-legal-entity"]}}
    )
    by_query = with_get("/x", parameters=[query], **{"x-waybill": {"legal_entity": "$request.query.le"}})
    two, one, every = ({**SHOP, "entities": names} for names in (["north", "south"], ["south"], ["*"]))
    assert sample_call([by_header], [two]) == Call("shop", "/parcels/v2/x", {"Waybill-Legal-Entity": "north"})
    assert sample_call([by_header], [one]) == Call("shop", "/parcels/v2/x")
    assert sample_call([by_header], [every], ["east"]) == Call(
        "shop", "/parcels/v2/x", {"Waybill-Legal-Entity": "east"}
    )
    assert sample_call([by_query], [two]) == Call("shop", "/parcels/v2/x?le=north")
    assert sample_call([by_query], [one]) == Call("shop", "/parcels/v2/x?le=south")
    assert sample_call([with_get("/a"), by_query], [two]) == Call("shop", "/parcels/v2/x?le=north")


def test_a_list_is_plainer_than_an_object_that_may_not_exist() -> None:
    listing = with_get("/x", parameters=[{"name": n, "in": "query", "required": True, "schema": {}} for n in "ab"])
    assert sample_call([PARCELS, listing], [SHOP]) == Call("shop", "/parcels/v2/x?a=1&b=1")


def test_values_fit_their_declared_format() -> None:
    kinds = {"u": {"format": "uuid"}, "d": {"$ref": "#/components/schemas/day"}, "n": {"type": "integer", "minimum": 5}}
    parameters = [{"name": name, "in": "query", "required": True, "schema": schema} for name, schema in kinds.items()]
    contract = with_get("/x", parameters=[*parameters, {"name": "X-Site", "in": "header", "required": True}])
    contract["document"]["components"] = {"schemas": {"day": {"type": "string", "format": "date"}}}
    target = "/parcels/v2/x?u=00000000-0000-4000-8000-000000000000&d=2026-01-31&n=5"
    assert sample_call([contract], [SHOP]) == Call("shop", target, {"X-Site": "1"})


def test_the_command_line_can_be_pasted() -> None:
    url = "http://127.0.0.1:1"
    assert curl(url, Call("c", "/a?b=c"), "wbk_k") == "curl -i -H 'X-API-Key: wbk_k' 'http://127.0.0.1:1/a?b=c'"
    assert curl(url, Call("c", "/a", {"X-A": "it's"}), None) == "curl -i -H 'X-A: it'\\''s' 'http://127.0.0.1:1/a'"
