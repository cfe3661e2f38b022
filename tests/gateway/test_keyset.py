"""Issuers' keys over real calls: rotated, removed, out of reach, kept over a restart; and who pays for a flood."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from contextlib import asynccontextmanager

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from catalog.errors import Invalid
from gateway.keyset import ASKED_AGAIN_S, WAIT_S, KeySets
from policies.builtin.jwt import Issuer
from tests.gateway import idp as provider
from tests.gateway.idp import AUDIENCE, http
from tests.gateway.rig import ORDER_BODY, consumer, rig, workspace_files
from tests.gateway.state.sample import run

POST = "/buying/v1/orders"


class Clock:
    """Wall clock and monotonic at once, moved by the test."""

    def __init__(self) -> None:
        self.now_s = time.time()

    def __call__(self) -> float:
        return self.now_s


class Site:
    """A gateway that trusts identity providers."""

    def __init__(self, gateway, key_sets, clock) -> None:
        self.gateway = gateway
        self.key_sets = key_sets
        self.clock = clock
        self._number = 0

    async def post(self, token: str) -> tuple[int, str]:
        """Status of a call with `token`, and the code of its refusal."""
        self._number += 1
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"k-{self._number}"}
        answer = await self.gateway.call("POST", POST, ORDER_BODY, key=None, headers=headers)
        return answer.status, "" if answer.status < 400 else answer.json()["type"].rpartition(":")[2]

    async def pass_s(self, seconds: float) -> None:
        """Let time pass; whatever is due is asked for and has answered."""
        self.clock.now_s += seconds
        await self.key_sets.step()
        asking = [source.fetching for source in self.key_sets._known() if source.fetching is not None]
        await asyncio.gather(*asking)


def issuers(*idps, **more):
    return {
        "name": "jwt",
        "policy": "jwt",
        "config": {
            "leeway_s": 0,
            "issuers": [
                {"issuer": idp.url, "audience": AUDIENCE, "algorithms": ["ES256", "RS256"], "discovery": True, **more}
                for idp in idps
            ],
        },
    }


@asynccontextmanager
async def site(path, *idps, clock=None, **more):
    """A gateway whose consumers are `ap` at the first provider and `reader` at the second."""
    clock = clock or Clock()
    key_sets = KeySets(path / "keys", clock=clock, monotonic=clock)
    files = {"policies__jwt": issuers(*idps, **more)}
    for name, idp in zip(("ap", "both"), idps, strict=False):
        files[f"consumers__{name}"] = consumer(name, ["north"], ["read", "write"]) | {
            "jwt": {"issuer": idp.url, "subject": name}
        }
    (path / "state").mkdir(exist_ok=True)
    async with rig(path / "state", workspace_files(**files), clock=clock, key_sets=key_sets) as gateway:
        await key_sets.first()
        try:
            yield Site(gateway, key_sets, clock)
        finally:
            await key_sets.close()


def test_a_rotated_key_is_accepted_at_its_first_token(tmp_path):
    """The call that names a new key waits for it to be fetched."""

    async def test():
        async with provider.running("a") as idp, site(tmp_path, idp) as it:
            assert await it.post(idp.token("a")) == (201, "")
            it.clock.now_s += ASKED_AGAIN_S
            idp.add("b")
            assert await it.post(idp.token("b")) == (201, "")
            assert await it.post(idp.token("a")) == (201, "")
            assert idp.jwks_asked() == 2
            records = await it.gateway.entries()
            assert [(each["principal"], each.get("code", "")) for each in records] == [("jwt:ap", "")] * 3
            assert not any(each.get("decisions") for each in records)

    run(test)


def test_a_removed_key_ends_with_the_next_refresh(tmp_path):
    """Also for tokens that were verified before; those of other keys stay remembered."""

    async def test():
        async with provider.running("a", "b") as idp, site(tmp_path, idp, max_age_s=60) as it:
            gone, staying = idp.token("a"), idp.token("b")
            assert [await it.post(gone), await it.post(staying)] == [(201, ""), (201, "")]
            idp.published = ["b"]
            assert await it.post(gone) == (201, "")
            await it.pass_s(60)
            assert await it.post(gone) == (401, "unauthenticated")
            assert await it.post(staying) == (201, "")
            idp.published = []
            await it.pass_s(60)
            assert await it.post(staying) == (401, "unauthenticated")

    run(test)


def test_keys_are_asked_for_ahead_of_their_age(tmp_path):
    """As often as configured, oftener when the answer's max-age is shorter; never without need."""

    async def test():
        async with provider.running("a") as idp, site(tmp_path, idp, max_age_s=600) as it:
            await it.pass_s(400)
            assert idp.jwks_asked() == 1
            idp.cache_control = "max-age=100"
            await it.pass_s(81)
            assert idp.jwks_asked() == 2
            await it.pass_s(81)
            assert idp.jwks_asked() == 3
            idp.cache_control = "max-age=0"
            await it.pass_s(81)
            await it.pass_s(1)
            assert idp.jwks_asked() == 4

    run(test)


