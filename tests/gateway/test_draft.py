"""Drafts of a contract judge the calls of the version in force, and change nothing."""

from __future__ import annotations

import copy
import json

import pytest

from catalog.compile import compile_snapshot
from catalog.workspace import load
from gateway import runner
from policies.builtin.request_schema import RequestSchema
from tests.gateway.rig import ORDER_BODY, orders_document, workspace_files
from tests.gateway.test_runner import KEY, POST, run


def files(version: str, edit=lambda document: None, state: str = "draft"):
    """The rig's workspace with another version, in `state`, made of 1.0.0 by `edit`."""
    document = copy.deepcopy(orders_document(version))
    edit(document)
    known = json.loads(json.dumps({"1.0.0": {"state": "published"}, version: {"state": state}}))
    contract = {
        "contract": "buying.orders",
        "title": "Orders",
        "owner": "buying",
        "domain": "buying",
        "base_path": "/buying/v{major}",
        "versions": known,
    }
    return workspace_files(
        contracts__buying__orders__contract=contract,
        **{f"contracts/buying/orders/{version}/openapi": document},
    )


def demanding(document) -> None:
    """Asks for a colour, and answers with an owner."""
    order, stored = (document["components"]["schemas"][name] for name in ("order", "stored"))
    order["required"] = [*order["required"], "colour"]
    stored["required"] = [*stored["required"], "owner"]


async def one_order(gateway):
    return await gateway.call("POST", POST, ORDER_BODY, headers=KEY)


def told(record):
    return [
        (d["policy"], d["kind"], d.get("code", ""), tuple(d.get("pointers", ())), d["version"])
        for d in record.get("decisions", ())
        if d.get("version")
    ]


@pytest.mark.parametrize("version", ["1.1.0", "2.0.0"])
def test_what_a_draft_would_refuse_is_recorded_and_the_answer_is_the_same(tmp_path, version):
    plain, (before,) = run(tmp_path / "a", one_order)
    answer, (record,) = run(tmp_path / "b", one_order, files(version, demanding))
    assert (answer.status, answer.body) == (plain.status, plain.body) == (201, answer.body)
    assert told(record) == [
        ("request-schema", "reject", "schema-violation", ("/colour",), version),
        ("response-schema", "reject", "response-violation", ("/owner",), version),
    ]
    assert {d["mode"] for d in record["decisions"]} == {"shadow"}
    same = ("status", "executed", "fault", "version", "event", "response_sha256")
    assert [record.get(name) for name in same] == [before.get(name) for name in same]
    assert not told(before)


def test_a_call_that_a_draft_would_take_says_so_in_one_word(tmp_path):
    _, (record,) = run(tmp_path, one_order, files("1.1.0"))
    assert told(record) == [("draft", "allow", "", (), "1.1.0")]


def test_an_operation_that_the_draft_lacks_is_told(tmp_path):
    def without(document):
        del document["paths"]["/orders/{id}/approve"]

    async def approve(gateway):
        gateway.system.respond = lambda call: (200, {"id": "PO-1", "status": {}})
        return await gateway.call("POST", f"{POST}/PO-1/approve", headers={**KEY, "Waybill-Legal-Entity": "north"})

    answer, (record,) = run(tmp_path, approve, files("2.0.0", without))
    assert answer.status == 200
    assert told(record) == [("draft", "flag", "operation-not-in-draft", (), "2.0.0")]


def test_a_path_parameter_may_have_another_name_in_the_draft(tmp_path):
    def renamed(document):
        paths = document["paths"]
        text = json.dumps(paths.pop("/orders/{id}/approve")).replace('"name": "id"', '"name": "order"')
        paths["/orders/{order}/approve"] = json.loads(text.replace("$request.path.id", "$request.path.order"))

    async def approve(gateway):
        gateway.system.respond = lambda call: (200, {"id": "PO-1", "status": {}})
        return await gateway.call("POST", f"{POST}/PO-1/approve", headers={**KEY, "Waybill-Legal-Entity": "north"})

    _, (record,) = run(tmp_path, approve, files("2.0.0", renamed))
    assert told(record) == [("draft", "allow", "", (), "2.0.0")]


def test_a_draft_answers_no_call_of_its_own_and_refused_calls_are_not_judged(tmp_path):
    async def go(gateway):
        own = await gateway.call("POST", "/buying/v2/orders", ORDER_BODY, headers=KEY)
        wrong = await gateway.call("POST", POST, {**ORDER_BODY, "total": 1}, headers=KEY)
        return own.status, wrong.status

    statuses, records = run(tmp_path, go, files("2.0.0", demanding))
    assert statuses == (404, 422)
    assert [told(record) for record in records] == [[], []]


def test_a_failure_inside_is_recorded_and_fails_no_call(tmp_path, monkeypatch):
    decide = RequestSchema.decide

    async def go(gateway):
        draft = gateway.app.compiled.plan("buying.orders", "1.0.0", "orders.create").drafts[0]
        monkeypatch.setattr(draft.late[0], "decide", lambda request, facts: decide(None, request, facts))
        return await one_order(gateway)

    answer, (record,) = run(tmp_path, go, files("1.1.0"))
    assert answer.status == 201
    assert told(record) == [("request-schema", "error", "policy-error", (), "1.1.0")]


def test_without_a_draft_nothing_is_asked_and_the_snapshot_is_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "judge_request", None)
    answer, (record,) = run(tmp_path, one_order)
    assert answer.status == 201 and not told(record)
    refs, _ = compile_snapshot(load(files("1.1.0")), {})
    plain, _ = compile_snapshot(load(workspace_files()), {})
    assert [ref for ref in refs if ref.kind != "draft"] == list(plain)
    assert [ref.name for ref in refs if ref.kind == "draft"] == ["buying.orders@1.1.0"]
