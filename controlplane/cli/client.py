"""The API as commands see it: JSON in, JSON out, every failure one of `catalog.errors`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from catalog.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    Unauthorized,
    Unavailable,
    WaybillError,
)

if TYPE_CHECKING:
    import httpx  # imported where it is used: most of what a command without a control plane would take to start

_ELSEWHERE = "start it (`waybill up`, `waybill serve`) or name another by --url or WAYBILL_URL"
_OTHER = "; give one that counts by --token or WAYBILL_TOKEN; an admin makes them: `waybill token create`"

MEANINGS: dict[int, type[WaybillError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: Invalid,
    422: Invalid,
}


class Client:
    """A caller of the control plane's REST API, to be used as a context manager.

    Raises: Invalid when address or token cannot be ones.
    """

    def __init__(self, url: str, token: str, timeout_s: float = 60.0) -> None:
        self.url = url.rstrip("/")
        if not _is_address(self.url):
            raise Invalid(f"{url!r} is not an address like http://127.0.0.1:8400")
        if not token.isascii() or not token.isprintable() or " " in token:
            raise Invalid("the token holds characters that no token has")
        import httpx

        self._http = httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"authorization": f"Bearer {token}"},
            timeout=timeout_s,
            trust_env=False,
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        return self._json("GET", path, params=_given(query))

    def get_text(self, path: str, **query: Any) -> bytes:
        return self._send("GET", path, params=_given(query)).content

    def post(self, path: str, body: Any, timeout_s: float | None = None) -> Any:
        """`timeout_s` for what takes longer than other calls."""
        return self._json("POST", path, json=body, **({} if timeout_s is None else {"timeout": timeout_s}))

    def post_lines(self, path: str, lines: bytes, **query: Any) -> Any:
        """Send NDJSON lines."""
        headers = {"content-type": "application/x-ndjson"}
        return self._json("POST", path, content=lines, headers=headers, params=_given(query))

    def delete(self, path: str) -> None:
        self._send("DELETE", path)

    def _json(self, method: str, path: str, **more: Any) -> Any:
        content = self._send(method, path, **more).content
        return msgspec.json.decode(content) if content else None

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        import httpx

        try:
            response = self._http.request(method, path, **more)
        except httpx.TimeoutException as error:
            raise Unavailable(f"the control plane at {self.url} did not answer in time") from error
        except httpx.TransportError as error:
            reason = re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
            raise Unavailable(f"cannot reach the control plane at {self.url}: {reason}; {_ELSEWHERE}") from error
        if response.is_error:
            raise _error(response, self.url)
        return response


def _is_address(url: str) -> bool:
    import httpx

    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parsed.scheme in ("http", "https") and bool(parsed.host)


def segment(text: str) -> str:
    """`text` as one segment of a path."""
    return quote(text, safe="")


def _given(query: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def _error(response: httpx.Response, url: str) -> WaybillError:
    """The error that a problem document means."""
    try:
        document = msgspec.json.decode(response.content, type=dict[str, Any])
        problems = msgspec.convert(document.get("problems", []), tuple[Problem, ...])
        detail = str(document["detail"])
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError):
        return Unavailable(f"{url} answered {response.status_code} without a problem document; is it Waybill?")
    if response.status_code == 401:
        detail += _OTHER
    return MEANINGS.get(response.status_code, Unavailable)(detail, problems)
