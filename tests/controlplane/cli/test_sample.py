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


def test_the_command_line_can_be_pasted() -> None:
    assert curl("http://127.0.0.1:1", "/a?b=c", "wbk_k") == "curl -i -H 'X-API-Key: wbk_k' 'http://127.0.0.1:1/a?b=c'"
    assert curl("http://127.0.0.1:1", "/a", None) == "curl -i 'http://127.0.0.1:1/a'"
