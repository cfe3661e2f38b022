"""Approvals: changes that wait for somebody, what each does, who may answer, and the answer itself."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.client import Client, ClientError
from dashboards.page.frame import PAGES, carried, run, tab
from dashboards.view import act
from dashboards.view.word import plain

STATES = {"open": "Waiting", "published": "Published", "rejected": "Rejected", "stale": "Out of date", "all": "All"}
LIMIT = 30
ANSWERS = {"Approve": "approve", "Reject": "reject"}
WITHDRAWAL = {"Withdraw": "reject"}
ASKED = "answer-asked"  # of the session: proposal, decision and comment that are to be carried out


def show(client: Client) -> None:
    _outcome()
    if st.query_params.get("proposal"):
        link = carried() or None
        st.page_link(PAGES["Approvals"], label="All proposals", icon=":material/arrow_back:", query_params=link)
        _proposal(client, client.get(f"/approvals/{st.query_params['proposal']}"), is_open=True)
        return
    state = tab("State", STATES, "state")
    items = client.get("/approvals", state=state)["items"]
    if not items:
        st.info(
            "Nothing waits for approval. What needs one is said in governance.yaml; without it an apply publishes at "
            "once."
            if state == "open"
            else "None."
        )
        return
    mine = sum(item["waits_for_me"] for item in items)
    if mine:
        st.warning(f"{mine} wait{'s' if mine == 1 else ''} for your answer.", icon=":material/front_hand:")
    newest_first = items if state == "open" else items[::-1]
    st.caption(f"{len(items)} in all" + (f", {LIMIT} shown" if len(items) > LIMIT else ""))
    for item in newest_first[:LIMIT]:
        _proposal(client, item)


def _outcome() -> None:
    """What the answer just given led to; the list that is drawn next may hold the proposal no more."""
    is_done, told = st.session_state.pop("outcome", (True, ""))
    if told and is_done:
        st.success(plain(told), icon=":material/task_alt:")
    elif told:
        st.error(plain(told))


def _proposal(client: Client, item: dict[str, Any], *, is_open: bool = False) -> None:
    told = item["plan"]
    count = sum(len(told.get(word, ())) for word in ("added", "changed", "removed"))
    with st.container(border=True, key=f"proposal-{item['proposal_id']}"):
        st.markdown(f"**{plain(item['proposal_id'])}** {item['state']}: {count} change{'s' if count != 1 else ''}")
        st.caption(plain(act.proposal(item)))
        if item["needs"]:
            st.html(act.needs(item))
        with st.expander("What publishing it does", expanded=is_open):
            _plan(client, item)
        if item["answers"]:
            st.html(act.answers(item))
        if item["waits_for_me"]:
            _answer(client, item["proposal_id"], "Comment (a rejection needs one)", ANSWERS)
        elif item["is_own"] and item["state"] == "open":
            st.caption("You asked for it yourself: others must answer, and you can take it back.")
            _answer(client, item["proposal_id"], "Why it is taken back", WITHDRAWAL)


def _plan(client: Client, item: dict[str, Any]) -> None:
    """Changes, the numbers of new versions against what they ask for, and the contracts that a new schema reaches."""
    st.html(act.plan(item))
    releases = item["plan"].get("releases", ())
    if releases:
        st.html(act.releases(releases))
    for each in releases:
        _link(
            item,
            f"Compare {each['name']} with {each['previous']}",
            "difference",
            proposed=each["kind"],
            of=each["name"],
        )
        if each["kind"] == "contract" and item["state"] == "open":
            _readiness(client, item["proposal_id"], each["name"])
    reached = item["plan"].get("reached", ())
    if reached:
        st.html(act.reached(reached))
    for schema in sorted({each["schema"] for each in reached}):
        _link(item, f"Whom {schema} reaches", "account_tree", proposed="impact", of=schema)


def _readiness(client: Client, proposal_id: str, name: str) -> None:
    """Asked for by who wants to know: it compares every version in use."""
    if not st.toggle(plain(f"Whom {name} touches, and what was tested"), key=f"ready-{proposal_id}-{name}"):
        return
    try:
        with st.spinner("Comparing with what consumers sent …"):
            ready = client.get(f"/approvals/{proposal_id}/readiness", name=name)
    except ClientError as error:
        st.error(plain(str(error)))
        return
    for sentence in act.readiness(ready):
        st.markdown(plain(sentence))
    if ready["touched"]:
        st.html(act.touched(ready))


def _link(item: dict[str, Any], label: str, icon: str, **query: str) -> None:
    link = carried(proposal=item["proposal_id"], **query)
    st.page_link(PAGES["Catalog"], label=plain(label), icon=f":material/{icon}:", query_params=link)


def _answer(client: Client, proposal_id: str, label: str, offered: dict[str, str]) -> None:
    """The form, which takes nothing more while an answer is carried out."""
    of, decision, comment = st.session_state.pop(ASKED, ("", "", ""))
    is_mine = of == proposal_id
    is_unsaid = is_mine and decision == "reject" and not comment
    is_busy = is_mine and not is_unsaid
    with st.form(f"answer-{proposal_id}", border=False):
        st.text_input(label, max_chars=2_000, key=f"comment-{proposal_id}", disabled=is_busy)
        with st.container(horizontal=True):
            for word, name in offered.items():
                kind: Any = "primary" if name == "approve" else "secondary"
                given = (proposal_id, name)
                st.form_submit_button(word, type=kind, disabled=is_busy, on_click=_ask, args=given)
    if is_unsaid:
        st.error(f"Say why it is {'rejected' if offered is ANSWERS else 'taken back'}.")
    elif is_busy:
        with st.spinner("Carrying it out …"):
            _decide(client, proposal_id, decision, comment)
        st.rerun()


def _ask(proposal_id: str, decision: str) -> None:
    """Remember what was pressed, for the run that draws the form again and carries it out."""
    st.session_state[ASKED] = (proposal_id, decision, (st.session_state[f"comment-{proposal_id}"] or "").strip())


def _decide(client: Client, proposal_id: str, decision: str, comment: str) -> None:
    try:
        done = client.post(f"/approvals/{proposal_id}/{decision}", {"comment": comment})
    except ClientError as error:
        st.session_state["outcome"] = (False, str(error))
    else:
        st.session_state["outcome"] = (True, act.outcome(done))


if __name__ == "__main__":
    run("Approvals", show)
