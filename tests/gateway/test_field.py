"""Which fields records name: declared ones only, of calls that were let through, each once a day and user."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.field import Field, parse_field
from catalog.outline import root_of, slim
from catalog.schema import Validators
from gateway import field as module
from gateway.compile import compile_snapshot
from gateway.field import Fields, Place
from gateway.keyset import KeySets
from gateway.settings import read
from tests.gateway.rig import ORDER_BODY, PEPPER, SECRETS, rig, snapshot_of, workspace_files
from tests.gateway.test_event import DATA, PATH
from tests.gateway.test_event import files as event_files

KEY = {"Idempotency-Key": "k-1"}
ORDER_FIELDS = {
    *("body:", "body:/requisition_id", "body:/supplier_id", "body:/legal_entity", "body:/total"),
    *("body:/total/amount", "body:/total/currency", "body:/issue_date"),
}
DAY_S = 86_400


def scenario(test: Callable[..., Any]) -> Callable[..., None]:
    """Runs a coroutine as a test."""

    @functools.wraps(test)
    def run(*given: Any, **more: Any) -> None:
        asyncio.run(test(*given, **more))

    return run


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


def told(record: dict[str, Any], direction: str = "request") -> set[str]:
    return set(record.get(f"{direction}_fields", ()))


@scenario
async def test_a_call_names_what_it_held_and_what_it_was_answered(tmp_path) -> None:
    """Names of a map are data: `status` of the answer holds one."""
    lines = [{"line": 1, "item": "gauze"}, {"line": 2, "item": "tape", "price": ORDER_BODY["total"]}]
    async with rig(tmp_path) as gateway:
        await gateway.call("POST", "/buying/v1/orders", {**ORDER_BODY, "lines": lines}, headers=KEY)
        (record,) = await gateway.entries()
        deep = {"", "/*", "/*/line", "/*/item", "/*/price", "/*/price/amount", "/*/price/currency"}
        assert told(record) == ORDER_FIELDS | {f"body:/lines{place}" for place in deep}
        assert told(record, "response") == {"201:", "201:/id", "201:/status", "201:/status/*"}


@scenario
async def test_each_field_is_told_once_a_day_of_each_user(tmp_path) -> None:
    """A new field, another consumer, another entity and another day are told; the same again is not."""
    clock = Clock()
    async with rig(tmp_path, clock=clock) as gateway:

        async def validate(key: str = "ap", **more: Any) -> None:
            gateway.system.respond = lambda call: (200, {"valid": True})
            answer = await gateway.call("POST", "/buying/v1/order-validations", {**ORDER_BODY, **more}, key=key)
            assert answer.status == 200, answer.body

        await validate()
        await validate()
        await validate(note="urgent")
        await validate("both")
        await validate("both", legal_entity="south")
        clock.now_s += DAY_S
        await validate()
        records = await gateway.entries()
        expected = [ORDER_FIELDS, set(), {"body:/note"}, ORDER_FIELDS, ORDER_FIELDS, ORDER_FIELDS]
        assert [told(record) for record in records] == expected
        assert [len(told(record, "response")) for record in records] == [2, 0, 0, 2, 2, 2]


@scenario
async def test_query_and_header_parameters_are_fields_of_the_request(tmp_path) -> None:
    header = {"Waybill-Legal-Entity": "north"}
    async with rig(tmp_path) as gateway:
        gateway.system.respond = lambda call: (200, {"items": [{"id": "PO-1", "status": {}}]})
        await gateway.call("GET", "/buying/v1/orders?legal_entity=north&st%61te=open")
        gateway.system.respond = lambda call: (200, {"id": "PO-1", "status": {}})
        await gateway.call("GET", "/buying/v1/orders/PO-1", headers=header)
        listed, got = await gateway.entries()
        assert told(listed) == {"query:legal_entity", "query:state"}
        assert told(listed, "response") == {f"200:{place}" for place in ("", "/items", "/items/*", "/items/*/id",
                                                                       "/items/*/status")}  # fmt: skip
        assert told(got) == {"header:waybill-legal-entity"}


@scenario
async def test_what_was_refused_tells_no_field(tmp_path) -> None:
    """Not by the contract, and not an answer that is withheld; what the system refused was let through."""
    async with rig(tmp_path) as gateway:
        await gateway.call("POST", "/buying/v1/orders", {**ORDER_BODY, "patient": "x"}, headers=KEY)
        gateway.system.respond = lambda call: (404, {"error": "no"})
        await gateway.call("POST", "/buying/v1/order-validations", ORDER_BODY)
        gateway.system.respond = lambda call: (200, {"valid": "perhaps"})
        await gateway.call("POST", "/buying/v1/order-validations", ORDER_BODY)
        refused, missing, withheld = await gateway.entries()
        assert (told(refused), told(refused, "response")) == (set(), set())
        assert (told(missing), told(missing, "response")) == (ORDER_FIELDS, {"404:", "404:/error"})
        assert (withheld["status"], told(withheld, "response")) == (502, set())


@scenario
async def test_no_name_that_is_not_declared_reaches_the_journal(tmp_path) -> None:
    """Where a contract takes any name, that name may be a patient's."""
    async with rig(tmp_path) as gateway:
        gateway.system.respond = lambda call: (201, {"id": "PO-1", "status": {}, "Jane Roe": {"born": "1970"}})
        await gateway.call("POST", "/buying/v1/orders", ORDER_BODY, headers=KEY)
        (record,) = await gateway.entries()
        assert told(record, "response") == {"201:", "201:/id", "201:/status", "201:/*"}
        assert b"Jane" not in await gateway.journal()


