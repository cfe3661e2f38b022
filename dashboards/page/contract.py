"""One contract: who answers for it, its versions, its operations and their meaning, its document, who uses it."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from dashboards.client import Client
from dashboards.page import compare, deprecate
from dashboards.page.frame import NARROW_PX, PAGES, as_of, carried, choice, narrowing, tab
from dashboards.view import contract as view
from dashboards.view.exchange import table as facts
from dashboards.view.operation import declared

DAYS = 28
VIEWS = {"about": "About", "compare": "Compare versions"}
DEPRECATE = {"deprecate": "Deprecate"}


def show(client: Client, name: str) -> None:
    st.page_link(PAGES["Catalog"], label="All contracts", icon=":material/arrow_back:", query_params=carried() or None)
    told = client.get(f"/contracts/{name}")
    st.subheader(told["title"], anchor=False)
    views = VIEWS | (DEPRECATE if deprecate.is_offered(client.get("/whoami")) else {})
    part = tab("View", views, "view")
    if part == "deprecate":
        deprecate.show(client, told)
        return
    if part == "compare":
        numbers = [each["version"] for each in reversed(told["versions"])]
        compare.versions(client, f"/contracts/{name}/comparison", numbers)
        return
    st.html(facts(view.facts(told)))
    st.html(view.versions(told))
    version = _version(told)
    _users(client, name)
    document = client.get(f"/contracts/{name}/{version['version']}/document")
    _operations(version, document)
    _pins(version)
    _document(name, version, document)


def _version(told: dict[str, Any]) -> dict[str, Any]:
    """The version that is looked into: the newest unless the address names another."""
    versions = {each["version"]: each for each in reversed(told["versions"])}
    if len(versions) == 1:
        return dict(told["versions"][0])
    names = {name: f"{name} ({each['state']})" for name, each in versions.items()}
    chosen = choice("Version", names, "version", NARROW_PX)
    found: dict[str, Any] = versions[chosen]
    return found


def _users(client: Client, name: str) -> None:
    st.subheader("Who uses it", anchor=False)
    narrowed = narrowing(client)
    document = client.get(f"/contracts/{name}/users", days=DAYS, **narrowed)
    as_of(document)
    items = document["items"]
    if not items:
        st.info("No consumer is granted this contract, and none was seen. consumers/*.yaml grants it.")
        return
    leaving = view.leaving(items)
    if leaving:
        st.html(leaving)
    st.html(view.users(items, DAYS))
    if any(item["uses"] for item in items):
        st.html(view.used_operations(items))
        st.page_link(
            PAGES["Transactions"],
            label="Its newest calls",
            icon=":material/list:",
            query_params=carried(contract=name),
        )
    _fields(client, name, narrowed)


def _fields(client: Client, name: str, narrowed: dict[str, str]) -> None:
    """Which fields each consumer sent and was answered with; asked for when somebody wants to know."""
    with st.expander("Fields that consumers sent and were answered with"):
        if not st.toggle("Look them up", key="fields"):
            return
        found = client.get(f"/contracts/{name}/fields", days=DAYS, **narrowed)["items"]
        if not found:
            st.caption("No fields were recorded.")
            return
        st.html(view.fields(found))
        st.caption("What a consumer reads of an answer cannot be seen: those are the most that it can have read.")


def _operations(version: dict[str, Any], document: dict[str, Any]) -> None:
    st.subheader(f"Operations of {version['version']}", anchor=False)
    for operation in version["operations"]:
        with st.expander(view.heading(operation)):
            st.html(facts(view.meaning(operation)))
            for part in declared(document, operation):
                st.html(part)


def _pins(version: dict[str, Any]) -> None:
    st.subheader("Canonical schemas it is pinned to", anchor=False)
    if not version["pins"]:
        st.caption("None: its schemas are its own.")
    for pin, sha256 in sorted(version["pins"].items()):
        schema, number = pin.rsplit("@", 1)
        st.page_link(
            PAGES["Catalog"],
            label=f"{schema} {number}, SHA-256 {sha256[:12]}…",
            icon=":material/data_object:",
            query_params=carried(schema=schema, version=number),
        )


def _document(name: str, version: dict[str, Any], document: dict[str, Any]) -> None:
    st.subheader("The document", anchor=False)
    text = json.dumps(document, indent=2, ensure_ascii=False)
    file = f"{name}-{version['version']}.{version['kind']}.json"
    st.download_button("Download", text, file, "application/json", icon=":material/download:")
    with st.expander("Read it here"):
        st.code(text, language="json", wrap_lines=True)
