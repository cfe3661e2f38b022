"""What every page shares: the sign-in, one readable line for every failure, the as-of line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from dashboards.client import Client, ClientError, SignInNeeded, connect
from dashboards.view.time import moment

#: a page's title -> its file, relative to app.py; what page links point at
PAGES = {"Overview": "page/overview.py", "Transactions": "page/transactions.py"}


def run(show: Callable[[Client], None]) -> None:
    """Show a page, connected."""
    with readable():
        show(connect())


@contextmanager
def readable() -> Iterator[None]:
    """Every failure is one readable line. A fragment needs its own: Streamlit calls it past the page."""
    try:
        yield
    except SignInNeeded as error:
        _sign_in(str(error))
    except ClientError as error:
        st.error(str(error), icon=":material/cloud_off:")
        st.button("Try again")


def entity_choice(client: Client) -> str:
    """Legal entity to look at; "" for all of them. Kept in the address, so that a link says what it shows."""
    names = [""] + [item["entity"] for item in client.get("/entities")["items"]]
    asked = st.query_params.get("entity", "")
    index = names.index(asked) if asked in names else 0
    chosen = str(st.selectbox("Legal entity", names, index=index, format_func=lambda name: name or "All") or "")
    if chosen != asked:
        st.query_params["entity"] = chosen
    return chosen


def as_of(document: dict[str, Any]) -> None:
    """When the figures were true, and a warning when a gateway has gone silent."""
    st.caption(f"As of {moment(document.get('as_of_us'))}")
    if document.get("is_stale"):
        st.warning(
            "A gateway has been silent for over a minute: newer traffic may be missing.", icon=":material/sync_problem:"
        )


def _sign_in(reason: str) -> None:
    st.title("Waybill")
    st.info(reason)
    with st.form("sign-in"):
        token = st.text_input("Token", type="password")
        if st.form_submit_button("Sign in") and token:
            st.session_state["token"] = token.strip()
            st.rerun()