@scenario
async def test_an_intent_holds_the_fields_of_its_request(tmp_path) -> None:
    """So that a successor tells them when the process dies before its record."""
    drafts = []

    def watched(store: Any) -> Any:
        begin = store.begin

        async def noting(intent: Any, *more: Any) -> Any:
            drafts.append(intent.draft)
            return await begin(intent, *more)

        store.begin = noting
        return store

    async with rig(tmp_path, store=watched) as gateway:
        await gateway.call("POST", "/buying/v1/orders", ORDER_BODY, headers=KEY)
        (record,) = await gateway.entries()
        assert set(drafts[0].request_fields) == told(record) == ORDER_FIELDS


@scenario
async def test_a_new_snapshot_does_not_make_it_tell_again(tmp_path) -> None:
    async with rig(tmp_path) as gateway:
        gateway.system.respond = lambda call: (200, {"valid": True})
        await gateway.call("POST", "/buying/v1/order-validations", ORDER_BODY)
        gateway.app.swap(snapshot_of(workspace_files(), 2))
        await gateway.call("POST", "/buying/v1/order-validations", ORDER_BODY)
        first, second = await gateway.entries()
        assert (told(first), told(second)) == (ORDER_FIELDS, set())


@scenario
async def test_telling_can_be_left_out(tmp_path) -> None:
    async with rig(tmp_path) as gateway:
        compiled = compile_snapshot(snapshot_of(workspace_files()), PEPPER, SECRETS, KeySets().source, False)
        gateway.app.use(compiled)
        answer = await gateway.call("POST", "/buying/v1/orders", ORDER_BODY, headers=KEY)
        (record,) = await gateway.entries()
        assert answer.status == 201
        assert record.keys().isdisjoint({"request_fields", "response_fields"})
    assert read({"state_dir": "s", "control_plane": "c", "tell_fields": "false"}, {}).tell_fields is False


@scenario
async def test_a_fault_in_telling_costs_no_answer(tmp_path, monkeypatch, caplog) -> None:
    """Least of all that of a call which the system has carried out."""

    def fail(*_: Any) -> int:
        raise ValueError("Jane Roe")

    async with rig(tmp_path) as gateway:
        monkeypatch.setattr(Place, "found", fail)
        answer = await gateway.call("POST", "/buying/v1/orders", ORDER_BODY, headers=KEY)
        (record,) = await gateway.entries()
        assert (answer.status, record["executed"], told(record)) == (201, "yes", set())
        assert "ValueError" in caplog.text and "Jane" not in caplog.text


