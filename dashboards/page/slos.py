"""SLOs: every objective in words with its budget, burn, money at risk and course; behind each its objects."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.client import Client
from dashboards.page.frame import PAGES, as_of, carried, narrowing, run, tab
from dashboards.page.search import show_objects
from dashboards.view import objective
from dashboards.view.figure import sentence

COLUMNS = 2
LIMIT = 50
STATES = {"bad": "Too late or overdue", "open": "Not finished yet"}


def show(client: Client) -> None:
    """All of them, or the one in the address."""
    narrowed = narrowing(client)
    items = objective.ordered(client.get("/slos", **narrowed)["items"])
    if not items:
        st.info("No objective is in force. Declare one in slos/*.yaml (OpenSLO v1) and apply the workspace.")
        return
    asked = st.query_params.get("slo", "")
    chosen = next((item for item in items if item["name"] == asked), None)
    if chosen is not None:
        _one(client, chosen, narrowed)
        return
    st.html(sentence(objective.summary(items)))
    as_of(items[0])
    trends = _trends(client, narrowed)
    for start in range(0, len(items), COLUMNS):
        for column, index in zip(st.columns(COLUMNS), range(start, min(start + COLUMNS, len(items))), strict=False):
            with column, st.container(border=True, height="stretch", gap="xsmall"):
                _card(items[index], trends.get(items[index]["name"]))


def _card(item: dict[str, Any], trend: dict[str, Any] | None) -> None:
    st.html(objective.card(item, trend))
    st.page_link(
        PAGES["SLOs"],
        label="Show what is behind it",
        icon=":material/arrow_forward:",
        query_params=carried(slo=item["name"]),
    )


def _trends(client: Client, narrowed: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The courses of all objectives, by name."""
    return {told["id"]: told["trend"] for told in client.get("/slo-trends", **narrowed)["items"]}


def _one(client: Client, item: dict[str, Any], narrowed: dict[str, str]) -> None:
    st.page_link(PAGES["SLOs"], label="All objectives", icon=":material/arrow_back:", query_params=carried() or None)
    as_of(item)
    with st.container(border=True):
        st.html(objective.card(item, _trends(client, narrowed).get(item["name"])))
    state = tab("Objects", STATES, "state")
    items = client.get(f"/slos/{item['name']}/objects", state=state, limit=LIMIT, **narrowed)["items"]
    if items:
        more = ", the first of them" if len(items) == LIMIT else ""
        st.caption(f"{len(items)} shown{more}, oldest deadline first; each leads to its transaction")
        show_objects(items)
    elif item["total"] and not item["overdue"] and state == "bad" and item["bad"]:
        st.info("This objective counts calls. Transactions lists them.")
        st.page_link(
            PAGES["Transactions"],
            label=f"Calls of {item['service']}",
            icon=":material/list:",
            query_params=carried(contract=item["service"]),
        )
    else:
        st.info("None.")


if __name__ == "__main__":
    run("SLOs", show)
