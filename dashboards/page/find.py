"""Words looked up in contracts, operations, canonical schemas and properties."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.client import Client
from dashboards.page.frame import PAGES, carried, text
from dashboards.view import hit as view
from dashboards.view.word import plain

LIMIT = 60
CONCERNED = 12  # contracts that are named at the top; of more the question is too wide


def box() -> str:
    """What is looked for; "" when nothing is."""
    hint = "Such as: supplier tax id"
    label = "Find in contracts, operations, schemas and fields"
    return text(label, "find", placeholder=hint, icon=":material/search:", width=520, max_chars=200)


def show(client: Client, wanted: str) -> None:
    found = client.get("/catalog/search", q=wanted, limit=LIMIT)
    if not found["items"]:
        st.info("Nothing has all of these words. Leave one out, or take the empty box for the whole list.")
        return
    shown = f", the first {LIMIT} shown" if found["total"] > LIMIT else ""
    st.caption(f"{found['total']:,} found{shown}")
    _concerned(found["items"])
    for kind, heading in view.KINDS.items():
        items = [item for item in found["items"] if item["kind"] == kind]
        if items:
            st.subheader(heading, anchor=False)
        for index, item in enumerate(items):
            _hit(f"{kind}-{index}", item)


def _concerned(items: list[dict[str, Any]]) -> None:
    """The contracts behind fields that were found: who carries them."""
    names = sorted({name for item in items if item["kind"] == "property" for name in item["carriers"]})
    if not names or len(names) > CONCERNED:
        return
    st.markdown("**Contracts that carry such a field**")
    with st.container(horizontal=True, key="carriers"):
        for name in names:
            link = carried(contract=name)
            st.page_link(PAGES["Catalog"], label=plain(name), icon=":material/contract:", query_params=link)


def _hit(key: str, item: dict[str, Any]) -> None:
    home = "contract" if item["contract"] else "schema"
    with st.container(gap=None, key=f"row-{key}"):
        label = f"**{plain(view.heading(item))}**"
        link = carried(**{home: item[home], "version": item["version"]})
        st.page_link(PAGES["Catalog"], label=label, query_params=link)
        st.caption(plain(view.line(item)))
