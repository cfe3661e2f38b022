"""Audit: what people did, what policies decided, and up to where each stream is anchored."""

from __future__ import annotations

import streamlit as st

from dashboards.client import Client
from dashboards.page.frame import PAGES, carried, narrowing, run, set_query, tab, text
from dashboards.view import call as call_view
from dashboards.view.act import acts
from dashboards.view.traffic import streams
from dashboards.view.word import plain

LIMIT = 50
PARTS = {"acts": "What people did", "decisions": "What policies refused", "streams": "Streams and their anchors"}
FILTERS = {"who": "Who", "what": "Did what (as token. or workspace.applied)", "target": "To what (id)"}
FILTER_PX = 280


def show(client: Client) -> None:
    part = tab("Part", PARTS, "part")
    {"acts": _acts, "decisions": _decisions, "streams": _streams}[part](client)


def _acts(client: Client) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        filters = {name: _field(name, label) for name, label in FILTERS.items()}
    wanted = {name: value for name, value in filters.items() if value}
    before = st.query_params.get("before", "")
    page = {"before": int(before)} if before.isdigit() else {}
    items = client.get("/audit", limit=LIMIT, **wanted, **page)["items"]
    if not items:
        st.info("Nobody did anything of that kind. Take a filter off.")
        return
    st.caption("The latest first. Acts are never changed or deleted: the database itself refuses it.")
    st.html(acts(items))
    if len(items) == LIMIT:
        st.page_link(
            PAGES["Audit"],
            label="Earlier ones",
            icon=":material/arrow_downward:",
            query_params=carried(**wanted, before=str(items[-1]["act_id"])),
        )


def _field(name: str, label: str) -> str:
    before = st.query_params.get(name, "")
    value = text(label, name, width=FILTER_PX)
    if value != before:
        set_query("before", "")
    return value


def _decisions(client: Client) -> None:
    narrowed = narrowing(client)
    items = client.get("/exchanges", refused="1", limit=LIMIT, **narrowed)["items"]
    st.caption("The newest refusals. Each leads to its record: every decision with its reason, hashes and anchor.")
    if not items:
        st.info("No call was refused.")
    for number, item in enumerate(items):
        about = dict(item["object"]) if item.get("object") else {}
        by = f"by {item['refused_by']}" if item["refused_by"] else "by the system or the gateway itself"
        with st.container(gap=None, key=f"row-{number}"):
            st.page_link(
                PAGES["Transactions"],
                label=f"{call_view.SIGNS[call_view.outcome(item)]} **{plain(call_view.title(item))}**",
                query_params=carried(**about, exchange=item["exchange_id"]),
            )
            st.caption(plain(f"{by} · {call_view.line(item)} · {item['stream']} entry {item['seq']}"))


def _streams(client: Client) -> None:
    items = client.get("/streams")
    if not items:
        st.info("No gateway has told anything yet.")
        return
    open_ones = [item for item in items if not item["is_closed"]]
    anchored = sum(item["last"] for item in items if item["signature"])
    unread = sum(item["unread"] for item in items)
    st.caption(
        f"{len(items)} streams, {len(open_ones)} open; {anchored:,} entries lie under a signed head"
        + (f"; {unread:,} could not be read and are in no figure" if unread else "")
    )
    st.html(streams(items))
    st.caption(
        "Each entry holds the hash of the one before; a signed head anchors all before it. "
        "`waybill audit verify` checks every hash and signature by itself."
    )


if __name__ == "__main__":
    run("Audit", show)
