"""The dashboards: `streamlit run dashboards/app.py` with WAYBILL_URL and WAYBILL_TOKEN in the environment."""

from __future__ import annotations

import streamlit as st

from dashboards.page.frame import PAGES

st.set_page_config(page_title="Waybill", page_icon=":material/local_shipping:", layout="wide")
st.navigation(
    [
        st.Page(PAGES["Overview"], title="Overview", icon=":material/dashboard:", default=True),
        st.Page(PAGES["Transactions"], title="Transactions", icon=":material/account_tree:"),
    ],
    position="top",
).run()
