"""The only door to the control plane: small cached GETs, and the few acts that pages offer. A page never sees a
connection, a status or a token."""

from __future__ import annotations

import hashlib
import os
from typing import Any, Protocol

import httpx
import streamlit as st

from dashboards import sign_in

TIMEOUT_S = 10
PROBLEMS = 5  # of a refusal that are told one by one
CACHE_S = 4  # several viewers, one question


class ClientError(Exception):
    """The control plane did not answer as hoped; the text is fit for a page."""


class SignInNeeded(ClientError):
    """No token, or one the control plane does not know or no longer."""


class Client(Protocol):
    """What pages need. Values are the API's JSON documents."""

    def get(self, path: str, **parameters: str | int) -> Any: ...

    def ask(self, path: str, body: Any) -> Any: ...

    def post(self, path: str, body: Any) -> Any: ...


class HttpClient:
    """Asks the control plane at `url` with a bearer `token`.

    Raises: SignInNeeded on 401, ClientError on anything else that is not an answer.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._client = httpx.Client(
            base_url=f"{url}/api/v1", headers={"authorization": f"Bearer {token}"}, timeout=TIMEOUT_S
        )
        self._key = (url, hashlib.sha256(token.encode()).hexdigest())  # answers are one reader's

    def get(self, path: str, **parameters: str | int) -> Any:
        return _cached(self, self._key, path, tuple(sorted(parameters.items())))

    def ask(self, path: str, body: Any) -> Any:
        """A question that takes a document: nothing is done by it, nothing remembered."""
        return self._ask("POST", path, json=body)

    def post(self, path: str, body: Any) -> Any:
        """Something is done: nobody's remembered answers hold any longer."""
        done = self._ask("POST", path, json=body)
        _cached.clear()
        return done

    def fetch(self, path: str, parameters: dict[str, str | int]) -> Any:
        return self._ask("GET", path, params=parameters)

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = self._client.request(method, path, **more)
        except httpx.HTTPError as error:
            raise ClientError(
                f"The control plane at {self.url} does not answer ({type(error).__name__}). "
                "Gateways go on without it; these pages need it."
            ) from error
        if answer.status_code == 401:
            raise SignInNeeded("The control plane does not accept this sign-in, or no longer.")
        if not answer.is_success:
            raise ClientError(_detail(answer))
        return answer.json()


@st.cache_data(ttl=CACHE_S, max_entries=500, show_spinner=False)
def _cached(_client: HttpClient, key: tuple[str, str], path: str, parameters: tuple[tuple[str, str | int], ...]) -> Any:
    return _client.fetch(path, dict(parameters))


def _detail(answer: httpx.Response) -> str:
    try:
        document = answer.json()
        told = [problem["message"] for problem in document.get("problems", ())]
        more = f"; and {len(told) - PROBLEMS} more" if len(told) > PROBLEMS else ""
        return ": ".join(filter(None, [str(document["detail"]), "; ".join(told[:PROBLEMS]) + more]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"The control plane answered {answer.status_code}."


@st.cache_resource(max_entries=50)
def _http_client(url: str, token: str) -> HttpClient:
    return HttpClient(url, token)


def connect() -> Client:
    """The client of this browser session: one put into the session (tests), else for whoever has signed in.

    Raises: SignInNeeded when nobody has.
    """
    given: Client | None = st.session_state.get("client")
    if given is not None:
        return given
    token = sign_in.current_token()
    if not token:
        raise SignInNeeded(
            "Sign in to see what concerns you."
            if sign_in.is_by_provider()
            else "Sign in with a token: `waybill token create NAME --role executive` makes one."
        )
    return _http_client(os.environ.get("WAYBILL_URL", "http://127.0.0.1:8600"), token)
