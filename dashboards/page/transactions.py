"""Transactions: any business key and its chain, the calls behind a figure, the objects of an objective."""

from __future__ import annotations

import streamlit as st

from dashboards.client import Client
from dashboards.page import call, chain, search
from dashboards.page.frame import carried, run, text


def show(client: Client) -> None:
    """The address says what is asked: a document, a call, an objective, a key, or else filters of calls."""
    query = st.query_params
    _search_field()
    if query.get("value") and not query.get("calls"):
        chain.show(client, {name: query.get(name, "") for name in ("type", "assigner", "value")})
    elif query.get("exchange"):
        chain.show_exchange(client, query["exchange"])
    elif query.get("slo"):
        search.show_objective(client, query["slo"])
    elif query.get("q"):
        search.show(client, query["q"])
    else:
        call.show(client)


def _search_field() -> None:
    before = st.query_params.get("q", "")
    asked = text(
        "Business key",
        "q",
        placeholder="Number of an order, invoice, payment …",
        help="The number of a requisition, order, receipt, invoice, payment or supplier, or how it begins.",
        icon=":material/search:",
        width=480,
    )
    if asked != before:
        st.query_params.from_dict(carried(q=asked) if asked else carried())


if __name__ == "__main__":
    run("Transactions", show)
