"""Canonical schemas: who answers for them, their versions, and the contracts pinned to each."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from dashboards.client import Client
from dashboards.page import compare
from dashboards.page.frame import NARROW_PX, PAGES, carried, choice, tab
from dashboards.view.exchange import table as facts
from dashboards.view.operation import fields
from dashboards.view.word import plain

VIEWS = {"about": "About", "impact": "Whom it reaches", "compare": "Compare versions"}


def show_all(client: Client) -> None:
    items = client.get("/schemas")["items"]
    if not items:
        st.info("No canonical schema is published. Contracts that use one bring it along when they are applied.")
    for number, item in enumerate(items):
        with st.container(gap=None, key=f"row-{number}"):
            st.page_link(
                PAGES["Catalog"], label=f"**{plain(item['title'])}**", query_params=carried(schema=item["schema"])
            )
            st.caption(plain(_line(item)))


def _line(item: dict[str, Any]) -> str:
    users = {user.split("@", 1)[0] for each in item["versions"] for user in each["users"]}
    versions = ", ".join(each["version"] for each in item["versions"])
    many = f"used by {len(users)} contract{'s' if len(users) != 1 else ''}"
    answering = [f"{word} {item[word]}" for word in ("owner", "steward") if item[word]]
    return " · ".join([item["schema"], versions, many, *answering])


def show(client: Client, name: str) -> None:
    link = carried(part="schemas")
    st.page_link(PAGES["Catalog"], label="All schemas", icon=":material/arrow_back:", query_params=link)
    told = next((item for item in client.get("/schemas")["items"] if item["schema"] == name), None)
    if told is None:
        st.info(f"No canonical schema “{name}” is in force.")
        return
    st.subheader(told["title"], anchor=False)
    versions = {each["version"]: each for each in reversed(told["versions"])}
    part = tab("View", VIEWS, "view")
    if part == "about":
        st.html(facts({key.capitalize(): told[key] for key in ("schema", "owner", "steward") if told[key]}))
    if part == "compare":
        compare.versions(client, f"/schemas/{name}/comparison", list(versions))
        return
    names = {number: f"{number}, used by {len(each['users'])}" for number, each in versions.items()}
    version = versions[choice("Version", names, "version", NARROW_PX)]
    if part == "impact":
        compare.impact(client, name, version["version"])
        return
    document = client.get(f"/schemas/{name}/{version['version']}")
    st.html(fields(document, f"Fields of {name} {version['version']}"))
    st.subheader("Contracts that are pinned to it", anchor=False)
    if not version["users"]:
        st.caption("None is pinned to this version.")
    for user in version["users"]:
        contract, number = user.rsplit("@", 1)
        st.page_link(
            PAGES["Catalog"],
            label=f"{contract} {number}",
            icon=":material/contract:",
            query_params=carried(contract=contract, version=number),
        )
    text = json.dumps(document, indent=2, ensure_ascii=False)
    file = f"{name}-{version['version']}.json"
    st.download_button("Download", text, file, "application/schema+json", icon=":material/download:")
