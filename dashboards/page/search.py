"""Business objects: those whose key begins as asked, and those behind an objective."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.client import Client
from dashboards.page import chain
from dashboards.page.frame import PAGES, as_of, carried, choice, narrowing, synthetic_choice, tab
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


def show_objective(client: Client, asked: str) -> None:
    """The objects that objectives still wait for, or got too late; of several, `<name>,<name>`, one is looked at."""
    state = choice("Show", STATES, "state")
    narrowed = narrowing(client)
    standings = {item["name"]: item for item in client.get("/slos", **narrowed)["items"]}
    found = {name: _objects(client, name, state, narrowed) for name in asked.split(",")}
    name = _objective(found, {name: item["title"] for name, item in standings.items()})
    items, standing = found[name], standings.get(name)
    st.subheader(f"{STATES[state]}: {standing['title'] if standing else name}", anchor=False)
    if standing:
        st.caption(standing["objective"])
        as_of(standing)
    more = ", the first of them" if len(items) == LIMIT else ""
    st.caption(f"{len(items)} shown{more}, oldest deadline first" if items else "None.")
    show_objects(items)


def _objects(client: Client, name: str, state: str, narrowed: dict[str, str]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(f"/slos/{name}/objects", state=state, limit=LIMIT, **narrowed)["items"]
    return items


def _objective(found: dict[str, list[dict[str, Any]]], titles: dict[str, str]) -> str:
    """Which of several; the one with most objects comes first."""
    if len(found) == 1:
        return next(iter(found))
    fullest_first = sorted(found, key=lambda name: -len(found[name]))
    counts = {name: f"{len(found[name])}{'+' if len(found[name]) == LIMIT else ''}" for name in found}
    return tab("Objective", {name: f"{titles.get(name, name)}: {counts[name]}" for name in fullest_first}, "of")


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
