"""Bearer tokens: the one form that is accepted, and the attacks that broke others."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import warnings

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from catalog.errors import Invalid
from policies.builtin.jwt import Config, Issuer, Jwt
from tests.policies.calling import NOW_S, around, request

RSA = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
ALGORITHMS = {"RS256": RSA, "PS384": RSA, "ES256": EC, "EdDSA": ED}
CLAIMS = {"iss": "https://idp", "aud": "waybill", "sub": "ap", "exp": NOW_S + 60, "nbf": NOW_S - 60}


def jwk(key, kid, **more):
    kind = {rsa.RSAPrivateKey: "RSA", ec.EllipticCurvePrivateKey: "EC"}
    name = next((name for type_, name in kind.items() if isinstance(key, type_)), "OKP")
    algorithm = {
        "RSA": pyjwt.algorithms.RSAAlgorithm,
        "EC": pyjwt.algorithms.ECAlgorithm,
        "OKP": pyjwt.algorithms.OKPAlgorithm,
    }
    return {**algorithm[name].to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", **more}


JWKS = {"keys": [jwk(RSA, "rsa"), jwk(EC, "ec"), jwk(ED, "ed")]}
KIDS = {"RS256": "rsa", "PS384": "rsa", "ES256": "ec", "EdDSA": "ed"}


def policy(jwks=None, algorithms=("RS256", "PS384", "ES256", "EdDSA"), **more):
    config = Config(issuers=(Issuer("https://idp", "waybill", tuple(algorithms), "keys.json"),), **more)
    return Jwt.compile(config, around(files={"keys.json": json.dumps(jwks or JWKS).encode()}))


def token(claims=None, key=RSA, algorithm="RS256", headers=None):
    chosen = {name: value for name, value in {"kid": KIDS.get(algorithm), **(headers or {})}.items() if value}
    given = {name: value for name, value in {**CLAIMS, **(claims or {})}.items() if value is not None}
    return pyjwt.encode(given, key, algorithm=algorithm, headers=chosen)


def raw(header, claims, signature=b"x"):
    parts = [json.dumps(part).encode() for part in (header, claims)] + [signature]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def decide(policy_, token_, scheme="Bearer", now_s=NOW_S):
    return policy_.decide(request({"Authorization": f"{scheme} {token_}"}, started_s=now_s), {})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_asymmetric_signatures_are_accepted(algorithm):
    """RS, PS, ES and EdDSA tokens of a known issuer are the consumer they name."""
    decision = decide(policy(), token(key=ALGORITHMS[algorithm], algorithm=algorithm))
    assert (decision.identity.consumer.consumer, decision.identity.principal) == ("ap", "jwt:ap")


def test_a_remembered_token_ends_with_its_exp():
    """Verified once, a token is good until it expires and not longer."""
    checker, text = policy(leeway_s=0), token()
    assert decide(checker, text).identity is not None
    assert decide(checker, text, now_s=NOW_S + 59).identity is not None
    assert decide(checker, text, now_s=NOW_S + 60).status == 401


def hs_with_public_key():
    """The RS key's public half, as text, used as the secret of an HMAC."""
    secret = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    unsigned = raw({"alg": "HS256", "typ": "JWT", "kid": "rsa"}, CLAIMS).rpartition(".")[0]
    digest = hmac.digest(secret, unsigned.encode(), hashlib.sha256)
    return unsigned + "." + base64.urlsafe_b64encode(digest).decode().rstrip("=")


