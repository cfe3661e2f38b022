"""Overview: one sentence and the declared figures, each with denominator, as-of time, course and what is behind it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.client import Client
from dashboards.page.frame import PAGES, as_of, carried, narrowing, readable, run
from dashboards.view import figure

COLUMNS = 3
REFRESH_S = 5


def show(client: Client) -> None:
    _figures(client, narrowing(client))


@st.fragment(run_every=REFRESH_S)
def _figures(client: Client, narrowed: dict[str, str]) -> None:
    with readable():
        _show_figures(client.get("/overview", **narrowed))


def _show_figures(document: dict[str, Any]) -> None:
    st.html(figure.sentence(document["sentence"]))
    figures = figure.ordered(document["figures"])
    if figures:
        st.html(figure.summary(figures))
    as_of(document)
    if not figures:
        st.info("No figure is declared. `waybill init` brings a set of them; apply it and this page fills.")
    for start in range(0, len(figures), COLUMNS):
        for column, item in zip(st.columns(COLUMNS), figures[start : start + COLUMNS], strict=False):
            with column, st.container(border=True, height="stretch", gap="xsmall"):
                _card(item, document["as_of_us"])


def _card(item: dict[str, Any], as_of_us: int) -> None:
    st.html(figure.card(item, as_of_us))
    if item.get("link"):
        st.page_link(
            PAGES[item["link"]["page"]],
            label="Show what is behind it",
            icon=":material/arrow_forward:",
            query_params=carried(**item["link"]["query"]),
            help=item.get("definition"),
        )


if __name__ == "__main__":
    run("Overview", show)
