"""The dashboards: `python -m dashboards`, or `streamlit run dashboards/app.py` with WAYBILL_URL in
the environment."""

from __future__ import annotations

import streamlit as st

from dashboards.page.frame import PAGES

#: drawn here, since a named icon would be fetched from elsewhere
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="5" fill="#0b6e6e"/>'
    '<path d="M5 7l3 10 4-8 4 8 3-10" fill="none" stroke="#fff" stroke-width="2.2" stroke-linejoin="round"/></svg>'
)

st.set_page_config(page_title="Waybill", page_icon=ICON, layout="wide")
st.navigation(
    [st.Page(file, title=title, default=title == "Overview") for title, file in PAGES.items()],
    position="hidden",  # the pages draw their own, which stays in sight on a phone
).run()
