"""Business objects: those whose key begins as asked, and those behind an objective."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.client import Client
from dashboards.page import chain
from dashboards.page.frame import PAGES, carried, choice, narrowing, synthetic_choice
from dashboards.view.chain import axes
from dashboards.view.money import money
from dashboards.view.objective import due
from dashboards.view.time import moment
from dashboards.view.word import words

LIMIT = 50
STATES = {"open": "Not finished yet", "bad": "Too late"}


def show(client: Client, asked: str) -> None:
    """The one object of that key, or all that begin with it."""
    items = client.get("/lineage/search", q=asked, limit=LIMIT, **synthetic_choice(client))["items"]
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
    state = choice("Show", STATES, "state")
    narrowed = narrowing(client)
    standing = [item for item in client.get("/slos", **narrowed)["items"] if item["name"] == name]
    items = client.get(f"/slos/{name}/objects", state=state, limit=LIMIT, **narrowed)["items"]
    st.subheader(f"{STATES[state]}: {standing[0]['title'] if standing else name}", anchor=False)
    if standing:
        st.caption(standing[0]["objective"])
    st.caption(f"{len(items)} shown, oldest deadline first" if items else "None.")
    show_objects(items)


def show_objects(items: list[dict[str, Any]]) -> None:
    """Objects behind an objective: each leads to its chain."""
    for number, item in enumerate(items):
        _row(item["object"], [money(item.get("amount")), due(item)], number)


def _row(item: dict[str, str], parts: list[str], number: int) -> None:
    with st.container(gap=None, key=f"row-{number}"):
        st.page_link(
            PAGES["Transactions"],
            label=f"{words(item['type'])} **{item['value']}**",
            icon=":material/account_tree:",
            query_params=carried(**{key: item[key] for key in ("type", "assigner", "value")}),
        )
        st.caption(" · ".join(part for part in [item["assigner"], *parts] if part))