ATTACKS = {
    "none": lambda: raw({"alg": "none", "typ": "JWT"}, CLAIMS, b""),
    "None": lambda: raw({"alg": "None", "kid": "rsa"}, CLAIMS),
    "RS to HS": hs_with_public_key,
    "another key": lambda: token(key=OTHER),
    "unknown kid": lambda: token(headers={"kid": "nobody"}),
    "no kid, many keys": lambda: token(headers={"kid": None}),
    "kid is a path": lambda: token(headers={"kid": "../../etc/passwd"}),
    "kid is SQL": lambda: token(headers={"kid": "' OR 1=1 --"}),
    "kid of another type": lambda: token(headers={"kid": "ec"}),
    "jku": lambda: token(key=OTHER, headers={"jku": "https://evil.example/keys", "kid": "evil"}),
    "jwk inside": lambda: token(key=OTHER, headers={"jwk": jwk(OTHER, "evil"), "kid": "evil"}),
    "crit": lambda: token(headers={"crit": ["exp"]}),
    "crit unknown": lambda: token(headers={"crit": ["b64"], "b64": False}),
    "typ": lambda: token(headers={"typ": "logout+jwt"}),
    "issuer": lambda: token({"iss": "https://evil"}),
    "no issuer": lambda: token({"iss": None}),
    "audience": lambda: token({"aud": "other"}),
    "no audience": lambda: token({"aud": None}),
    "no subject": lambda: token({"sub": None}),
    "unknown subject": lambda: token({"sub": "nobody"}),
    "no exp": lambda: token({"exp": None}),
    "expired": lambda: token({"exp": NOW_S - 31}),
    "exp is not finite": lambda: token({"exp": 1e300}),
    "exp is true": lambda: token({"exp": True}),
    "not yet": lambda: token({"nbf": NOW_S + 31}),
    "JWE": lambda: "a.b.c.d.e",
    "two parts": lambda: "a.b",
    "too long": lambda: "a" * 9000 + ".b.c",
    "not base64": lambda: "###.###.###",
    "claims are a list": lambda: raw({"alg": "RS256", "kid": "rsa"}, []),
    "header is a list": lambda: raw([], CLAIMS),
    "cut signature": lambda: token()[:-10],
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_refused(attack):
    """Whatever is not exactly right is 401, and nothing of the token is said back."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = ATTACKS[attack]()
    decision = decide(policy(), text)
    assert (decision.kind, decision.status, decision.code) == ("reject", 401, "unauthenticated")
    assert text not in decision.detail


def test_only_the_listed_algorithms_count():
    """A good signature by an algorithm that the issuer was not given is refused."""
    assert decide(policy(algorithms=["ES256"]), token()).status == 401


def test_a_key_s_own_algorithm_binds_it():
    """A key that says RS256 verifies nothing else."""
    checker = policy({"keys": [jwk(RSA, "rsa", alg="RS256")]})
    assert decide(checker, token()).identity is not None
    assert decide(checker, token(key=RSA, algorithm="PS384")).status == 401


def test_leeway_covers_clocks_that_differ():
    """`exp` and `nbf` are taken with the leeway."""
    assert decide(policy(), token({"exp": NOW_S - 29})).identity is not None
    assert decide(policy(), token({"nbf": NOW_S + 29})).identity is not None


def test_other_schemes_are_left_alone():
    """What is no bearer token is for others to judge."""
    assert decide(policy(), "YTpi", scheme="Basic").kind == "allow"
    assert policy().decide(request(), {}).identity is None


def test_without_issuers_there_is_no_step():
    """A policy that accepts nobody costs nothing."""
    assert Jwt.compile(Config(), around()) is None


@pytest.mark.parametrize(
    "jwks",
    [
        {},
        {"keys": []},
        {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}]},
        {"keys": [{**jwk(RSA, "rsa"), "d": "AQAB"}]},
        {"keys": [{"kty": "RSA"}]},
        {"keys": "none"},
    ],
)
def test_bad_key_files_are_refused_at_load(jwks):
    """A JWKS that is missing, empty or holds secrets never gets as far as a call."""
    config = Config(issuers=(Issuer("https://idp", "waybill", ("RS256",), "keys.json"),))
    with pytest.raises(Invalid, match=r"keys\.json"):
        Jwt.compile(config, around(files={"keys.json": json.dumps(jwks).encode()}))
    with pytest.raises(Invalid, match=r"keys\.json"):
        Jwt.compile(config, around())


def test_weak_keys_are_refused_at_load():
    """RSA below 2,048 bits is not accepted."""
    weak = rsa.generate_private_key(65537, 1024)
    with pytest.raises(Invalid, match="2048"):
        policy({"keys": [jwk(weak, "rsa")]})
