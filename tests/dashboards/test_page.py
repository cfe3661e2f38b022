"""Every page over a fake client: what is asked of the API and what a reader sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboards.fake import AT, OVERVIEW, FakeClient, ref

APP = Path(__file__).parents[2] / "dashboards" / "app.py"


def open_page(page: str, client: FakeClient | None, **query: str) -> AppTest:
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


def test_overview_says_when_a_gateway_is_silent():
    text = shown(open_page("overview", FakeClient(**{"/overview": {**OVERVIEW, "is_stale": True}})))
    assert "silent" in text


def test_transactions_shows_chain_step_and_hashes_of_a_business_key():
    found = {"object": ref("purchase_order", "PO-1"), "matched": "id", "last_us": AT}
    client = FakeClient(**{"/lineage/search": {"items": [found]}})
    test = open_page("transactions", client, q="PO-1")
    text = shown(test)
    assert "requisition created" in text
    assert "refused: schema violation" in text
    assert "<script>" not in text
    assert ("/exchanges/e2", {}) in client.asked
    cells = "\n".join(table.value.to_csv() for table in test.table)
    assert "ef" * 32 in cells
    assert "/totals/gross" in cells


def test_transactions_lists_several_matches():
    items = [{"object": ref("purchase_order", f"PO-1{n}"), "matched": "id", "last_us": AT} for n in range(3)]
    text = shown(open_page("transactions", FakeClient(**{"/lineage/search": {"items": items}}), q="PO-1"))
    assert "3 found" in text


def test_transactions_says_when_a_key_is_unknown():
    assert "Nothing is known" in shown(open_page("transactions", FakeClient(), q="nope"))


def test_transactions_follows_the_filters_of_an_overview_link():
    client = FakeClient()
    open_page("transactions", client, refused="1", type="invoice")
    assert ("/exchanges", {"refused": "1", "type": "invoice", "limit": 50}) in client.asked


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