def test_while_the_provider_is_away_its_keys_count_up_to_a_bound(tmp_path):
    """Then its tokens get 503, not 401: they may be good. The metric says so, and all is well once it is back."""

    async def test():
        async with (
            provider.running("a") as idp,
            site(tmp_path, idp, max_age_s=60, max_stale_s=3_600) as it,
        ):
            token = idp.token("a", exp=it.clock.now_s + 9_000)
            assert await it.post(token) == (201, "")
            await idp.stop()
            await it.pass_s(1_800)
            assert (it.key_sets.overdue(), it.key_sets.without_keys(), it.key_sets.failures) == (1, 0, 1)
            assert await it.post(token) == (201, "")
            await it.pass_s(1_801)
            assert it.key_sets.without_keys() == 1
            assert await it.post(token) == (503, "keys-unavailable")
            await idp.start()
            await it.pass_s(20)
            assert (it.key_sets.overdue(), it.key_sets.without_keys()) == (0, 0)
            assert await it.post(token) == (201, "")

    run(test)


def test_a_restart_with_the_provider_away_goes_on_with_the_keys_on_disk(tmp_path):
    """Up to the same bound, counted from when they were fetched."""

    async def test():
        clock = Clock()
        async with provider.running("a") as idp:
            token = idp.token("a", exp=clock.now_s + 9_000)
            async with site(tmp_path, idp, clock=clock, max_stale_s=3_600) as it:
                assert await it.post(token) == (201, "")
            await idp.stop()
            clock.now_s += 3_500
            async with site(tmp_path, idp, clock=clock, max_stale_s=3_600) as it:
                assert await it.post(token) == (201, "")
                clock.now_s += 101
                assert await it.post(token) == (503, "keys-unavailable")
            kept = next((tmp_path / "keys").iterdir())
            kept.write_bytes(b"{")
            async with site(tmp_path, idp, clock=clock, max_stale_s=3_600) as it:
                assert await it.post(token) == (503, "keys-unavailable")

    run(test)


def test_keys_on_disk_are_of_one_place(tmp_path):
    """Where the configuration names another JWKS, the keys of the old one count no more."""

    async def test():
        async with provider.running("a") as idp:
            async with site(tmp_path, idp) as it:
                assert await it.post(idp.token("a")) == (201, "")
            where = {"discovery": False, "jwks_url": "http://127.0.0.1:1/keys"}
            async with site(tmp_path, idp, **where) as it:
                assert await it.post(idp.token("a")) == (503, "keys-unavailable")

    run(test)


def test_a_flood_of_unknown_keys_asks_the_provider_once(tmp_path):
    """Whatever kids tokens name, and however many calls wait: one request in five seconds."""

    async def test():
        async with provider.running("a") as idp, site(tmp_path, idp) as it:
            it.clock.now_s += ASKED_AGAIN_S
            tokens = [idp.token("a", headers={"kid": f"evil-{number}"}) for number in range(50)]
            answers = await asyncio.gather(*(it.post(token) for token in tokens))
            assert set(answers) == {(401, "unauthenticated")}
            assert idp.jwks_asked() == 2
            assert await it.post(idp.token("a")) == (201, "")

    run(test)


def test_a_slow_provider_slows_nobody_else(tmp_path):
    """A call that needs a key of it waits two seconds at most; tokens of others and known keys do not."""

    async def test():
        async with (
            provider.running("a") as slow,
            provider.running("b") as quick,
            site(tmp_path, slow, quick) as it,
        ):
            assert await it.post(slow.token("a")) == (201, "")
            it.clock.now_s += ASKED_AGAIN_S

            async def script(path, writer):
                await asyncio.sleep(30)

            slow.script = script
            slow.add("new")
            started = time.monotonic()
            waiting = asyncio.create_task(it.post(slow.token("new")))
            await asyncio.sleep(0.05)
            assert await it.post(quick.token("b", subject="both")) == (201, "")
            assert await it.post(slow.token("a")) == (201, "")
            assert not waiting.done()
            assert time.monotonic() - started < WAIT_S
            assert await waiting == (401, "unauthenticated")
            assert WAIT_S - 0.5 < time.monotonic() - started < WAIT_S + 2

    run(test)


