"""AsyncAPI 3: what is received goes like a request, what is sent like a response, replies the other way."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from catalog.compatibility.contract import ContractComparison, compare_contracts
from catalog.errors import Invalid
from tests.catalog.compatibility.contract.document import base

Told = set[tuple[str, str | None, str]]


def events() -> dict[str, Any]:
    payload = {
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "string"}, "note": {"type": "string"}},
    }
    done = {"payload": {"type": "object", "properties": {"ok": {"type": "boolean"}}}}
    return copy.deepcopy(
        {
            "asyncapi": "3.0.0",
            "info": {"title": "Events", "version": "1.0.0"},
            "channels": {
                "in": {"address": "/in/{site}", "messages": {"made": {"name": "order.made", "payload": payload}},
                       "parameters": {"site": {"enum": ["n", "s"]}}},
                "out": {"address": "/out", "messages": {"sent": {"name": "order.sent", "payload": payload}}},
                "back": {"address": "/back", "messages": {"done": done}},
            },
            "operations": {
                "take": {"action": "receive", "channel": {"$ref": "#/channels/in"},
                         "reply": {"channel": {"$ref": "#/channels/back"}}},
                "tell": {"action": "send", "channel": {"$ref": "#/channels/out"}},
            },
        }
    )  # fmt: skip


def told(found: ContractComparison) -> Told:
    return {(change.rule, change.direction, change.severity) for change in found.changes}


def payloads(document: Any, name: str) -> Any:
    return next(iter(document["channels"][name]["messages"].values()))["payload"]


def required(document: Any) -> None:
    for name in ("in", "out"):
        payloads(document, name)["required"].append("note")


def moved(document: Any, old: str, new: str) -> None:
    document["operations"][new] = document["operations"].pop(old)


CASES: list[tuple[str, Callable[[Any], Any], Told]] = [
    ("required property", required, {
        ("property-became-required", "request", "major"), ("property-became-required", "response", "minor")}),
    ("property of a reply required", lambda d: payloads(d, "back").update(required=["ok"]),
     {("property-became-required", "response", "minor")}),
    ("operation gone", lambda d: d["operations"].pop("tell"), {("event-operation-removed", None, "major")}),
    ("operation come", lambda d: d["operations"].update(more={"action": "send", "channel": {"$ref": "#/channels/in"}}),
     {("event-operation-added", None, "minor")}),
    ("operation renamed", lambda d: moved(d, "tell", "say"), {("operation-id-changed", None, "major")}),
    ("other action", lambda d: d["operations"]["tell"].update(action="receive"), {("action-changed", None, "major")}),
    ("other address", lambda d: d["channels"]["out"].update(address="/elsewhere"),
     {("channel-address-changed", None, "major")}),
    ("message come", lambda d: [d["channels"][name]["messages"].update(new={}) for name in ("in", "out")],
     {("message-added", "request", "minor"), ("message-added", "response", "major")}),
    ("message gone", lambda d: [d["channels"][name].update(messages={}) for name in ("in", "out")],
     {("message-removed", "request", "major"), ("message-removed", "response", "minor")}),
    ("media type", lambda d: d.update(defaultContentType="application/xml"),
     {("message-media-type-changed", direction, "major") for direction in ("request", "response")}),
    ("parameter's value gone", lambda d: d["channels"]["in"]["parameters"].update(site={"enum": ["n"]}),
     {("enum-value-removed", "request", "major")}),
    ("binding", lambda d: d["channels"]["in"].update(bindings={"kafka": {"partitions": 3}}),
     {("binding-changed", None, "major")}),
    ("reply gone", lambda d: d["operations"]["take"].pop("reply"), {("reply-removed", None, "major")}),
    ("scope", lambda d: d["operations"]["take"].update(security=[{"type": "oauth2", "scopes": ["a"]}]),
     {("security-required", None, "major")}),
    ("event", lambda d: d["channels"]["in"]["messages"]["made"].update({"x-waybill": {"event": "x"}}),
     {("event-declared", None, "minor")}),
    ("words", lambda d: d["operations"]["take"].update(summary="x"), {("operation-described", None, "patch")}),
    ("servers", lambda d: d.update(servers={"a": {"host": "a", "protocol": "https"}}),
     {("server-changed", None, "patch")}),
    ("laid out in a trait", lambda d: d["operations"]["take"].update(traits=[{"summary": "x"}]),
     {("operation-described", None, "patch")}),
    ("other format of schema", lambda d: d["channels"]["out"]["messages"]["sent"].update(
        payload={"schemaFormat": "application/vnd.apache.avro;version=1.9.0", "schema": {}}),
     {("message-format-changed", "response", "major")}),
    ("same format said", lambda d: d["channels"]["out"]["messages"]["sent"].update(payload={
        "schemaFormat": "application/vnd.aai.asyncapi+json;version=3.0.0", "schema": payloads(d, "out")}),
     {("document-described", None, "patch")}),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_told_of_a_change(change, expected) -> None:
    new = events()
    change(new)
    assert told(compare_contracts(events(), new)) == expected


def test_what_only_the_protocol_knows_is_undecided() -> None:
    new = events()
    new["channels"]["in"]["bindings"] = {"kafka": {"partitions": 3}}
    found = compare_contracts(events(), new)
    assert found.verdict == "unknown" and found.bump == "major"
    assert "not proved" in found.changes[0].message


@pytest.mark.parametrize("other", [{}, [], None, "openapi", {"openapi": "4.0.0"}, {"asyncapi": "2.6.0"}, base()])
def test_what_cannot_be_compared_is_refused(other) -> None:
    with pytest.raises(Invalid):
        compare_contracts(events(), other)
