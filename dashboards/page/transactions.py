"""Transactions: any business key, its chain as graph and timeline, and behind each step the exchange itself."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.client import Client
from dashboards.page.frame import PAGES, as_of, run
from dashboards.view import chain as view
from dashboards.view import exchange as exchange_view
from dashboards.view.money import money
from dashboards.view.time import moment

FILTERS = ("refused", "policy", "executed", "contract", "type", "entity")
LIMIT = 50


def show(client: Client) -> None:
    st.title("Transactions")
    query = st.query_params
    asked = st.text_input(
        "Business key",
        value=query.get("q", ""),
        placeholder="A requisition, order, receipt, invoice, payment or supplier number",
    )
    if asked != query.get("q", ""):
        query.from_dict({"q": asked} if asked else {})
    if query.get("value"):
        _chain(client, {name: query.get(name, "") for name in ("type", "assigner", "value")})
    elif query.get("slo"):
        _objects(client, query["slo"], query.get("state", "open"), query.get("entity", ""))
    elif query.get("q"):
        _found(client, query["q"])
    else:
        _exchanges(client, {name: query[name] for name in FILTERS if name in query})


def _found(client: Client, asked: str) -> None:
    items = client.get("/lineage/search", q=asked, limit=LIMIT)["items"]
    exact = [item for item in items if item["object"]["value"] == asked]
    if len(exact) == 1:
        _chain(client, exact[0]["object"])
    elif not items:
        st.info(f"Nothing is known under “{asked}”. Keys are matched from their beginning.")
    else:
        st.caption(f"{len(items)} found" + (", the first of them" if len(items) == LIMIT else ""))
        for item in items:
            _object_row(item["object"], item.get("amount"), item.get("status_axes") or {}, item.get("last_us"))


def _object_row(item: dict[str, str], amount: dict[str, str] | None, axes: dict[str, str], last_us: int | None) -> None:
    with st.container(border=True):
        st.page_link(
            PAGES["Transactions"],
            label=f"{view.words(item['type'])} **{item['value']}**",
            icon=":material/account_tree:",
            query_params={key: item[key] for key in ("type", "assigner", "value")},
        )
        parts = [item["assigner"], money(amount), ", ".join(axes.values()), moment(last_us)]
        st.caption(" · ".join(part for part in parts if part))


def _chain(client: Client, item: dict[str, str]) -> None:
    chain = client.get("/lineage/chain", type=item["type"], assigner=item["assigner"], value=item["value"])
    st.subheader(f"{view.words(item['type']).capitalize()} {item['value']}")
    as_of(chain)
    if chain.get("truncated"):
        st.warning("This chain is longer than what is shown.")
    left, right = st.columns([2, 3])
    with left:
        st.markdown("**Documents**")
        st.graphviz_chart(view.graph(chain, st.context.theme.type or "light"), alt=_described(chain))
    with right:
        st.markdown("**What happened**")
        st.html(view.timeline(chain["events"]))
    if chain["events"]:
        _step(client, chain["events"])


def _described(chain: dict[str, Any]) -> str:
    names = ", ".join(f"{view.words(item['object']['type'])} {item['object']['value']}" for item in chain["objects"])
    return f"Graph of the documents of this transaction: {names}"


def _step(client: Client, events: list[dict[str, Any]]) -> None:
    st.subheader("Behind a step")
    chosen = st.selectbox("Step", events, index=len(events) - 1, format_func=view.step)
    if chosen:
        _exchange(client, chosen["exchange_id"])


def _exchange(client: Client, exchange_id: str) -> None:
    document = client.get(f"/exchanges/{exchange_id}")
    rows = exchange_view.facts(document)
    st.table([{"Fact": name, "Value": text} for name, text in rows.items()], hide_index=True)
    decided = exchange_view.decisions(document)
    if decided:
        st.markdown("**Decisions**")
        st.table(decided, hide_index=True)
    else:
        st.caption("No policy had anything to object.")


def _objects(client: Client, slo: str, state: str, entity: str) -> None:
    narrowed = {"entity": entity} if entity else {}
    items = client.get(f"/slos/{slo}/objects", state=state, limit=LIMIT, **narrowed)["items"]
    st.subheader(f"{state.capitalize()} under “{slo}”")
    st.caption(f"{len(items)} shown, oldest deadline first" if items else "None.")
    for item in items:
        _object_row(item["object"], item.get("amount"), {}, item.get("deadline_us"))


def _exchanges(client: Client, filters: dict[str, str]) -> None:
    items = client.get("/exchanges", **filters, limit=LIMIT)["items"]
    st.subheader(
        "Latest exchanges" if not filters else "Exchanges: " + ", ".join(f"{k} {v}" for k, v in filters.items())
    )
    if not items:
        st.info("None.")
        return
    rows = [
        {
            "Time": moment(item["started_us"]),
            "Caller": item.get("consumer") or "unknown",
            "Operation": f"{item.get('contract', '')} {item.get('operation', '')}",
            "Object": view.reference(item["object"]) if item.get("object") else "",
            "Status": item["status"],
            "Executed": item["executed"],
            "Refused by": item.get("refused_by") or "",
            "Reason": item.get("code") or "",
        }
        for item in items
    ]
    st.dataframe(rows, hide_index=True)
    linked = [item for item in items if item.get("object")]
    if linked:
        chosen = st.selectbox(
            "Open a transaction", linked, index=None, format_func=lambda item: view.reference(item["object"])
        )
        if chosen:
            st.query_params.from_dict(dict(chosen["object"]))
            st.rerun()


if __name__ == "__main__":
    run(show)
