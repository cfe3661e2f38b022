"""Sends the requests of a run: no redirect is followed, answers are bounded in size and time, credentials are added
here and known nowhere else."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec

from catalog.errors import Invalid
from controlplane.conformance.case import Case
from controlplane.conformance.run import NoAnswer
from policies.document import read_json
from policies.media import is_json_type
from policies.request import Response

MOST_BYTES = 4 * 1024 * 1024  # of an answer
_MOST_SHOWN = 2_000  # characters of a body in a command line
_ACCEPT = "application/json, application/problem+json;q=0.9, */*;q=0.1"
_PLAIN = {"accept": _ACCEPT, "accept-encoding": "identity", "user-agent": "waybill-contract-test"}


class Sender:
    """Calls one system. `headers` are whoever runs it's own, credentials among them; a context manager."""

    def __init__(self, target: str, headers: Mapping[str, str], timeout_s: float) -> None:
        self._target = target.rstrip("/")
        self._timeout_s = timeout_s
        self._is_reached = False
        self._own = {name.lower(): value for name, value in headers.items()}
        self._http = httpx.Client(timeout=timeout_s, trust_env=False, follow_redirects=False)

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def send(self, case: Case) -> Response:
        """The answer, its JSON read. Raises: NoAnswer; Invalid when nobody listened to the very first one."""
        content = b"" if not case.media else msgspec.json.encode(case.body)
        try:
            with self._http.stream(
                case.method, url(self._target, case), headers=self._headers(case), content=content or None
            ) as answer:
                self._is_reached = True
                headers = [(name.lower(), value) for name, value in answer.headers.raw]
                return _response(answer.status_code, headers, self._read(answer))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if not self._is_reached:
                raise Invalid(f"{self._target} cannot be reached: nothing was tested") from error
            raise NoAnswer("the system could not be reached any more") from error
        except httpx.TimeoutException as error:
            raise NoAnswer(f"none within {self._timeout_s:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoAnswer(f"the connection failed ({type(error).__name__})") from error

    def _headers(self, case: Case) -> list[tuple[str, str]]:
        """What the caller gives stands in place of what a case would send."""
        media = [("content-type", case.media)] if case.media else []
        made = [*_PLAIN.items(), *media, *((name.lower(), value) for name, value in case.headers)]
        return [*(pair for pair in made if pair[0] not in self._own), *self._own.items()]

    def _read(self, answer: httpx.Response) -> bytes:
        """The body, undecoded. Raises: NoAnswer when it is too long, or too slow."""
        until_s, content = time.monotonic() + self._timeout_s, b""
        for part in answer.iter_raw():
            content += part
            if len(content) > MOST_BYTES:
                raise NoAnswer(f"one of more than {MOST_BYTES} bytes was cut off")
            if time.monotonic() > until_s:
                raise NoAnswer(f"it was not complete within {self._timeout_s:g} s")
        return content


def _response(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Response:
    response = Response(status, headers, body)
    if body and is_json_type(response.media):
        response.document, response.flaw = read_json(body)
    return response


def url(target: str, case: Case) -> str:
    """The address of a request."""
    query = f"?{urlencode(case.query)}" if case.query else ""
    return f"{target.rstrip('/')}{case.path}{query}"


def curl(target: str, case: Case, own: Mapping[str, str]) -> str:
    """A command line that repeats a request, for a POSIX shell; `own` are the headers that the caller gave, of which
    the values are left out."""
    given = {name.lower() for name in own}
    headers: list[tuple[str, Any]] = [("Content-Type", case.media)] if case.media else []
    headers += [(name, value) for name, value in case.headers if name.lower() not in given]
    headers += [(name, "…") for name in own]
    words = ["curl", "-i", *(["-X", case.method] if case.method != "GET" else [])]
    for name, value in headers:
        words += ["-H", f"{name}: {value}"]
    if case.media:
        text = msgspec.json.encode(case.body).decode()
        words += ["--data", text if len(text) <= _MOST_SHOWN else f"…{len(text)} characters, left out"]
    return " ".join(_quoted(word) for word in [*words, url(target, case)])


def _quoted(word: str) -> str:
    return word if re.fullmatch(r"[\w./:=?&%+~-]+", word) and "?" not in word and "&" not in word else shlex.quote(word)
