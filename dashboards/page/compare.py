"""Two versions side by side, of a contract, a canonical schema or a proposal; and whom a canonical schema reaches."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.client import Client
from dashboards.page.frame import NARROW_PX, PAGES, carried, choice, synthetic_choice
from dashboards.view import difference, reach
from dashboards.view.word import plain

PAGE = 25  # changes at a time
NUMBER_PX = 160
#: key of the container -> whether operations are drawn; the stylesheet shows one of them, by the width of the page
GRAPHS = {"graph-across": True, "graph-down": False}


def versions(client: Client, path: str, numbers: list[str]) -> None:
    """Two of `numbers` (the newest first) chosen in the address, compared by the API at `path`."""
    if len(numbers) < 2:
        st.info("There is one version only, nothing to compare it with.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        old = choice("From", {number: number for number in (numbers[1], numbers[0], *numbers[2:])}, "old", NUMBER_PX)
        new = choice("To", {number: number for number in numbers}, "new", NUMBER_PX)
    if old == new:
        st.info("Choose two versions that differ.")
        return
    _comparison(client, path, old=old, new=new)


def proposed(client: Client, proposal_id: str, what: str, of: str) -> None:
    """What a proposal makes of a contract or a schema, or whom its new schema reaches."""
    link = carried(proposal=proposal_id)
    st.page_link(PAGES["Approvals"], label="The proposal", icon=":material/arrow_back:", query_params=link)
    path = f"/approvals/{proposal_id}"
    if what == "impact":
        st.subheader(f"Whom {plain(of)} would reach", anchor=False)
        _impact(client.get(f"{path}/impact", schema=of))
    else:
        st.subheader(f"{plain(of)} as proposed", anchor=False)
        if what == "schema":
            _to_impact(carried(proposal=proposal_id, proposed="impact", of=of))
        _comparison(client, f"{path}/comparison", kind=what, name=of)


def _to_impact(link: dict[str, str]) -> None:
    """What breaks nobody by itself may break a contract that answers with it."""
    label = "What it means to contracts that use it"
    st.page_link(PAGES["Catalog"], label=label, icon=":material/account_tree:", query_params=link)


def impact(client: Client, name: str, version: str) -> None:
    """Whom a version in force of a canonical schema reaches."""
    _impact(client.get(f"/schemas/{name}/{version}/impact", **synthetic_choice(client)))


def _comparison(client: Client, path: str, **asked: str) -> None:
    told = client.get(path, **asked, limit=PAGE)
    st.html(difference.headline(told))
    if told["kind"] == "contract" and told["compatibility"] != "backward":
        st.caption(plain(f"This contract's compatibility is “{told['compatibility']}”: publishing judges it so."))
    pages = -(-told["total"] // PAGE)
    if pages > 1:
        names = {str(n): f"Changes {(n - 1) * PAGE + 1} to {min(n * PAGE, told['total'])}" for n in range(1, pages + 1)}
        number = int(choice(f"Of {told['total']} changes", names, "changes", NARROW_PX))
        told = client.get(path, **asked, limit=PAGE, offset=(number - 1) * PAGE)
    st.html(difference.changes(told))


def _impact(told: dict[str, Any]) -> None:
    st.html(difference.sentence(reach.sentence(told), "impact"))
    if not told["contracts"]:
        return
    st.caption("Nobody is re-pinned by itself: taking a version over is a release of the contract's own.")
    theme = st.context.theme.type or "light"
    for key, is_whole in GRAPHS.items():
        with st.container(key=key):
            st.graphviz_chart(reach.graph(told, theme, is_whole=is_whole), width="content", alt=reach.sentence(told))
    if len(reach.operations(told)) > reach.MOST_DRAWN:
        st.caption("Too many operations to draw: the graph shows contracts, the table has all.")
    st.html(reach.contracts(told))
    with st.expander(f"Operations that use it: {len(reach.operations(told))}"):
        st.html(reach.uses(told))
    for each in told["contracts"]:
        if each["changes"]:
            with st.expander(f"What shows in {each['contract']}: {each['total']}"):
                st.html(reach.reasons(each))
