"""Whom a change of a canonical schema reaches: at the use sites, by direction."""

from __future__ import annotations

import copy

import pytest

from catalog.canonical import canonical_schema
from catalog.compatibility.embedding import self_contained, self_contained_schema
from catalog.compatibility.impact import impact
from catalog.workspace import load, read_directory
from tests.catalog.workspace import GOOD


@pytest.fixture(scope="module")
def good():
    return load(read_directory(GOOD))


def changed(good, key, version, change):
    document = copy.deepcopy(good.schemas[key].document)
    change(document)
    name = key.partition("@")[0]
    document["$id"] = f"canonical:{name}@{version}"
    return canonical_schema(name, version, document)


def test_where_it_is_used_and_which_way(good):
    """The purchase goes in once and comes out twice; what does not use it is not named."""
    (reached,) = impact(good, changed(good, "purchase@1.0.0", "1.1.0", lambda document: None))
    assert (reached.contract, reached.pinned, reached.bump) == ("orders.purchases@1.1.0", ("1.0.0",), "none")
    assert sorted((use.operation, use.direction, use.pointer) for use in reached.uses) == [
        ("purchases.create", "request", "/paths/~1purchases/post/requestBody/content/application~1json/schema"),
        ("purchases.create", "response", "/paths/~1purchases/post/responses/201/content/application~1json/schema"),
        ("purchases.list", "response", "/paths/~1purchases/get/responses/200/content/application~1json/schema"),
    ]


def test_one_change_can_break_those_who_are_answered_and_leave_those_who_ask(good):
    """A longer reference is more than readers were promised, and takes nothing from writers."""

    def longer(document):
        document["$defs"]["reference"]["maxLength"] = 80

    (reached,) = impact(good, changed(good, "purchase@1.0.0", "1.1.0", longer))
    assert (reached.verdict, reached.bump) == ("incompatible", "major")
    weights = {(change.operation, change.severity) for change in reached.changes}
    broken = {operation for operation, severity in weights if severity == "major"}
    assert len(broken) == 2 and len({operation for operation, severity in weights if severity == "minor"}) == 1


def test_what_leans_on_it_through_another_schema_is_reached_too(good):
    """Events and calls that hold money are reached by a change of money."""
    reached = impact(good, changed(good, "money@1.0.0", "1.1.0", lambda document: None))
    assert [each.contract for each in reached] == ["orders.purchase-events@1.0.0", "orders.purchases@1.1.0"]
    assert all(each.uses for each in reached)


def test_documents_become_self_contained(good):
    """No canonical reference is left, every local one leads somewhere, and the original is as it was."""
    for version in good.versions:
        before = copy.deepcopy(version.document)
        whole = self_contained(version.document, good.schemas)
        assert version.document == before
        assert_closed(whole)
    for schema in good.schemas.values():
        assert_closed(self_contained_schema(schema, good.schemas))


def assert_closed(document):
    from catalog.canonical import references, resolve_local

    for ref, pointer in references(document):
        assert ref.startswith("#/") and resolve_local(document, ref) is not None, (pointer, ref)


def test_openapi_3_0_is_told_as_3_1_where_canonical_schemas_are_embedded(good):
    """What 3.0 says with `nullable` and boolean bounds must not be read as 2020-12 reads it."""
    document = {
        "openapi": "3.0.3",
        "components": {
            "schemas": {
                "A": {"$ref": "canonical:money@1.0.0", "description": "dropped"},
                "B": {"type": "number", "minimum": 0, "exclusiveMinimum": True, "nullable": True},
            }
        },
    }
    told = self_contained(document, good.schemas)
    assert told["openapi"] == "3.1.0"
    assert told["components"]["schemas"]["A"] == {"$ref": "#/components/schemas/canonical.money"}
    assert told["components"]["schemas"]["B"] == {"type": ["number", "null"], "exclusiveMinimum": 0}
    assert told["components"]["schemas"]["canonical.money"]["required"] == ["amount", "currency"]
