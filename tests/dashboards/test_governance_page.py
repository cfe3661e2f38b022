"""SLOs, Catalog, Gateway and Systems, Audit, Approvals over a fake client: what is asked and what a reader sees."""

from __future__ import annotations

import pytest
import streamlit as st

from dashboards.client import ClientError
from tests.dashboards.fake import (
    ACT,
    AT,
    PROPOSAL,
    ROW,
    STANDING,
    TRAFFIC,
    WHO,
    FakeClient,
    call,
    gateway,
    stream,
)
from tests.dashboards.test_page import links, open_page, shown


def test_objectives_are_told_in_words_the_worst_first():
    """With the budget, what it is made of, money and whether it gets worse."""
    kept = {**STANDING, "name": "a-kept", "title": "Kept", "state": "ok", "budget_left_ratio": 0.8, "money_at_risk": []}
    silent = {
        **kept,
        "name": "silent",
        "state": "no_data",
        "budget_left_ratio": None,
        "ratio": None,
        "burn_rate_1h": None,
    }
    text = shown(open_page("slos", FakeClient(**{"/slos": {"items": [kept, silent, STANDING]}})))
    for expected in (
        "Of 3 objectives: 1 breached, 1 kept, 1 no data.",
        "Most money is overdue in “Receipt reaches the ERP”: 1,250.50 USD.",
        "99 % of receipts are accepted in time",
        "budget spent 4×",
        "96.00 % good, 99 % wanted · 4 of 100 bad · last 28 d",
        "2 overdue · 7 open, deadline to come",
        "Burn in the last hour 2.5×",
        "▼ worse: was 99.50 % good in the 28 d before",
        "– no data",
    ):
        assert expected in text
    assert text.index('data-objective="receipt-reaches-erp"') < text.index('data-objective="a-kept"')


def test_behind_an_objective_are_its_objects_with_deadline_and_money():
    client = FakeClient()
    test = open_page("slos", client, slo="receipt-reaches-erp", entity="mercy-health")
    assert "5.00 EUR · overdue, due 2026-09-21 14:13:20 UTC" in shown(test)
    asked = {"state": "bad", "limit": 50, "entity": "mercy-health"}
    assert ("/slos/receipt-reaches-erp/objects", asked) in client.asked
    queries = [query for label, query in links(test) if "GR-1" in label]
    assert queries == ["type=receipt&assigner=mercy-health&value=GR-1&entity=mercy-health"]


def test_contracts_are_listed_with_who_answers_for_them_and_narrowed():
    client = FakeClient()
    test = open_page("catalog", client, q="invoice", layer="process")
    assert ("/catalog", {"q": "invoice", "layer": "process"}) in client.asked
    text = shown(test).replace("\\", "")
    assert "1 of 23 contracts" in text
    assert "process layer · 1 operation · invoice · 1.1.0 published · owner accounts-payable, steward head-of" in text
    assert [query for _, query in links(test) if "contract=" in query] == ["contract=payables.invoices"]


def test_a_long_list_of_contracts_has_pages():
    rows = [{**ROW, "name": f"a.{number:03}", "title": f"T{number:03}"} for number in range(95)]
    test = open_page("catalog", FakeClient(**{"/catalog": {"items": rows, "total": 95}}), page="3")
    found = [query for _, query in links(test) if "contract=" in query]
    assert found == [f"contract=a.{number:03}" for number in range(80, 95)]


def test_a_contract_tells_life_cycle_users_meaning_and_document():
    """Of the newest version; texts of the document are never markup."""
    test = open_page("catalog", FakeClient(), contract="payables.invoices")
    text = shown(test)
    for expected in (
        "head-of-payables",
        "2027-01-01",
        "Invoice intake (intake)",
        "not granted",
        ">1,200<",
        "2026-11-22",
        "$request.body#/total",
        "bills purchase order ($request.body#/order)",
        "canonical:supplier@1.0.0",
        "lines[].net",
        "pattern ^[0-9]",
        "Changed &lt;b&gt;now&lt;/b&gt;",
    ):
        assert expected in text
    assert "PUT /invoices/{id}: invoice changed" in [expander.label for expander in test.expander]
    assert ("schema=supplier&version=1.0.0") in [query for _, query in links(test)]


