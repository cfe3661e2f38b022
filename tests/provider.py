"""An OpenID provider on a real socket: discovery, keys, the authorization-code flow with a page on which one chooses
who one is. Keys rotate, the server stops and comes back on the same port."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt as pyjwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT = "waybill-pages"


class Provider:
    """`people` are claims by name; `asked` the paths that were asked for."""

    def __init__(self) -> None:
        self.people: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.configuration: dict[str, Any] = {}  # members that replace the true ones
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self._codes: dict[str, tuple[str, str]] = {}  # code -> (person, nonce)
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self.rotate("first")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def rotate(self, kid: str) -> None:
        """A new key; the ones before are published no longer."""
        self.keys = {kid: rsa.generate_private_key(public_exponent=65537, key_size=2048)}

    def token(self, person: str, **claims: Any) -> str:
        (kid,) = self.keys
        now = int(time.time())
        given = {"iss": self.url, "aud": CLIENT, "sub": f"id-of-{person}", "iat": now, "exp": now + 3_600}
        whole = {**given, **self.people.get(person, {}), **claims}
        return pyjwt.encode(whole, self.keys[kid], algorithm="RS256", headers={"kid": kid})

    def start(self) -> None:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._get(self)

            def do_POST(self) -> None:
                provider._post(self)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _get(self, handler: BaseHTTPRequestHandler) -> None:
        place = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(place.query).items()}
        self.asked.append(place.path)
        if place.path == "/.well-known/openid-configuration":
            _answer(handler, self._configuration())
        elif place.path == "/keys":
            _answer(handler, {"keys": [self._jwk(kid) for kid in self.keys]})
        elif place.path == "/authorize" and "as" not in query:
            links = [f'<a href="/authorize?{urlencode({**query, "as": name})}">{name}</a>' for name in self.people]
            _page(handler, "<h1>Who are you?</h1>" + " ".join(links))
        elif place.path == "/authorize":
            code = secrets.token_urlsafe()
            self._codes[code] = (query["as"], query.get("nonce", ""))
            handler.send_response(302)
            back = urlencode({"code": code, "state": query["state"]})
            handler.send_header("location", f"{query['redirect_uri']}?{back}")
            handler.end_headers()
        else:
            handler.send_error(404)

    def _post(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append(urlsplit(handler.path).path)
        body = handler.rfile.read(int(handler.headers["content-length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        person, nonce = self._codes.pop(form["code"])
        told = self.token(person, nonce=nonce)
        _answer(handler, {"access_token": secrets.token_urlsafe(), "id_token": told, "token_type": "Bearer"})

    def _configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/keys",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            **self.configuration,
        }

    def _jwk(self, kid: str) -> dict[str, Any]:
        public = pyjwt.algorithms.RSAAlgorithm.to_jwk(self.keys[kid].public_key(), as_dict=True)
        return {**public, "kid": kid, "use": "sig", "alg": "RS256"}


def _answer(handler: BaseHTTPRequestHandler, document: Any) -> None:
    _send(handler, "application/json", json.dumps(document).encode())


def _page(handler: BaseHTTPRequestHandler, text: str) -> None:
    _send(handler, "text/html", f"<!doctype html><title>Provider</title>{text}".encode())


def _send(handler: BaseHTTPRequestHandler, kind: str, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("content-type", kind)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def running() -> Iterator[Provider]:
    provider = Provider()
    provider.start()
    try:
        yield provider
    finally:
        provider.stop()
