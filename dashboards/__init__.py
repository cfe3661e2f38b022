"""Streamlit pages over the control plane's API, nothing else.

`app` is the script Streamlit runs, `client` the only door to the control plane, `page/` one page a file, `view/` pure
drawing: plain values in, text out.
"""