@scenario
async def test_an_accepted_event_names_its_fields(tmp_path) -> None:
    event = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/erp",
        "type": "order.created",
        "time": "2026-03-01T10:00:00Z",
        "data": DATA,
    }
    async with rig(tmp_path, event_files()) as gateway:
        headers = {"Content-Type": "application/cloudevents+json"}
        answer = await gateway.call("POST", PATH, event, key="publisher", headers=headers)
        (record,) = await gateway.entries()
        assert answer.status == 202, answer.body
        assert {"body:/data/total/amount", "body:/id", "body:/type"} <= told(record)


def test_what_is_bounded_stays_bounded(monkeypatch) -> None:
    """Deep documents of a schema that refers to itself, many names, many shapes and many users."""
    node = {"$ref": "#/$defs/node", "$defs": {"node": {"properties": {"next": {"$ref": "#/$defs/node"}}}}}
    fields = Fields()
    place = Place(Field("body", ()), root_of(slim(node)), fields.bit)
    document: dict[str, Any] = {}
    for _ in range(100):
        document = {"next": document}
    names = fields.tell(place.found(document, 0), 0, ("e", "c"))
    assert max(len(parse_field(name).tokens) for name in names) == module.DEEPEST

    monkeypatch.setattr(module, "MOST_FIELDS", 10)
    wide = {"properties": {f"p{n}": True for n in range(50)}}
    fields = Fields()
    place = Place(Field("body", ()), root_of(slim(wide)), fields.bit)
    for number in range(3 * module.MOST_SHAPES):
        place.found({f"p{number % 50}": 1, f"undeclared {number}": 2}, 0)
    assert len(fields._names) == 10
    assert len(place._shapes) == module.MOST_SHAPES

    monkeypatch.setattr(module, "MOST_USERS", 5)
    for number in range(30):
        user = ("e", str(number % 9))
        fields.tell(1, fields.told(user, 1), user)
    assert len(fields._told) <= 6


SCHEMA = {
    "properties": {
        "a": {"properties": {"b": True, "c": {"items": {"properties": {"b": True}}}}},
        "b": {"properties": {"a": True, "c": {"items": True}}, "additionalProperties": False},
        "m": {"additionalProperties": {"properties": {"b": True}}},
    }
}
VALIDATORS = Validators()
HANDLE = VALIDATORS.handle(SCHEMA)
values = st.recursive(
    st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcmx"), inner, max_size=4),
    max_leaves=12,
)


def slowly(value: Any, schema: Any, pointer: str) -> set[str]:
    """Straight from the definition, for this schema without references."""
    found = {pointer}
    if not isinstance(schema, dict):
        return found
    if isinstance(value, dict) and schema.keys() & {"properties", "additionalProperties", "items"}:
        for name, inner in value.items():
            declared = schema.get("properties", {})
            is_known = name in declared
            below = declared[name] if is_known else schema.get("additionalProperties")
            found |= slowly(inner, below, f"{pointer}/{name if is_known else '*'}")
    if isinstance(value, list) and schema.keys() & {"properties", "additionalProperties", "items"}:
        for item in value:
            found |= slowly(item, schema.get("items"), f"{pointer}/*")
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(values, min_size=1, max_size=4))
def test_the_quick_way_finds_what_the_definition_says(documents: list[Any]) -> None:
    """Several documents of one user in a row: what was learnt of one is right for the next, and nothing that is new is
    left out with what was told."""
    fields, user = Fields(), ("e", "c")
    place = Place(Field("body", ()), root_of(slim(SCHEMA)), fields.bit)
    before: set[str] = set()
    for document in documents:
        if not VALIDATORS.is_valid(HANDLE, document):
            continue  # it would have been refused
        told = fields.told(user, 1)
        names = fields.tell(place.found(document, told), told, user)
        there = {f"body:{pointer}" for pointer in slowly(document, SCHEMA, "")}
        assert set(names) == there - before
        before |= there


@pytest.mark.parametrize("name", ["body:", "body:/a~1b/*", "query:page", "4XX:/error", "header:x-a"])
def test_a_field_has_one_name(name: str) -> None:
    assert parse_field(name).name == name
