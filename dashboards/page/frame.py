"""What every page shares: style, the way between pages, the sign-in, one readable line for every failure, as-of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from dashboards import sign_in
from dashboards.client import Client, ClientError, SignInNeeded, WithoutSynthetic, connect
from dashboards.view.style import STYLE
from dashboards.view.time import moment

#: a page's title -> its file, relative to app.py; what page links point at
PAGES = {"Overview": "page/overview.py", "Transactions": "page/transactions.py"}
ICONS = {"Overview": ":material/dashboard:", "Transactions": ":material/account_tree:"}
NARROW_PX = 260
#: what a role must be allowed for a page to be offered; the API refuses in any case
NEEDS = {"Overview": "read", "Transactions": "read"}


def run(title: str, show: Callable[[Client], None]) -> None:
    """Show a page, connected."""
    st.html(STYLE)
    with readable():
        client = connect()
        _who(client.get("/whoami"))
        st.title(title, anchor=False)
        show(_history(client))


def _history(client: Client) -> Client:
    """Says that invented history is among the figures where it is, and lets the reader leave it out; the choice stays
    in the address."""
    if not client.get("/exchanges", limit=1).get("has_synthetic"):
        return client
    is_hidden = st.toggle(
        "Leave synthetic history out",
        value=st.query_params.get("synthetic") == "hide",
        help="Part of what is shown here was invented to have a history; it never passed a gateway.",
    )
    set_query("synthetic", "hide" if is_hidden else "")
    if is_hidden:
        return WithoutSynthetic(client)
    st.caption("With synthetic history: invented, marked, and never seen by a gateway.")
    return client


def _who(user: dict[str, Any]) -> None:
    """The pages that this reader may use, and who he is here."""
    _navigation([name for name in PAGES if NEEDS[name] in user["permissions"]])
    scope = "all legal entities" if user["sees"] is None else ", ".join(user["sees"]) or "no legal entity"
    with st.container(horizontal=True, vertical_alignment="center", key="who"):
        st.caption(f"Signed in as {user['name']} ({user['role']}), for {scope}")
        sign_in.offer_end()


def _navigation(names: list[str]) -> None:
    """The legal entity and what is left out go along, so that a reader keeps looking at the same."""
    kept = {name: st.query_params[name] for name in ("entity", "synthetic") if st.query_params.get(name)}
    with st.container(horizontal=True, key="navigation"):
        for name, file in ((name, PAGES[name]) for name in names):
            st.page_link(file, label=name, icon=ICONS[name], query_params=kept or None)


@contextmanager
def readable() -> Iterator[None]:
    """Every failure is one readable line. A fragment needs its own: Streamlit calls it past the page."""
    try:
        yield
    except SignInNeeded as error:
        sign_in.offer(str(error))
    except ClientError as error:
        st.error(str(error), icon=":material/cloud_off:")
        st.button("Try again")
        sign_in.offer_end()


def entity_choice(client: Client) -> str:
    """Legal entity to look at; "" for all of them. Kept in the address, so that a link says what it shows."""
    names = [""] + [item["entity"] for item in client.get("/entities")["items"]]
    asked = st.query_params.get("entity", "")
    index = names.index(asked) if asked in names else 0
    chosen = st.selectbox(
        "Legal entity", names, index=index, format_func=lambda name: name or "All legal entities", width=NARROW_PX
    )
    set_query("entity", str(chosen or ""))
    return str(chosen or "")


def set_query(name: str, value: str) -> None:
    """Put a choice into the address; "" takes it out."""
    if value:
        if st.query_params.get(name) != value:
            st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]


def as_of(document: dict[str, Any]) -> None:
    """When the figures were true, and a warning when a gateway has gone silent."""
    st.caption(f"As of {moment(document.get('as_of_us'))}")
    if document.get("is_stale"):
        st.warning(
            "A gateway has been silent for over a minute: newer traffic may be missing.", icon=":material/sync_problem:"
        )
