"""Deprecating a version of a contract: from when, in favour of what, what it changes, and whose approval it needs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import streamlit as st

from catalog.lifecycle import SHORTEST_NOTICE
from dashboards.client import Client, ClientError
from dashboards.page.frame import NARROW_PX, PAGES, carried
from dashboards.view import act
from dashboards.view.word import plain

PERMISSION = "publish"
LONGEST = timedelta(days=3_650)
DONE = "deprecated"  # of the session: the contract, and what was done to it


def is_offered(user: dict[str, Any]) -> bool:
    """Whether the API would let this reader deprecate anything."""
    return PERMISSION in user["permissions"] and user["sees"] is None


def show(client: Client, told: dict[str, Any]) -> None:
    """`told` is the contract. After something was done that is shown alone, so that it is not asked for twice."""
    if _outcome(told["name"]):
        return
    versions = {each["version"]: each for each in told["versions"] if each["state"] == "published"}
    if not versions:
        st.info("No version is published that is not deprecated already.")
        return
    today = datetime.now(UTC).date()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        version = st.selectbox("Version to deprecate", list(versions), width=NARROW_PX)
        others = [each["version"] for each in reversed(told["versions"]) if each["version"] != version]
        sunset = st.date_input(
            "Sunset: until when it answers", today + SHORTEST_NOTICE, today, today + LONGEST, width=NARROW_PX
        )
        successor = st.selectbox(
            "Successor: what to use instead", others, accept_new_options=True, width=NARROW_PX,
            help="A version of this contract, or name@version of another.",
        )  # fmt: skip
    if not isinstance(sunset, date) or not successor:
        st.info("Name the day and what to use instead." if others else "Publish a successor, or name name@version.")
        return
    _planned(client, told["name"], version, str(sunset), str(successor))


def _planned(client: Client, name: str, version: str, sunset: str, successor: str) -> None:
    """What it would do, and the button that does it."""
    path = f"/contracts/{name}/{version}/deprecation"
    wanted = {"sunset": sunset, "successor": successor}
    try:
        made = client.ask(f"{path}/plan", wanted)
    except ClientError as error:
        st.error(str(error))
        return
    plan = made["plan"]
    for problem in plan["refused"]:
        st.error(plain(f"{problem['message']}{'. ' if problem['remedy'] else ''}{problem['remedy']}"))
    for note in plan["notes"]:
        st.warning(plain(f"{note['message']}: {note['remedy']}"))
    if plan["refused"]:
        return
    st.html(act.plan(made))
    if plan["needs"]:
        st.html(act.needs(plan))
    _carry(made)
    if st.button("Propose it" if plan["needs"] else "Deprecate it now", type="primary"):
        with st.spinner("Carrying it out …"):
            _do(client, path, wanted, name)


def _carry(made: dict[str, Any]) -> None:
    st.caption(
        plain(
            "The workspace's files do not change by this. Carry the contract.yaml into them (drafts and comments are "
            "yours to keep): until then `waybill plan` shows that the next apply would take the deprecation back."
        )
    )
    st.download_button(
        "contract.yaml with this change", made["text"], "contract.yaml", "application/yaml", icon=":material/download:"
    )


def _do(client: Client, path: str, wanted: dict[str, str], name: str) -> None:
    try:
        done = client.post(path, wanted)
    except ClientError as error:
        st.error(str(error))
        return
    st.session_state[DONE] = (name, done)
    st.rerun()


def _outcome(name: str) -> bool:
    """What was just done to this contract, with the way to it; whether there is any."""
    of, done = st.session_state.get(DONE, ("", {}))
    if of != name:
        st.session_state.pop(DONE, None)
        return False
    if done["proposal"]:
        st.success(f"Filed as proposal {done['proposal']}: it is published once it is approved.")
        link = carried(proposal=done["proposal"])
        st.page_link(PAGES["Approvals"], label="The proposal", icon=":material/fact_check:", query_params=link)
    else:
        st.success(f"Published as generation {done['generation']}; gateways announce the sunset from now on.")
    st.button("Deprecate another version", on_click=lambda: st.session_state.pop(DONE))
    return True
