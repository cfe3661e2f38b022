"""Approvals: changes that wait for somebody, what each does, who may answer, and the answer itself."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.client import Client, ClientError
from dashboards.page.frame import run, tab
from dashboards.view import act
from dashboards.view.word import plain

STATES = {"open": "Waiting", "published": "Published", "rejected": "Rejected", "stale": "Out of date", "all": "All"}
LIMIT = 30


def show(client: Client) -> None:
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


def _proposal(client: Client, item: dict[str, Any]) -> None:
    told = item["plan"]
    count = sum(len(told.get(word, ())) for word in ("added", "changed", "removed"))
    with st.container(border=True, key=f"proposal-{item['proposal_id']}"):
        st.markdown(f"**{plain(item['proposal_id'])}** {item['state']}: {count} change{'s' if count != 1 else ''}")
        st.caption(plain(act.proposal(item)))
        st.html(act.needs(item))
        with st.expander("What publishing it does"):
            st.html(act.plan(item))
        if item["answers"]:
            st.html(act.answers(item))
        if item["waits_for_me"]:
            _answer(client, item["proposal_id"])


def _answer(client: Client, proposal_id: str) -> None:
    with st.form(f"answer-{proposal_id}", border=False):
        comment = st.text_input("Comment (a rejection needs one)", max_chars=2_000)
        with st.container(horizontal=True):
            is_approved = st.form_submit_button("Approve", type="primary")
            is_rejected = st.form_submit_button("Reject")
    if is_rejected and not (comment or "").strip():
        st.error("Say why it is rejected.")
    elif is_approved or is_rejected:
        try:
            client.post(
                f"/approvals/{proposal_id}/{'approve' if is_approved else 'reject'}",
                {"comment": (comment or "").strip()},
            )
        except ClientError as error:
            st.error(str(error))
        else:
            st.rerun()


if __name__ == "__main__":
    run("Approvals", show)
