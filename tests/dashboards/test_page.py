"""Every page over a fake client: what is asked of the API and what a reader sees."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboards.page import frame
from tests.dashboards.fake import AT, OVERVIEW, WHO, FakeClient, call, figure, ref

APP = Path(__file__).parents[2] / "dashboards" / "app.py"


def open_page(page: str, client: FakeClient | None, /, **query: str) -> AppTest:
    test = AppTest.from_file(APP, default_timeout=30)
    if client is not None:
        test.session_state["client"] = client
    for name, value in query.items():
        test.query_params[name] = value
    test.run()
    if page != "overview":
        test.switch_page(f"page/{page}.py")
        test.run()
    assert not test.exception, test.exception
    return test


def shown(test: AppTest) -> str:
    """Everything on the page as one text."""
    kinds: list[Any] = [test.html, test.title, test.subheader, test.caption, test.markdown, test.info, test.warning]
    return "\n".join(
        str(element.value if hasattr(element, "value") else element.body) for kind in kinds for element in kind
    )


def test_overview_shows_the_sentence_and_six_figures_with_denominators():
    test = open_page("overview", FakeClient())
    text = shown(test)
    assert "3 invoices worth 1,998.50 USD were refused." in text
    assert [item["id"] for item in OVERVIEW["figures"] if f'data-card="{item["id"]}"' in text] == [
        item["id"] for item in OVERVIEW["figures"]
    ]
    for expected in ("3 of 120 invoices", "1,998.50 USD", "231 ms", "1.4 %", "no data", "2 still open", "rate-limit"):
        assert expected in text


def test_overview_narrows_to_the_legal_entity_in_the_address():
    client = FakeClient()
    open_page("overview", client, entity="sankt-marien")
    assert ("/overview", {"entity": "sankt-marien"}) in client.asked


def test_synthetic_history_is_named_and_can_be_left_out():
    """The choice goes into the address, into every question that history could answer, and along with every link."""
    client = FakeClient(**{"/synthetic-streams": {"items": [{"stream": "synthetic/1/a", "last": 60_269}]}})
    test = open_page("overview", client)
    assert test.selectbox[1].options == ["Included (60,269)", "Hidden"]
    assert ("/overview", {}) in client.asked
    test.selectbox[1].select("hide").run()
    assert test.query_params["synthetic"] == "hide"
    assert ("/overview", {"synthetic": "hide"}) in client.asked
    assert all("synthetic=hide" in link.proto.query_string for link in test.get("page_link"))
    open_page("slos", client, synthetic="hide")
    assert ("/slos", {"synthetic": "hide"}) in client.asked


def test_a_choice_can_be_made_again_and_again():
    """And a link that changes the address changes the choice."""
    client = FakeClient()
    test = open_page("overview", client)
    for entity in ("sankt-marien", "mercy-health", "sankt-marien"):
        test.selectbox[0].select(entity).run()
        assert client.asked[-1] == ("/overview", {"entity": entity})
        assert test.query_params["entity"] == entity
    test.query_params["entity"] = "mercy-health"
    test.run()
    assert client.asked[-1] == ("/overview", {"entity": "mercy-health"})


def test_overview_puts_what_is_at_risk_first_and_counts_the_states():
    figures = [
        figure("a", state="ok"),
        figure("b", state="no_data"),
        figure("c", state="bad"),
        figure("d", state="bad"),
    ]
    text = shown(open_page("overview", FakeClient(**{"/overview": {**OVERVIEW, "figures": figures}})))
    assert re.findall(r'data-card="(\w)"', text) == ["c", "d", "a", "b"]
    assert re.findall(r"[▲✓–] \d (?:at risk|on track|no data)", text) == ["▲ 2 at risk", "✓ 1 on track", "– 1 no data"]
    assert "0 watch" not in text


def test_overview_says_when_a_gateway_is_silent():
    text = shown(open_page("overview", FakeClient(**{"/overview": {**OVERVIEW, "is_stale": True}})))
    assert "silent" in text


def test_transactions_shows_chain_step_and_hashes_of_a_business_key():
    found = {"object": ref("purchase_order", "PO-1"), "matched": "id", "last_us": AT}
    client = FakeClient(**{"/lineage/search": {"items": [found]}})
    test = open_page("transactions", client, q="PO-1")
    text = shown(test)
    assert "requisition created" in text
    assert "orders create: refused, document not as the contract declares" in text
    assert "<script>" not in text
    assert ("/exchanges/e2", {}) in client.asked
    for expected in ("ef" * 32, "gw/0/1 entry 42", "/totals/gross", "[schema-violation]"):
        assert expected in text


def test_transactions_lists_several_matches():
    items = [{"object": ref("purchase_order", f"PO-1{n}"), "matched": "id", "last_us": AT} for n in range(3)]
    text = shown(open_page("transactions", FakeClient(**{"/lineage/search": {"items": items}}), q="PO-1"))
    assert "3 found" in text


def test_transactions_says_when_a_key_is_unknown():
    assert "Nothing is known" in shown(open_page("transactions", FakeClient(), q="nope"))


def test_transactions_follows_the_filters_of_an_overview_link():
    client = FakeClient()
    open_page("transactions", client, refused="1", type="invoice")
    assert ("/exchanges", {"refused": "1", "type": "invoice", "limit": 30}) in client.asked


def links(test: AppTest) -> list[tuple[str, str]]:
    """Label and query of every page link."""
    return [(link.proto.label, link.proto.query_string) for link in test.get("page_link")]


def test_every_figure_leads_to_what_is_behind_it_and_says_how_it_is_counted():
    test = open_page("overview", FakeClient(), entity="mercy-health")
    behind = [link.proto for link in test.get("page_link") if link.proto.label == "Show what is behind it"]
    assert len(behind) == sum(item["link"] is not None for item in OVERVIEW["figures"])
    assert {link.query_string for link in behind} == {"refused=1&type=invoice&entity=mercy-health"}
    assert behind[0].help == "How invoices-in-exception is counted."


def test_a_figure_repeats_its_as_of_time_only_where_it_differs_from_the_page():
    late = figure("late", as_of_us=AT - 60_000_000)
    text = shown(open_page("overview", FakeClient(**{"/overview": {**OVERVIEW, "figures": [late, figure("same")]}})))
    assert "As of 2026-09-21 14:13:20 UTC" in text
    assert text.count("as of 2026-09-21 14:12:20 UTC") == 1
    assert text.count("· as of") == 1


def test_each_call_of_a_list_leads_to_its_document_or_else_to_itself():
    items = [call(1), call(2, object=None, status=404, fault="request", code="route-unknown", executed="no")]
    found = links(open_page("transactions", FakeClient(**{"/exchanges": {"items": items}})))
    queries = [query for _, query in found if "exchange=" in query]
    assert queries == ["type=invoice&assigner=mercy-health&value=INV-1&exchange=e1", "exchange=e2"]


def test_text_of_others_is_never_markdown():
    item = call(1, object=ref("invoice", "[x](http://evil) **b**"))
    found = links(open_page("transactions", FakeClient(**{"/exchanges": {"items": [item]}})))
    label = next(label for label, query in found if "exchange=" in query)
    assert r"\[x\]\(http" in label
    assert r"\*\*b\*\*" in label


def test_an_exchange_that_names_no_document_is_shown_by_itself():
    text = shown(open_page("transactions", FakeClient(), exchange="e2"))
    assert "gw/0/1 entry 42" in text


def test_a_link_to_a_step_opens_that_step():
    client = FakeClient()
    test = open_page("transactions", client, type="purchase_order", assigner="m", value="PO-1", exchange="e1")
    assert 'data-fact="Exchange">e1<' in shown(test)
    assert ("/exchanges/e2", {}) not in client.asked


def test_filters_are_seen_and_can_be_taken_off_one_by_one():
    client = FakeClient()
    test = open_page("transactions", client, refused="1", policy="rate-limit", type="invoice")
    assert [button.label for button in test.button] == [
        "refused because: more calls than agreed",
        "document: invoice",
        "Clear all filters",
    ]
    test.button[0].click().run()
    assert client.asked[-1] == ("/exchanges", {"refused": "1", "type": "invoice", "limit": 30})
    test.button[-1].click().run()
    assert client.asked[-1] == ("/exchanges", {"limit": 30})


def test_the_kind_of_calls_and_the_entity_can_be_changed():
    client = FakeClient()
    test = open_page("transactions", client, refused="1")
    test.selectbox[0].select("In doubt").run()
    assert client.asked[-1] == ("/exchanges", {"executed": "unknown", "limit": 30})
    test.selectbox[1].select("sankt-marien").run()
    assert client.asked[-1] == ("/exchanges", {"executed": "unknown", "entity": "sankt-marien", "limit": 30})


def test_objects_behind_an_objective_name_their_deadline():
    client = FakeClient()
    test = open_page("transactions", client, slo="receipt-reaches-erp", state="open")
    text = shown(test)
    for expected in ("Not finished yet: Receipt reaches the ERP", "5.00 EUR · overdue, due 2026-09-21 14:13:20 UTC"):
        assert expected in text
    test.selectbox[0].select("bad").run()
    assert client.asked[-1] == ("/slos/receipt-reaches-erp/objects", {"state": "bad", "limit": 50})


def test_of_several_objectives_the_one_with_most_open_objects_is_shown_first():
    """The month-end backlog counts objects of several life cycles; the others are one choice away, in the address."""
    one = {"object": ref("receipt", "GR-1"), "state": "open", "deadline_us": AT, "amount": None}
    two = [{**one, "object": ref("invoice", f"INV-{number}")} for number in range(2)]
    client = FakeClient(**{"/slos/invoice-posted/objects": {"items": two}})
    test = open_page("transactions", client, slo="receipt-reaches-erp,invoice-posted", state="open")
    assert ("/slos/receipt-reaches-erp/objects", {"state": "open", "limit": 50}) in client.asked
    assert [label for label, _ in links(test) if "INV-" in label] == ["invoice **INV-0**", "invoice **INV-1**"]
    choice = test.get("button_group")[0]
    assert choice.options == ["invoice-posted: 2", "Receipt reaches the ERP: 1"]
    test = open_page("transactions", client, slo="receipt-reaches-erp,invoice-posted", of="receipt-reaches-erp")
    assert [label for label, _ in links(test) if "GR-" in label] == ["receipt **GR-1**"]


def test_a_failing_control_plane_is_one_readable_line():
    client = FakeClient()
    del client.answers["/overview"]
    test = AppTest.from_file(APP, default_timeout=30)
    test.session_state["client"] = client
    test.run()
    assert not test.exception
    assert [error.value for error in test.error] == ["nothing known of /overview"]


def test_without_a_token_the_page_asks_for_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("WAYBILL_TOKEN", raising=False)
    test = open_page("overview", None)
    assert [field.label for field in test.text_input] == ["Token"]


def test_the_page_says_who_looks_and_for_whom():
    """A reader knows whose figures these are; a narrowed one is told the entities."""
    assert "Signed in as cfo (executive), for all legal entities" in shown(open_page("overview", FakeClient()))
    who = {**WHO, "name": "leo", "role": "operator", "sees": ["clinic", "lakeside"]}
    assert "Signed in as leo (operator), for clinic, lakeside" in shown(
        open_page("overview", FakeClient(**{"/whoami": who}))
    )


def test_pages_that_a_role_may_not_use_are_not_offered(monkeypatch: pytest.MonkeyPatch):
    """The way to them is missing; the API refuses whoever finds another."""
    monkeypatch.setitem(frame.NEEDS, "Transactions", frame.Need("settle"))
    links = [element.proto.label for element in open_page("overview", FakeClient()).get("page_link")]
    assert "Overview" in links
    assert "Transactions" not in links
