"""Reading AsyncAPI documents: golden good and bad ones, what is noted, and that nothing crashes the reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from catalog.asyncapi import outline, read_asyncapi
from catalog.errors import Invalid
from catalog.schema import Validators
from catalog.workspace import load, read_directory
from tests.catalog.workspace import GOOD

FOLDER = Path(__file__).parent / "event"
EVENT = {"specversion": "1.0", "id": "1", "source": "/a", "subject": "SH-1"}


def read(name: str, validators: Validators | None = None) -> Any:
    return read_asyncapi(yaml.safe_load((FOLDER / name).read_text()), {}, validators or Validators(), name)


def refusals(document: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        read_asyncapi(document, {}, Validators(), "asyncapi.yaml")
    assert all(problem.file == "asyncapi.yaml" and problem.remedy for problem in refused.value.problems)
    return [(problem.pointer, problem.message) for problem in refused.value.problems]


def test_several_messages_of_one_channel() -> None:
    """Each type asks for its own data; the business event is the type unless the message says otherwise."""
    validators = Validators()
    (operation,) = read("good/several.yaml", validators).operations
    assert (operation.method, operation.path, operation.scopes) == ("POST", "/order-events", (("publish",),))
    assert operation.messages == {"order.created": "order.created", "com.acme.order.cancelled.v1": "order.cancelled"}
    assert operation.extension.occurred_at == "$request.body#/time"
    assert operation.request_schemas.keys() == {"application/cloudevents+json", "application/json"}
    handle = validators.handle(operation.request_schemas["application/json"])
    data = {"id": "O-1", "legal_entity": "north", "reason": "replaced"}
    cancelled = {**EVENT, "type": "com.acme.order.cancelled.v1", "data": data}
    assert validators.validate(handle, cancelled) == ()
    found = validators.validate(handle, {**cancelled, "type": "order.created"})
    assert [item.pointer for item in found] == ["/data/total"]


def test_one_message_with_its_own_event() -> None:
    """Type, event, media type, attributes, path parameter and business time; everything unchecked is named."""
    reading = read("good/single.yaml")
    (operation,) = reading.operations
    assert operation.messages == {"com.acme.shipment.left.v2": "shipment.left"}
    assert operation.extension.occurred_at == "$request.body#/data/at"
    assert operation.request_schemas.keys() == {"application/cloudevents+json", "application/vnd.acme+json"}
    assert [(p.name, p.place, p.required, p.schema) for p in operation.parameters] == [
        ("warehouse", "path", True, {"type": "string", "enum": ["east", "west"]})
    ]
    assert {note.pointer: note.message for note in reading.notes} == {
        "/channels/shipments/messages/left/bindings/kafka": "binding kafka is not enforced",
        "/channels/shipments/messages/left/correlationId": "correlation ids are not followed: x-waybill.links do that",
        "/channels/shipments/messages/left/headers/additionalProperties": (
            "headers: additionalProperties is not enforced"
        ),
        "/channels/shipments/messages/left/payload/dependencies": (
            "dependencies is not enforced: write dependentRequired or dependentSchemas"
        ),
        "/channels/shipments/parameters/warehouse": (
            "parameter warehouse: that it agrees with the message is not checked"
        ),
        "/operations/shipments.consume": ("shipments.consume: its channel is not over HTTP and is not governed"),
        "/operations/shipments.listen": "shipments.listen: sending is not governed",
        "/operations/shipments.tell/bindings/http": "binding http is not enforced",
        "/operations/shipments.tell/reply": "shipments.tell: the gateway answers 202, a reply is not governed",
    }


def test_outline() -> None:
    """What a listing shows is what the reading says, without compiling anything."""
    document = yaml.safe_load((FOLDER / "good/several.yaml").read_text())
    (told,) = outline(document)
    assert (told.id, told.path, told.object) == ("order-events.tell", "/order-events", "order")
    assert set(told.events) == {"order.created", "order.cancelled"}


def test_the_version_is_told_first() -> None:
    assert refusals(yaml.safe_load((FOLDER / "bad/version.yaml").read_text())) == [
        ("/asyncapi", "must be an AsyncAPI 3 version")
    ]


BAD = {
    "nothing": {"/info", "/chanels"},
    "operations": {
        "/operations/not a name",
        "/operations/verb/action",
        "/operations/inline/channel",
        "/operations/lost/channel/$ref",
        "/operations/elsewhere/channel",
        "/operations/foreign/messages/0",
        "/operations/foreign/messages/1",
        "/operations/foreign",
        "/channels/c/messages/n",
        "/channels/d/address",
        "/channels/d/parameters",
        "/channels/e/parameters",
        "/operations/empty",
        "/operations/put/bindings/http/method",
        "/operations/put/security/0/scopes",
        "/operations/typo/mesages",
    },
    "messages": {
        "/channels/c/messages/xml/contentType",
        "/channels/c/messages/enveloped/contentType",
        "/channels/c/messages/avro/payload/schemaFormat",
        "/channels/c/messages/broken/payload/pattern",
        "/channels/c/messages/dangling/payload/$ref",
        "/channels/c/messages/headers/headers/properties/ce-subject",
        "/channels/c/messages/headers/headers/required",
        "/channels/c/messages/named/name",
        "/channels/c/messages/unknown/body",
        "/channels/c/messages/inner/payload/properties/a/$ref",
        "/channels/c/messages/traits/traits",
        "/channels/c/messages/event/x-waybill/colour",
    },
    "example": {
        "/channels/c/messages/m/examples/0/headers/time",
        "/channels/c/messages/m/examples/0/payload/id",
        "/channels/c/messages/m/examples/1/headers/time",
        "/channels/c/messages/m/examples/2/payload",
    },
    "meaning": {
        f"/operations/tell/x-waybill/{place}"
        for place in (
            *("event", "id", "links/0/id", "legal_entity", "amount", "idempotency", "safe", "reconcile"),
            *("reconcile/operation", "serialise", "delivery"),
        )
    },
}


@pytest.mark.parametrize("name", BAD)
def test_everything_wrong_is_told_at_once(name: str) -> None:
    """By pointer, each with a remedy."""
    found = refusals(yaml.safe_load((FOLDER / f"bad/{name}.yaml").read_text()))
    assert {pointer for pointer, _ in found} == BAD[name]


def test_every_bad_document_is_tried() -> None:
    assert {path.stem for path in (FOLDER / "bad").iterdir()} == {*BAD, "version"}


_CHANNEL = "contracts/orders/purchase-events/1.0.0/asyncapi.yaml"


def places(files: dict[str, bytes]) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        load(files)
    return [(problem.file, problem.pointer) for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({_CHANNEL: b"[]"}, (_CHANNEL, "")),
        ({_CHANNEL.replace("async", "open"): b"openapi: 3.1.0"}, (_CHANNEL.replace("async", "open"), "")),
        ({"contracts/orders/purchase-events/2.0.0/openapi.yaml": "call"}, None),
        ({"bindings/events.yaml": b"{contract: orders.purchase-events, major: 1, entity: north, system: erp}"},
         ("bindings/events.yaml", "/contract")),
        ({_CHANNEL: ("address: /purchase-events", "address: /purchases")}, None),
        ({_CHANNEL: ("money@^1.0", "money@^9.0")}, (_CHANNEL, "/components/schemas/told/properties/total/$ref")),
        ({"contracts/orders/purchase-events/contract.yaml": ("owner: procurement-integration", "owner: ''")},
         ("contracts/orders/purchase-events/contract.yaml", "/owner")),
    ],
    ids=["no object", "both kinds in one version", "kinds mixed", "bound", "route taken", "no such schema", "no owner"],
)  # fmt: skip
def test_in_a_workspace(changes: dict[str, Any], found: tuple[str, str] | None) -> None:
    """Pins, routes, owners and kinds are checked as of any contract; the problem names file and pointer."""
    files = read_directory(GOOD)
    for path, change in changes.items():
        if change == "call":
            files[path] = files["contracts/orders/purchases/1.1.0/openapi.yaml"].replace(b"/purchases", b"/others")
            contract = "contracts/orders/purchase-events/contract.yaml"
            files[contract] = files[contract].replace(b"{1.0.0: ", b"{2.0.0: {state: draft}, 1.0.0: ")
            found = (path, "")
        elif isinstance(change, tuple):
            assert change[0].encode() in files[path]
            files[path] = files[path].replace(change[0].encode(), change[1].encode())
        else:
            files[path] = change
    if found is None:
        found = (_CHANNEL, "/operations/purchaseEvents.publish")
    assert found in {*places(files), *(_other_side(place) for place in places(files))}


def _other_side(place: tuple[str, str]) -> tuple[str, str]:
    """Of an overlap either contract may be named."""
    is_route = place[1].startswith("/paths/~1purchases/post")
    return (_CHANNEL, "/operations/purchaseEvents.publish") if is_route else place


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
_NAMES = st.sampled_from(
    ["channels", "operations", "components", "messages", "schemas", "address", "action", "channel", "payload", "$ref",
     "headers", "name", "x-waybill", "traits", "bindings", "security", "examples", "parameters", "servers", "http",
     "properties", "schemaFormat", "schema", "contentType", "a"]
)  # fmt: skip
_VALUES = st.sampled_from(
    ["receive", "send", "#/channels/a", "#/channels/a/messages/a", "#/components/messages/a", "/a", "/{a}", "a", 7, [],
     {}, None, True, "#/operations/a", "#/", "application/json", "canonical:a@1.0.0"]
)  # fmt: skip
_LIKELY = st.recursive(
    _VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=40,
)


@given(_JSON | st.fixed_dictionaries({"asyncapi": st.just("3.0.0"), "channels": _LIKELY, "operations": _LIKELY,
                                      "components": _LIKELY, "servers": _LIKELY}))  # fmt: skip
def test_nothing_crashes_the_reader(document: Any) -> None:
    """Any JSON value is read or refused with problems."""
    try:
        reading = read_asyncapi(document, {}, Validators())
    except Invalid as refused:
        assert refused.problems
    else:
        assert reading.operations


@given(st.sampled_from(["several", "single"]), st.data())
def test_a_damaged_document_is_refused_or_read(name: str, data: Any) -> None:
    """Any one value of a good document replaced by something else never crashes the reader."""
    document = yaml.safe_load((FOLDER / f"good/{name}.yaml").read_text())
    node, places_of = document, []
    while isinstance(node, dict | list) and node and (not places_of or data.draw(st.booleans())):
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        places_of.append((node, key))
        node = node[key]
    holder, key = places_of[-1]
    holder[key] = data.draw(_JSON | _LIKELY)
    try:
        read_asyncapi(document, {}, Validators())
    except Invalid as refused:
        assert refused.problems
