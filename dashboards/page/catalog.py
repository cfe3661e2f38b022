"""Catalog: contracts by filters, canonical schemas, and words found in both; each with its versions, people and users,
compared with one another."""

from __future__ import annotations

import streamlit as st

from dashboards.client import Client
from dashboards.page import compare, contract, find, schema
from dashboards.page.frame import PAGES, carried, choice, run, tab, text
from dashboards.view.contract import KINDS, line
from dashboards.view.word import plain

PAGE = 40
LAYERS = {"": "All layers", "experience": "Experience", "process": "Process", "system": "System"}
STATES = {"": "Any state", "published": "Published", "deprecated": "Deprecated", "retired": "Retired"}
PARTS = {"contracts": "Contracts", "schemas": "Canonical schemas"}
FILTER_PX = 190


def show(client: Client) -> None:
    """The address names a contract, a schema, a part of a proposal, or what is searched for."""
    query = st.query_params
    if query.get("proposal") and query.get("proposed"):
        compare.proposed(client, query["proposal"], query["proposed"], query.get("of", ""))
    elif query.get("contract"):
        contract.show(client, query["contract"])
    elif query.get("schema"):
        schema.show(client, query["schema"])
    elif wanted := find.box():
        find.show(client, wanted)
    elif tab("Part", PARTS, "part") == "schemas":
        schema.show_all(client)
    else:
        _contracts(client)


def _contracts(client: Client) -> None:
    everything = client.get("/catalog")
    if not everything["total"]:
        st.info("Nothing is published yet. `waybill init DIR` makes a workspace, `waybill apply` publishes it.")
        return
    filters = _filters(sorted({item["domain"] for item in everything["items"]}))
    found = client.get("/catalog", **filters)["items"] if filters else everything["items"]
    st.caption(f"{len(found)} of {everything['total']} contracts")
    if not found:
        st.info("No contract fits. Take a filter off, or search for less.")
    pages = max(1, -(-len(found) // PAGE))
    numbers = {str(n): f"Page {n} of {pages}" for n in range(1, pages + 1)}
    number = int(choice("Page", numbers, "page", FILTER_PX)) if pages > 1 else 1
    for index, item in enumerate(found[(number - 1) * PAGE : number * PAGE]):
        with st.container(gap=None, key=f"row-{index}"):
            st.page_link(
                PAGES["Catalog"], label=f"**{plain(item['title'])}**", query_params=carried(contract=item["name"])
            )
            st.caption(plain(line(item)))


def _filters(domains: list[str]) -> dict[str, str]:
    """What the list is narrowed by; all of it is in the address."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        hint = "Name, owner, object, event, operation …"
        chosen = {
            "q": text("Narrow by", "q", placeholder=hint, icon=":material/filter_alt:", width=340),
            "domain": choice("Domain", {"": "All domains"} | {name: name for name in domains}, "domain", FILTER_PX),
            "layer": choice("Layer", LAYERS, "layer", FILTER_PX),
            "kind": choice("Kind", {"": "Calls and events"} | KINDS, "kind", FILTER_PX),
            "state": choice("State", STATES, "state", FILTER_PX),
        }
    return {name: value for name, value in chosen.items() if value}


if __name__ == "__main__":
    run("Catalog", show)
