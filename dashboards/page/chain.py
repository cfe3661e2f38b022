"""A business transaction: its documents as a graph, what happened as a timeline, and the exchange behind a step."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.client import Client
from dashboards.page.frame import PAGES, as_of, carried
from dashboards.view import chain as view
from dashboards.view import exchange as exchange_view
from dashboards.view.word import words

#: key of the container -> direction of the graph; the stylesheet shows one of them, by the width of the page
GRAPHS = {"graph-across": "LR", "graph-down": "TB"}


def show(client: Client, item: dict[str, str]) -> None:
    """The chain of an object; the address may name the exchange whose step is opened."""
    chain = client.get("/lineage/chain", type=item["type"], assigner=item["assigner"], value=item["value"])
    st.subheader(f"{words(item['type']).capitalize()} {item['value']}", anchor=False)
    as_of(chain)
    if chain.get("is_synthetic"):
        st.html('<p class="wb-note">Synthetic history: invented for demonstration, no gateway saw or judged it.</p>')
    if chain.get("truncated"):
        st.warning("This chain is longer than what is shown.")
    _graph(chain)
    st.markdown("**What happened**")
    st.html(view.timeline(chain["events"]))
    st.page_link(
        PAGES["Transactions"],
        label="All calls about this document, reads too",
        icon=":material/list:",
        query_params=carried(**{key: item[key] for key in ("type", "assigner", "value")}, calls="1"),
    )
    _step(client, chain["events"], st.query_params.get("exchange", ""))


def _graph(chain: dict[str, Any]) -> None:
    theme = st.context.theme.type or "light"
    st.markdown("**Documents**")
    for key, direction in GRAPHS.items():
        with st.container(key=key):
            st.graphviz_chart(view.graph(chain, theme, direction), width="content", alt=view.described(chain))


def _step(client: Client, events: list[dict[str, Any]], wanted: str) -> None:
    ids = [event["exchange_id"] for event in events]
    if wanted and wanted not in ids:
        show_exchange(client, wanted)
    elif events:
        st.subheader("Behind a step", anchor=False)
        index = ids.index(wanted) if wanted else len(ids) - 1
        chosen = st.selectbox("Step", events, index=index, format_func=view.step)
        if chosen:
            _facts(client, chosen["exchange_id"])


def show_exchange(client: Client, exchange_id: str) -> None:
    """One exchange that is no step of a chain: a read, or a call that named no document."""
    st.subheader("One call", anchor=False)
    _facts(client, exchange_id)


def _facts(client: Client, exchange_id: str) -> None:
    document = client.get(f"/exchanges/{exchange_id}")
    st.html(exchange_view.table(exchange_view.facts(document)))
    decided = exchange_view.decisions(document)
    if decided:
        st.markdown("**Decisions**")
        st.html(exchange_view.bullets(decided))
    else:
        st.caption("No policy had anything to object.")
