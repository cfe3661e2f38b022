"""Gateway and Systems: traffic, refusals by policy, the gateway's own time apart from the systems', who is behind."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.client import Client
from dashboards.page.frame import PAGES, as_of, carried, narrowing, readable, run, tab
from dashboards.view import traffic as view
from dashboards.view.word import reason

COLUMNS = 3
REFRESH_S = 10
LINKED = 3  # refusals that have a way to their calls


def show(client: Client) -> None:
    narrowed = narrowing(client)
    window = tab("Window", {"24h": "24 hours", "1h": "1 hour", "7d": "7 days", "28d": "28 days"}, "window")
    _figures(client, {**narrowed, "window": window})


@st.fragment(run_every=REFRESH_S)
def _figures(client: Client, asked: dict[str, str]) -> None:
    with readable():
        document = client.get("/traffic", **asked)
        as_of(document)
        _headlines(document)
        st.html(view.systems(client.get("/systems", **asked)["items"]))
        _gateways(client, document)
        _refusals(document)
        if document["operations"]:
            st.html(view.operations(document))


def _headlines(document: dict[str, Any]) -> None:
    cards = view.headlines(document)
    for start in range(0, len(cards), COLUMNS):
        for column, card in zip(st.columns(COLUMNS), cards[start : start + COLUMNS], strict=False):
            with column, st.container(border=True, height="stretch", gap="xsmall"):
                st.html(card)


def _gateways(client: Client, document: dict[str, Any]) -> None:
    listed, streams = client.get("/gateways"), client.get("/streams")
    if not listed["items"]:
        st.info("No gateway is enrolled. `waybill gateway token NAME` makes the token with which one enrols.")
        return
    st.html(view.gateways(document, listed, streams))
    with st.expander(f"{len(streams)} streams"):
        st.html(view.streams(streams))


def _refusals(document: dict[str, Any]) -> None:
    st.subheader("Why calls were refused", anchor=False)
    if not document["refusals"]:
        st.caption("None was.")
        return
    st.html(view.refusals(document))
    with st.container(horizontal=True):
        for item in document["refusals"][:LINKED]:
            st.page_link(
                PAGES["Transactions"],
                label=f"Calls: {reason(item['refusal'])}",
                icon=":material/list:",
                query_params=carried(refused="1", policy=item["refusal"]),
            )


if __name__ == "__main__":
    run("Gateway and Systems", show)
