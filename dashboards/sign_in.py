"""How readers prove who they are: at an OpenID provider through Streamlit's own flow, with a token that they paste, or
with the token that the environment holds (the demo). Whatever it is goes to the control plane, which decides."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import NamedTuple

import streamlit as st

TOKEN = "WAYBILL_TOKEN"  # noqa: S105 - the name of a variable
WAY = "WAYBILL_SIGN_IN"  # "oidc", or unset
SESSION_KEY = "token"


class Provider(NamedTuple):
    """An OpenID provider that knows these pages as a client."""

    issuer: str
    client_id: str
    client_secret: str


def secrets_toml(provider: Provider, public_url: str, cookie_secret: str) -> str:
    """What Streamlit's sign-in reads. `public_url` is where browsers find the pages.

    The identity token is exposed to the pages' own process, which passes it on; browsers never get it but in a signed
    cookie. The provider is not asked to select an account anew (`prompt`), so that an expired sign-in is renewed by
    one click. Source: Streamlit, secrets.toml, `[auth]`.
    """
    values = {
        "redirect_uri": f"{public_url.rstrip('/')}/oauth2callback",
        "cookie_secret": cookie_secret,
        "expose_tokens": "id",
        "client_id": provider.client_id,
        "client_secret": provider.client_secret,
        "server_metadata_url": f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration",
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    return "\n".join(["[auth]", *lines, 'client_kwargs = { scope = "openid profile email", prompt = "" }', ""])


def write_secrets(state_dir: Path, provider: Provider, public_url: str) -> Path:
    """The file, 0600. The cookies' secret is made once, so that a restart signs nobody out."""
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = state_dir / "cookie-secret"
    if not kept.exists():
        _write(kept, secrets.token_urlsafe(32))
    path = state_dir / "secrets.toml"
    _write(path, secrets_toml(provider, public_url, kept.read_text()))
    return path


def is_by_provider() -> bool:
    return os.environ.get(WAY) == "oidc"


def current_token() -> str:
    """What this reader is known by at the control plane; "" before anybody has signed in."""
    if is_by_provider():
        return str(st.user.tokens.get("id", "")) if st.user.is_logged_in else ""
    return str(st.session_state.get(SESSION_KEY) or os.environ.get(TOKEN, ""))


def offer(reason: str) -> None:
    """The way in, and why it is needed."""
    st.title("Waybill", anchor=False)
    st.info(reason)
    if is_by_provider():
        st.button("Sign in", type="primary", on_click=st.login)
        return
    _form("sign-in")
    if st.session_state.get(SESSION_KEY) and os.environ.get(TOKEN):
        st.button("Back to the shared sign-in", on_click=_forget, type="tertiary")


def _form(key: str) -> None:
    with st.form(key, width=480, border=False):
        token = st.text_input("Token", type="password")
        if st.form_submit_button("Sign in") and token:
            st.session_state[SESSION_KEY] = token.strip()
            st.rerun()


def _forget() -> None:
    st.session_state.pop(SESSION_KEY, None)


def offer_end() -> None:
    """The way out; where everybody shares the environment's token, the way to be oneself and back."""
    if is_by_provider():
        st.button("Sign out", on_click=st.logout, type="tertiary")
    elif st.session_state.get(SESSION_KEY):
        st.button("Sign out", on_click=_forget, type="tertiary")
    elif os.environ.get(TOKEN):
        with st.popover("Sign in as somebody else", type="tertiary"):
            _form("sign-in-other")


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