def test_another_version_can_be_looked_into():
    client = FakeClient()
    test = open_page("catalog", client, contract="payables.invoices", version="1.0.0")
    assert ("/contracts/payables.invoices/1.0.0/document", {}) in client.asked
    assert "None: its schemas are its own." in shown(test)


def test_schemas_name_their_users():
    test = open_page("catalog", FakeClient(), part="schemas")
    assert "used by 1 contract · owner supplier" in shown(test).replace("\\", "")
    test = open_page("catalog", FakeClient(), schema="supplier")
    assert "legal_name" in shown(test)
    assert "contract=payables.invoices&version=1.1.0" in [query for _, query in links(test)]


def test_traffic_is_told_against_the_window_before_and_the_gateways_time_apart():
    client = FakeClient()
    text = shown(open_page("systems", client, window="7d", entity="mercy-health"))
    assert ("/traffic", {"window": "7d", "entity": "mercy-health"}) in client.asked
    assert ("/systems", {"window": "7d", "entity": "mercy-health"}) in client.asked
    for expected in (
        "1,300",
        "26 of 1,300 calls",
        "▲ worse: was 1.0 % in the 24 h before",
        "▼ better: was 2.0 % in the 24 h before",
        "4 ms",
        "Half within 1 ms, 99 % within 1.6 s · 1,230 calls",
        "Cloud ERP (erp-one)",
        "8 (1.0 %)",
        "bound to nothing",
        "more calls than agreed",
        "own-rule",
        "7, newest",
    ):
        assert expected in text


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"is_stale": True}, "silent"),
        ({"running_generation": 5}, "5, newest is 7"),
        ({"state": "nack", "detail": "secret <erp> is missing"}, "refused 7: secret &lt;erp&gt; is missing"),
        ({"running_generation": None, "state": "enrolled"}, "none yet"),
        ({"halted": {"edge-1/0/1": "unexpected entry"}}, "halted</span> edge-1/0/1: unexpected entry"),
        ({"state": "revoked"}, "revoked"),
    ],
)
def test_what_is_wrong_with_a_gateway_is_said(more: dict, expected: str):
    client = FakeClient(**{"/gateways": {"items": [gateway("edge-1", **more)], "newest_generation": 7}})
    assert expected in shown(open_page("systems", client))


def test_without_any_gateway_the_page_says_what_to_do():
    nothing = {**TRAFFIC, "refusals": [], "operations": [], "points": []}
    client = FakeClient(**{"/gateways": {"items": [], "newest_generation": 0}, "/traffic": nothing})
    assert "waybill gateway token" in shown(open_page("systems", client))


def test_acts_are_told_by_whom_and_can_be_narrowed_and_turned():
    """A full page leads to the one before; details are shortened and never markup."""
    items = [{**ACT, "act_id": 100 - number} for number in range(50)]
    client = FakeClient(**{"/audit": {"items": items}})
    test = open_page("audit", client, what="workspace.", before="101")
    assert ("/audit", {"limit": 50, "what": "workspace.", "before": 101}) in client.asked
    text = shown(test)
    assert "ada (architect)" in text
    assert "contract/5 and 3 more" in text
    assert "<script>" not in text
    assert "what=workspace.&before=51" in [query for _, query in links(test)]


def test_decisions_lead_to_the_record():
    items = [call(1, status=429, executed="no", refused_by="rate-limit", code="rate-limited", fault="policy")]
    client = FakeClient(**{"/exchanges": {"items": items}})
    test = open_page("audit", client, part="decisions")
    assert ("/exchanges", {"refused": "1", "limit": 50}) in client.asked
    assert "by rate-limit" in shown(test).replace("\\", "")
    assert any("exchange=e1" in query for _, query in links(test))


