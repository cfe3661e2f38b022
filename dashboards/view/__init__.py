"""Pure drawing: plain values of the API in, text (HTML, DOT, Markdown) out. Nothing here knows Streamlit."""
