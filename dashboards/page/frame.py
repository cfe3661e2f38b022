"""What every page shares: style, the way between pages, the sign-in, one readable line for every failure, what is
looked at (legal entity, synthetic history), as-of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import streamlit as st

from dashboards import sign_in
from dashboards.client import Client, ClientError, SignInNeeded, connect
from dashboards.view.style import STYLE
from dashboards.view.time import moment


class Need(NamedTuple):
    """What a role must be allowed for a page to be offered; the API refuses in any case."""

    permission: str
    is_network_wide: bool = False


#: a page's title -> its file, relative to app.py; what page links point at
PAGES = {
    "Overview": "page/overview.py",
    "SLOs": "page/slos.py",
    "Transactions": "page/transactions.py",
    "Catalog": "page/catalog.py",
    "Gateway and Systems": "page/systems.py",
    "Approvals": "page/approvals.py",
    "Audit": "page/audit.py",
}
ICONS = {
    "Overview": ":material/dashboard:",
    "SLOs": ":material/target:",
    "Transactions": ":material/account_tree:",
    "Catalog": ":material/menu_book:",
    "Gateway and Systems": ":material/lan:",
    "Approvals": ":material/fact_check:",
    "Audit": ":material/history:",
}
NEEDS = {
    **dict.fromkeys(("Overview", "SLOs", "Transactions", "Catalog", "Gateway and Systems"), Need("read")),
    "Approvals": Need("read", is_network_wide=True),
    "Audit": Need("audit", is_network_wide=True),
}
NARROW_PX = 260
CARRIED = ("entity", "synthetic")  # what goes along from page to page


def run(title: str, show: Callable[[Client], None]) -> None:
    """Show a page, connected."""
    st.html(STYLE)
    with readable():
        client = connect()
        _settle(title)
        _who(_asked_who(client))
        st.title(title, anchor=False)
        show(client)


def _asked_who(client: Client) -> dict[str, Any]:
    """Who the reader is; a page that cannot be told has a heading all the same."""
    try:
        user: dict[str, Any] = client.get("/whoami")
    except SignInNeeded:
        raise
    except ClientError:
        st.title("Waybill", anchor=False)
        raise
    return user


def _who(user: dict[str, Any]) -> None:
    """The pages that this reader may use, and who he is here."""
    _navigation([name for name in PAGES if _is_offered(NEEDS[name], user)])
    scope = "all legal entities" if user["sees"] is None else ", ".join(user["sees"]) or "no legal entity"
    with st.container(horizontal=True, vertical_alignment="center", key="who"):
        st.caption(f"Signed in as {user['name']} ({user['role']}), for {scope}")
        sign_in.offer_end()


def _is_offered(need: Need, user: dict[str, Any]) -> bool:
    return need.permission in user["permissions"] and (user["sees"] is None or not need.is_network_wide)


def _navigation(names: list[str]) -> None:
    with st.container(horizontal=True, key="navigation"):
        for name in names:
            st.page_link(PAGES[name], label=name, icon=ICONS[name], query_params=carried() or None)


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


def carried(**query: str) -> dict[str, str]:
    """Parameters of a link: `query`, and what is looked at, so that a reader keeps looking at the same."""
    return {**query, **{name: st.query_params[name] for name in CARRIED if name in st.query_params}}


def narrowing(client: Client) -> dict[str, str]:
    """What is looked at, as the API's parameters: a legal entity, with synthetic history or without."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="narrowing"):
        entity = entity_choice(client)
        synthetic = synthetic_choice(client)
    return {**({"entity": entity} if entity else {}), **synthetic}


def entity_choice(client: Client) -> str:
    """Legal entity to look at; "" for all of them. Kept in the address, so that a link says what it shows."""
    names = {"": "All legal entities"}
    names |= {item["entity"]: item.get("name") or item["entity"] for item in client.get("/entities")["items"]}
    return choice("Legal entity", names, "entity")


def synthetic_choice(client: Client) -> dict[str, str]:
    """The one switch that hides synthetic history; offered, and its extent named, where there is any."""
    calls = sum(item["last"] for item in client.get("/synthetic-streams")["items"])
    if not calls:
        return {}
    options = {"": f"Included ({calls:,})", "hide": "Hidden"}
    told = (
        f"{calls:,} invented calls stand for the time before this installation, so that windows and trends mean "
        "something. No gateway ever saw or judged them."
    )
    chosen = choice("Synthetic history", options, "synthetic", help=told)
    return {"synthetic": chosen} if chosen else {}


def choice(
    label: str,
    options: dict[str, str],
    parameter: str,
    width: int = NARROW_PX,
    help: str | None = None,  # noqa: A002
) -> str:
    """One of `options` (value -> words), kept in the address under `parameter`; the first is the default and is left
    out of it."""
    values = list(options)
    key = _seeded(parameter, st.query_params.get(parameter, values[0]), values)
    chosen = st.selectbox(label, values, format_func=options.__getitem__, width=width, key=key, help=help)
    return _kept(parameter, str(chosen or values[0]), values[0])


def tab(label: str, options: dict[str, str], parameter: str) -> str:
    """Which part of a page is shown, kept in the address like `choice`."""
    values = list(options)
    key = _seeded(parameter, st.query_params.get(parameter, values[0]), values)
    chosen = st.segmented_control(
        label, values, format_func=options.__getitem__, label_visibility="collapsed", required=True, key=key
    )
    return _kept(parameter, str(chosen or values[0]), values[0])


def text(label: str, parameter: str, **more: Any) -> str:
    """What somebody wrote, kept in the address like `choice`."""
    key = _seeded(parameter, st.query_params.get(parameter, ""))
    return _kept(parameter, (st.text_input(label, key=key, **more) or "").strip(), "")


def _seeded(parameter: str, asked: str, values: list[str] | None = None) -> str:
    """The key of the widget for a parameter of the address. Where a link has changed the address, the widget follows;
    else it keeps what was chosen (given a default instead, Streamlit would take each choice for another widget)."""
    key = f"choice-{parameter}"
    wanted = asked if values is None or asked in values else values[0]
    is_lost = key not in st.session_state or (values is not None and st.session_state[key] not in values)
    if is_lost or st.session_state.get(f"{key}-address") != asked:
        st.session_state[key] = wanted
    return key


def _kept(parameter: str, chosen: str, default: str) -> str:
    set_query(parameter, "" if chosen == default else chosen)
    st.session_state[f"choice-{parameter}-address"] = chosen
    return chosen


def _settle(page: str) -> None:
    """Put into the address what was just chosen, before the first link is drawn. On another page the address alone
    says what is looked at. On the same page the browser is told its address again: after a link within a page
    Streamlit leaves the old one there, and whatever is pressed next would take the reader back."""
    is_same = st.session_state.get("page") == page
    st.session_state["page"] = page
    if is_same:
        st.query_params.from_dict(st.query_params.to_dict())
    for name in CARRIED:
        key = f"choice-{name}"
        if not is_same:
            st.session_state.pop(f"{key}-address", None)
        elif key in st.session_state and st.session_state.get(f"{key}-address") == st.query_params.get(name, ""):
            _kept(name, st.session_state[key], "")


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