def test_streams_say_up_to_where_they_are_anchored():
    told = [stream("edge-1/0/1"), stream("synthetic/1/a", is_synthetic=True, is_closed=True, lag_us=0, unread=3)]
    text = shown(open_page("audit", FakeClient(**{"/streams": told}), part="streams"))
    for expected in (
        "entry 4,200, signed 2026-09-21 14:13:20 UTC",
        "synthetic",
        "3 unread",
        "206 ms",
        "2 streams, 1 open",
    ):
        assert expected in text


def test_a_proposal_says_what_it_does_and_takes_the_answer():
    done = {**PROPOSAL, "state": "published", "published_generation": 12}
    client = FakeClient(**{"/approvals/p1/approve": done})
    test = open_page("approvals", client)
    text = shown(test)
    for expected in ("steward, owner", "overdue: more people may answer now", "payables.invoices@1.1.0"):
        assert expected in text.replace("\\", "")
    test.text_input[0].input("read it")
    next(button for button in test.button if button.label == "Approve").click().run()
    assert client.done == [("/approvals/p1/approve", {"comment": "read it"})]
    assert "published as generation 12" in test.success[0].value


def test_a_rejection_needs_a_reason():
    client = FakeClient()
    test = open_page("approvals", client)
    next(button for button in test.button if button.label == "Reject").click().run()
    assert [error.value for error in test.error] == ["Say why it is rejected."]
    assert client.done == []


def test_who_asked_for_it_is_told_so_and_can_take_it_back_with_a_reason():
    own = {**PROPOSAL, "waits_for_me": False, "is_own": True}
    client = FakeClient(**{"/approvals": {"items": [own]}, "/approvals/p1/reject": {**own, "state": "rejected"}})
    test = open_page("approvals", client)
    assert "You asked for it yourself: others must answer" in shown(test)
    (withdraw,) = test.button
    withdraw.click().run()
    assert ([error.value for error in test.error], client.done) == (["Say why it is taken back."], [])
    test.text_input[0].input("too early")
    test.button[0].click().run()
    assert client.done == [("/approvals/p1/reject", {"comment": "too early"})]
    assert "p1 is withdrawn" in test.success[0].value


def test_while_an_answer_is_carried_out_no_second_one_is_taken(monkeypatch: pytest.MonkeyPatch):
    """And a refusal by the API is told, with the buttons back."""
    drawn: list[bool] = []
    draw = st.form_submit_button

    def remembered(*told, **more):
        drawn.append(more["disabled"])
        return draw(*told, **more)

    class Refusing(FakeClient):
        def post(self, path: str, body: object):
            assert drawn[-2:] == [True, True]
            raise ClientError("it is rejected already")

    monkeypatch.setattr(st, "form_submit_button", remembered)
    test = open_page("approvals", Refusing())
    next(button for button in test.button if button.label == "Approve").click().run()
    assert not test.exception
    assert [error.value for error in test.error] == ["it is rejected already"]
    assert drawn[-2:] == [False, False]


def test_who_is_not_asked_cannot_answer():
    proposal = {**PROPOSAL, "waits_for_me": False}
    assert not open_page("approvals", FakeClient(**{"/approvals": {"items": [proposal]}})).button


@pytest.mark.parametrize(
    ("page", "path", "answer", "expected"),
    [
        ("slos", "/slos", {"items": []}, "No objective is in force"),
        ("catalog", "/catalog", {"items": [], "total": 0}, "waybill init"),
        ("audit", "/audit", {"items": []}, "Nobody did anything"),
        ("approvals", "/approvals", {"items": []}, "Nothing waits for approval"),
        ("overview", "/overview", {"sentence": "-", "as_of_us": AT, "figures": []}, "No figure is declared"),
    ],
)
def test_an_empty_page_says_so_and_what_to_do(page: str, path: str, answer: dict, expected: str):
    assert expected in shown(open_page(page, FakeClient(**{path: answer})))


def test_pages_about_the_whole_network_are_for_who_acts_for_all_of_it():
    who = {**WHO, "sees": ["clinic"]}
    labels = [label for label, _ in links(open_page("overview", FakeClient(**{"/whoami": who})))]
    assert "Catalog" in labels
    assert not {"Audit", "Approvals"} & set(labels)
