"""Fetching an issuer's keys: from where the configuration says and nowhere else, and never more than a little."""

from __future__ import annotations

import asyncio
import gzip
import json
import time

import pytest

from catalog.errors import Unavailable
from gateway import jwks
from gateway.jwks import Fetched, fetch, trust
from gateway.tls import Tls, make_context
from policies.keyset import Issuer
from tests.gateway.certificate import Authority
from tests.gateway.idp import AUDIENCE, CONFIGURATION, http, running
from tests.gateway.origin import origin
from tests.gateway.state.sample import run


def issuer(idp, **where) -> Issuer:
    return Issuer(idp.url, AUDIENCE, ("ES256",), **(where or {"discovery": True}))


def refused(where, script=None, configuration=None) -> str:
    """The reason why a fetch from a misbehaving provider came to nothing."""
    reasons = []

    async def test():
        async with running("a") as idp:
            idp.script, idp.configuration = script, configuration or {}
            with pytest.raises(Unavailable) as error:
                await fetch(issuer(idp, **where(idp)), trust(b""))
            reasons.append(str(error.value))

    run(test)
    return reasons[0]


def by_url(idp):
    return {"jwks_url": f"{idp.url}/keys"}


def by_discovery(idp):
    return {"discovery": True}


def test_keys_by_url_and_by_discovery():
    """One request, or two: the configuration names the JWKS. Its max-age is told."""

    async def test():
        async with running("a") as idp:
            idp.cache_control = "public, max-age=120"
            assert await fetch(issuer(idp, **by_url(idp)), trust(b"")) == Fetched(idp.jwks(), 120.0)
            assert await fetch(issuer(idp), trust(b"")) == Fetched(idp.jwks(), 120.0)
            assert idp.asked == ["/keys", CONFIGURATION, "/keys"]

    run(test)


def test_the_issuer_s_server_is_known_by_its_ca(tmp_path):
    """With the CA of the configuration TLS stands; with the platform's it does not, and nothing is asked for."""

    async def test():
        authority = Authority(tmp_path)
        context = make_context(Tls(*authority.issue("localhost")))
        async with running("a", tls=context, host="localhost") as idp:
            ca = (tmp_path / "Test-CA.pem").read_bytes()
            assert (await fetch(issuer(idp), trust(ca))).jwks == idp.jwks()
            asked = len(idp.asked)
            with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
                await fetch(issuer(idp), trust(b""))
            assert len(idp.asked) == asked

    run(test)


@pytest.mark.parametrize("where", [by_url, by_discovery])
def test_a_redirect_is_not_followed(where):
    """Not even to the same host: a server that can be made to redirect would choose where the gateway asks."""

    async def script(path, writer):
        if path != "/elsewhere":
            writer.write(http(302, b"", {"location": "/elsewhere"}))
        return path != "/elsewhere"

    assert "answers 302" in refused(where, script)


def test_a_huge_answer_is_cut():
    """Bytes are counted as they come, whatever the server says about their number."""

    async def script(path, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(10_000):
            writer.write(b" " * 65_536)
            await writer.drain()
        raise AssertionError("everything was read")

    assert f"more than {jwks.MAX_BYTES} bytes" in refused(by_url, script)


def test_a_compressed_answer_is_refused():
    """Nothing is unpacked, so no small answer becomes a large one."""

    async def script(path, writer):
        writer.write(http(200, gzip.compress(b" " * 10_000_000), {"content-encoding": "gzip"}))
        return True

    assert "encoding" in refused(by_url, script)


def test_a_slow_answer_is_given_up(monkeypatch):
    """The limit is on the whole, so that a byte now and then does not keep it open."""
    monkeypatch.setattr(jwks, "FETCH_S", 0.5)

    async def script(path, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    started = time.monotonic()
    assert "within 0.5 s" in refused(by_url, script)
    assert time.monotonic() - started < 5


def test_the_configuration_must_be_the_issuer_s_own():
    """OpenID Connect Discovery 1.0 §4.3: its `issuer` is exactly the configured one."""
    assert "another issuer" in refused(by_discovery, configuration={"issuer": "https://evil.example"})


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data", "must be https"),
        ("https://evil.example/keys", "another host"),
        ("https://localhost:1/keys", "another host"),
        ("file:///etc/passwd", "no https URL"),
        ("https://user@127.0.0.1/keys", "user"),
        (["https://127.0.0.1/keys"], "no jwks_uri"),
    ],
)
def test_keys_lie_with_the_issuer_or_where_the_architect_said(uri, reason):
    """A provider that is taken over cannot send the gateway to other machines of the network."""
    assert reason in refused(by_discovery, configuration={"jwks_uri": uri})


def test_a_host_that_is_listed_may_hold_the_keys():
    """`jwks_hosts` names hosts beside the issuer's own."""

    async def test():
        async with running("a") as idp, running("b") as other:
            idp.configuration = {"jwks_uri": f"{other.url}/keys"}
            with pytest.raises(Unavailable, match="another host"):
                await fetch(issuer(idp), trust(b""))
            assert other.asked == []
            listed = other.url.removeprefix("http://")
            fetched = await fetch(issuer(idp, discovery=True, jwks_hosts=(listed,)), trust(b""))
            assert json.loads(fetched.jwks)["keys"][0]["kid"] == "b"

    run(test)


def test_no_proxy_of_the_environment_is_used(monkeypatch):
    """What the process's environment says cannot lead requests elsewhere."""

    async def test():
        async with origin(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}") as proxy, running("a") as idp:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
            assert (await fetch(issuer(idp), trust(b""))).jwks == idp.jwks()
            assert proxy.asked == []

    run(test)
