"""Calls, the newest first, under filters that are seen, changed and taken off; each row leads to its document."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.client import Client
from dashboards.page.frame import NARROW_PX, PAGES, carried, narrowing
from dashboards.view import call as view
from dashboards.view.word import plain, reason, words

LIMIT = 30
#: what to show -> the filters of the API that narrow to it
KINDS: dict[str, dict[str, str]] = {
    "All calls": {},
    "Refused or failed": {"refused": "1"},
    "In doubt": {"executed": "unknown"},
}
#: other filters an address may carry -> what a reader calls them
NAMED = {
    "policy": "refused because",
    "contract": "contract",
    "consumer": "caller",
    "type": "document",
    "assigner": "of",
    "value": "number",
}


def show(client: Client) -> None:
    """What is asked is in the address, so that it can be sent to somebody."""
    kind = _kind_choice()
    narrowed = narrowing(client)
    named = {name: st.query_params[name] for name in NAMED if name in st.query_params}
    _named_filters(named)
    filters = {**KINDS[kind], **named, **narrowed}
    items = client.get("/exchanges", **filters, limit=LIMIT)["items"]
    st.caption(f"The newest {len(items)}" if len(items) == LIMIT else f"{len(items)} in all, the newest first")
    if not items:
        st.info("No call fits these filters.")
    with st.container(gap="xsmall"):
        for number, item in enumerate(items):
            _row(item, number)


def _kind_choice() -> str:
    """Other ways of naming a kind in the address are understood, too."""
    query = st.query_params
    asked = "Refused or failed" if query.get("refused") else "In doubt" if query.get("executed") else "All calls"
    key = "kind-of-calls"
    if st.session_state.get(f"{key}-address") != asked or key not in st.session_state:
        st.session_state[key] = asked
    chosen = str(st.selectbox("Show", list(KINDS), width=NARROW_PX, key=key))
    st.session_state[f"{key}-address"] = chosen
    if chosen != asked:
        for name in ("refused", "executed"):
            query.pop(name, None)
        query.update(KINDS[chosen])
    return chosen


def _named_filters(named: dict[str, str]) -> None:
    if not named:
        return
    with st.container(horizontal=True, gap="small"):
        for name, value in named.items():
            shown = reason(value) if name == "policy" else words(value) if name == "type" else value
            st.button(
                f"{NAMED[name]}: {shown}",
                icon=":material/close:",
                key=f"without-{name}",
                on_click=_without,
                args=((name,),),
                help="Take this filter off",
            )
        st.button("Clear all filters", type="tertiary", on_click=_without, args=(tuple(st.query_params.to_dict()),))


def _without(names: tuple[str, ...]) -> None:
    for name in names:
        st.query_params.pop(name, None)


def _row(item: dict[str, Any], number: int) -> None:
    """To the chain of the document, opened at this call; to the call itself when it names none."""
    about = dict(item["object"]) if item.get("object") else {}
    with st.container(gap=None, key=f"row-{number}"):
        st.page_link(
            PAGES["Transactions"],
            label=_label(item),
            query_params=carried(**about, exchange=item["exchange_id"]),
        )
        st.caption(plain(view.line(item)))


def _label(item: dict[str, Any]) -> str:
    sign = view.SIGNS[view.outcome(item)]
    subject = view.subject(item)
    return f"{sign} **{plain(view.title(item))}**" + (f" · {plain(subject)}" if subject else "")
