"""Overlays: actions on a vendor's document, targets that select nothing refused, the document itself untouched."""

import copy

import pytest

from catalog.overlay import apply_overlay, parse_target, target_of

DOCUMENT = {
    "openapi": "3.1.0",
    "paths": {
        "/orders/{id}": {"get": {"tags": ["a"], "x": {"kept": 1, "changed": 1}}, "delete": {"tags": ["b"]}},
        "/it's": {"get": {"tags": []}},
    },
    "servers": [{"url": "one"}, {"url": "two"}],
}


def overlaid(*actions, version="1.0.0"):
    before = copy.deepcopy(DOCUMENT)
    overlay = {"overlay": version, "info": {"title": "t", "version": "1"}, "actions": list(actions)}
    document, problems = apply_overlay(DOCUMENT, overlay, "overlay.yaml")
    assert before == DOCUMENT
    return document, [(problem.pointer, problem.message) for problem in problems]


def test_objects_are_merged_and_arrays_appended():
    """Member by member (Overlay 1.0.0 §4.4.3); an object is appended to an array that is selected itself."""
    target = "$.paths['/orders/{id}'].get"
    document, problems = overlaid(
        {"target": target, "update": {"operationId": "read", "tags": ["c"], "x": {"changed": 2}}},
        {"target": "$.servers", "update": {"url": "three"}},
        {"target": "$.servers[0]", "update": {"url": "first"}},
    )
    assert problems == []
    assert document["paths"]["/orders/{id}"]["get"] == {
        "tags": ["a", "c"],
        "x": {"kept": 1, "changed": 2},
        "operationId": "read",
    }
    assert [server["url"] for server in document["servers"]] == ["first", "two", "three"]


def test_wildcards_and_removal():
    """`*` selects every member; what is removed is gone, in objects and in arrays."""
    document, problems = overlaid(
        {"target": "$.paths.*.get", "update": {"seen": True}},
        {"target": "$.paths['/orders/{id}'].delete", "remove": True},
        {"target": "$.servers[*]", "remove": True},
    )
    assert problems == []
    assert [item["get"]["seen"] for item in document["paths"].values()] == [True, True]
    assert "delete" not in document["paths"]["/orders/{id}"]
    assert document["servers"] == []


@pytest.mark.parametrize("target", ["$.paths['/order']", "$.servers[7]", "$.Paths", "$.paths[0]"])
def test_a_target_that_selects_nothing_is_refused(target):
    """A misspelt name must not be passed over in silence."""
    assert overlaid({"target": target, "update": {}})[1] == [
        ("/actions/0/target", f"{target} selects nothing in the document")
    ]


@pytest.mark.parametrize("target", ["paths", "$..get", "$.paths[?@.get]", "$.a[0:2]", "$.", "$['a'", "$.a b"])
def test_what_is_not_known_of_jsonpath_is_refused(target):
    """Filters, slices, descendants and what is no path at all."""
    ((pointer, message),) = overlaid({"target": target, "update": {}})[1]
    assert (pointer, message) == ("/actions/0/target", f"{target!r} is not a target that can be followed")


def test_other_versions_and_shapes_are_refused():
    assert [pointer for pointer, _ in overlaid(version="2.0.0")[1]] == ["/overlay"]
    assert [pointer for pointer, _ in overlaid({"update": {}})[1]] == ["/actions/0"]


@pytest.mark.parametrize("names", [("paths", "/it's", "get"), ("a\\b",), ('"',), ("*",)])
def test_written_targets_are_read_back(names):
    assert parse_target(target_of(*names)) == list(names)