def test_a_remembered_token_ends_with_its_exp_whatever_its_keys_do(tmp_path):
    """Refreshes that change nothing keep it remembered, and do not prolong it."""

    async def test():
        async with provider.running("a") as idp, site(tmp_path, idp, max_age_s=60) as it:
            token = idp.token("a", exp=it.clock.now_s + 100)
            assert await it.post(token) == (201, "")
            await it.pass_s(60)
            assert await it.post(token) == (201, "")
            await it.pass_s(41)
            assert await it.post(token) == (401, "unauthenticated")

    run(test)


def hs256(header, claims, secret: bytes) -> str:
    """A token by the public key as an HMAC's secret, which PyJWT itself would not make."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    digest = hmac.digest(secret, b".".join(parts), "sha256")
    return b".".join([*parts, base64.urlsafe_b64encode(digest).rstrip(b"=")]).decode()


def forged(idp):
    """Tokens that must not be accepted, by what is wrong with them."""
    other = ec.generate_private_key(ec.SECP256R1())
    claims = {"iss": idp.url, "aud": AUDIENCE, "sub": "ap", "exp": time.time() + 600}
    public = idp.keys["rsa"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    evil = f"{idp.url}/evil"
    return {
        "none": pyjwt.encode(claims, None, algorithm="none", headers={"kid": "rsa"}),
        "RS to HS": hs256({"alg": "HS256", "typ": "JWT", "kid": "rsa"}, claims, public),
        "another key under the kid": pyjwt.encode(claims, other, algorithm="ES256", headers={"kid": "ec"}),
        "kid is a path": pyjwt.encode(claims, other, algorithm="ES256", headers={"kid": "../../keys/x"}),
        "kid is a URL": pyjwt.encode(claims, other, algorithm="ES256", headers={"kid": evil}),
        "jku": pyjwt.encode(claims, other, algorithm="ES256", headers={"kid": "evil", "jku": evil}),
        "x5u": pyjwt.encode(claims, other, algorithm="ES256", headers={"kid": "evil", "x5u": evil}),
        "crit": pyjwt.encode(claims, idp.keys["ec"], algorithm="ES256", headers={"kid": "ec", "crit": ["exp"]}),
    }


def test_forged_tokens_are_refused_and_lead_nowhere(tmp_path):
    """Nothing that a token says is ever fetched, and none gets in by a key that another algorithm belongs to."""

    async def test():
        async with provider.running("ec") as idp:
            idp.add("rsa", rsa.generate_private_key(65537, 2048))
            async with site(tmp_path, idp) as it:
                for name, token in forged(idp).items():
                    it.clock.now_s += ASKED_AGAIN_S
                    assert (name, *await it.post(token)) == (name, 401, "unauthenticated")
                assert set(idp.asked) == {provider.CONFIGURATION, "/keys"}
                assert await it.post(idp.token("rsa")) == (201, "")

    run(test)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"keys": {}}', b'{"keys": [1]}', b"[" * 100_000])
def test_what_is_no_jwks_changes_nothing(tmp_path, body):
    """The keys before it go on; it counts as an outage."""

    async def test():
        async with provider.running("a") as idp, site(tmp_path, idp, max_age_s=60) as it:

            async def script(path, writer):
                if path == "/keys":
                    writer.write(http(200, body))
                return path == "/keys"

            idp.script = script
            await it.pass_s(60)
            assert it.key_sets.failures == 1
            assert await it.post(idp.token("a")) == (201, "")

    run(test)


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ({}, "exactly one"),
        ({"jwks_file": "a.json", "discovery": True}, "exactly one"),
        ({"jwks_url": "http://idp.example/keys"}, "must be https"),
        ({"jwks_url": "ftp://idp.example/keys"}, "no https URL"),
        ({"jwks_url": "https://me@idp.example/keys"}, "no user"),
        ({"discovery": True}, "no https URL"),
    ],
)
def test_a_wrong_configuration_is_refused_when_it_is_read(where, reason):
    """Before anything is published."""
    with pytest.raises(ValueError, match=reason):
        Issuer("urn:idp", AUDIENCE, ("ES256",), **where)


def test_a_ca_that_is_none_is_refused():
    issuer = Issuer("https://idp.example", AUDIENCE, ("ES256",), discovery=True, ca_file="ca.pem")
    with pytest.raises(Invalid, match=r"ca\.pem is no PEM"):
        KeySets().source(issuer, b"nothing of the kind")
