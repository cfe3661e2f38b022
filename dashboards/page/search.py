"""Business objects: those whose key begins as asked, and those behind an objective."""

from __future__ import annotations

import streamlit as st

from dashboards.client import Client
from dashboards.page import chain
from dashboards.page.frame import NARROW_PX, PAGES, entity_choice, set_query
from dashboards.view.chain import axes
from dashboards.view.money import money
from dashboards.view.time import moment
from dashboards.view.word import words

LIMIT = 50
STATES = {"open": "Not finished yet", "bad": "Too late"}


def show(client: Client, asked: str) -> None:
    """The one object of that key, or all that begin with it."""
    items = client.get("/lineage/search", q=asked, limit=LIMIT)["items"]
    exact = [item for item in items if item["object"]["value"] == asked]
    if len(exact) == 1:
        chain.show(client, exact[0]["object"])
    elif not items:
        st.info(f"Nothing is known under “{asked}”. Keys are matched from their beginning.")
    else:
        st.caption(f"{len(items)} found" + (", the first of them" if len(items) == LIMIT else ""))
        for number, item in enumerate(items):
            last = f"last seen {moment(item['last_us'])}" if item.get("last_us") else ""
            _row(item["object"], [money(item.get("amount")), *axes(item.get("status_axes") or {}), last], number)


def show_objective(client: Client, name: str) -> None:
    """The objects an objective still waits for, or got too late."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        state = _state_choice()
        entity = entity_choice(client)
    narrowed = {"entity": entity} if entity else {}
    standing = [item for item in client.get("/slos", **narrowed)["items"] if item["name"] == name]
    items = client.get(f"/slos/{name}/objects", state=state, limit=LIMIT, **narrowed)["items"]
    st.subheader(f"{STATES[state]}: {standing[0]['title'] if standing else name}", anchor=False)
    if standing:
        st.caption(standing[0]["objective"])
    st.caption(f"{len(items)} shown, oldest deadline first" if items else "None.")
    for number, item in enumerate(items):
        due = f"{item['state']}, due {moment(item['deadline_us'])}"
        _row(item["object"], [money(item.get("amount")), due], number)


def _state_choice() -> str:
    asked = st.query_params.get("state", "open")
    options = list(STATES)
    index = options.index(asked) if asked in options else 0
    state = str(st.selectbox("Show", options, index=index, format_func=STATES.__getitem__, width=NARROW_PX))
    set_query("state", state)
    return state


def _row(item: dict[str, str], parts: list[str], number: int) -> None:
    with st.container(gap=None, key=f"row-{number}"):
        st.page_link(
            PAGES["Transactions"],
            label=f"{words(item['type'])} **{item['value']}**",
            icon=":material/account_tree:",
            query_params={key: item[key] for key in ("type", "assigner", "value")},
        )
        st.caption(" · ".join(part for part in [item["assigner"], *parts] if part))
