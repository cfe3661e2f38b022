"""People who sign in at an OpenID provider: its tokens are checked by its published keys, and only rules grant."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import jwt as pyjwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from litestar.testing import TestClient

from catalog.errors import Invalid, Unavailable
from controlplane.app import create_app
from controlplane.identity import jwks
from controlplane.identity.oidc import SignIn, read_rules
from controlplane.identity.provider import sign_in_of
from controlplane.settings import Settings
from policies.keyset import Issuer
from tests.controlplane.conftest import Api, is_problem
from tests.provider import CLIENT, Provider, running

RULES = """
groups: /realm/groups
rules:
  - {claim: /realm/groups, value: waybill-admins, role: admin, entities: ["*"]}
  - {claim: /realm/groups, value: lakeside-finance, role: operator, entities: [lakeside]}
  - {claim: email, value: stella@example.org, role: steward, entities: ["*"]}
"""


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running() as started:
        started.people = {
            "ada": {"realm": {"groups": ["waybill-admins"]}, "email": "ada@example.org", "email_verified": True},
            "leo": {"realm": {"groups": ["lakeside-finance"]}},
            "stella": {"email": "stella@example.org", "email_verified": True},
            "mallory": {"email": "stella@example.org", "email_verified": False, "name": "stella@example.org"},
        }
        yield started


@pytest.fixture
def settings(tmp_path, provider) -> Settings:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    return Settings(tmp_path, oidc_issuer=provider.url, oidc_audience=CLIENT, oidc_rules=rules)


@pytest.fixture
def elapsed() -> list[float]:
    """Seconds that the keys' clock has moved on."""
    return [0.0]


@pytest.fixture
def oidc(context, settings, elapsed) -> Iterator[Api]:
    """The application, whose people may sign in; its clock is the machine's, as the provider's is."""
    sign_in = sign_in_of(settings)
    fetch = sign_in.keys._fetch
    keys = jwks.Keys(sign_in.issuer, fetch, lambda: time.monotonic() + elapsed[0])
    signing_in = replace(context, clock=lambda: time.time_ns() // 1_000, sign_in=sign_in._replace(keys=keys))
    with TestClient(create_app(signing_in)) as client:
        yield Api(client, signing_in)


def test_the_first_rule_that_fits_gives_role_and_entities(oidc, provider) -> None:
    """A person is issuer and subject; the verified address is the name, groups are what stewards may be named by."""
    ada = oidc.get("/whoami", token=provider.token("ada")).json()
    assert (ada["role"], ada["name"], ada["sees"]) == ("admin", "ada@example.org", None)
    assert ada["id"] == f"oidc:{provider.url}|id-of-ada"
    leo = oidc.get("/whoami", token=provider.token("leo")).json()
    assert (leo["role"], leo["name"], leo["entities"], leo["sees"]) == (
        "operator",
        "id-of-leo",
        ["lakeside"],
        ["lakeside"],
    )
    assert is_problem(oidc.get("/tokens", token=provider.token("leo")), 403, "forbidden")
    assert oidc.get("/tokens", token=provider.token("ada")).status_code == 200


def test_nothing_is_granted_without_a_rule(oidc, provider) -> None:
    """Also not by an address that was not verified, or a name that a person may choose."""
    assert oidc.get("/whoami", token=provider.token("stella")).json()["role"] == "steward"
    for person in ("mallory", "nobody"):
        assert is_problem(oidc.get("/whoami", token=provider.token(person)), 403, "forbidden")


def _unsigned(provider: Provider) -> str:
    return pyjwt.encode({"iss": provider.url, "aud": CLIENT, "sub": "x", "exp": 4e9}, key=None, algorithm="none")


def _symmetric(provider: Provider) -> str:
    """Signed with a text that everybody has."""
    claims = {"iss": provider.url, "aud": CLIENT, "sub": "x", "exp": 4e9, "realm": {"groups": ["waybill-admins"]}}
    return pyjwt.encode(claims, provider.url.ljust(40), algorithm="HS256", headers={"kid": "first"})


def _strange_key(provider: Provider) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = {"iss": provider.url, "aud": CLIENT, "sub": "x", "exp": 4e9, "realm": {"groups": ["waybill-admins"]}}
    return pyjwt.encode(claims, key, algorithm="RS256", headers={"kid": "first"})


@pytest.mark.parametrize(
    "forge",
    [
        lambda provider: provider.token("ada", iss="http://elsewhere"),
        lambda provider: provider.token("ada", aud="another-client"),
        lambda provider: provider.token("ada", exp=int(time.time()) - 60),
        lambda provider: provider.token("ada", nbf=int(time.time()) + 600),
        lambda provider: provider.token("ada", exp="soon"),
        lambda provider: provider.token("ada") + "x",
        lambda provider: provider.token("ada", filler="x" * 20_000),
        lambda provider: "a.b.c",
        _unsigned,
        _symmetric,
        _strange_key,
    ],
)
def test_a_token_that_is_not_the_issuers_or_holds_no_more_is_refused(oidc, provider, forge) -> None:
    assert is_problem(oidc.get("/whoami", token=forge(provider)), 401, "unauthorized")


def test_tokens_of_ours_go_on_working(oidc) -> None:
    assert oidc.get("/whoami", role="steward").status_code == 200


def test_keys_are_fetched_once_and_again_for_a_new_one(oidc, provider, elapsed) -> None:
    """A rotation is followed at once, at most every five seconds however many unknown keys come."""
    before = provider.token("ada")
    for _ in range(3):
        assert oidc.get("/whoami", token=before).status_code == 200
    assert provider.asked.count("/keys") == 1
    provider.rotate("second")
    after = provider.token("ada")
    assert is_problem(oidc.get("/whoami", token=after), 401, "unauthorized")
    elapsed[0] += jwks.ASKED_AGAIN_S
    assert oidc.get("/whoami", token=after).status_code == 200
    assert is_problem(oidc.get("/whoami", token=before), 401, "unauthorized")
    assert provider.asked.count("/keys") == 2


def test_while_the_issuer_is_down_its_last_keys_count_for_a_stated_time(oidc, provider, settings, elapsed) -> None:
    """Then nobody comes in, and it says 503; when it is back, so are they."""
    token = provider.token("ada", exp=int(time.time()) + 1_000_000)
    assert oidc.get("/whoami", token=token).status_code == 200
    provider.stop()
    elapsed[0] += settings.oidc_max_stale_s - 60
    assert oidc.get("/whoami", token=token).status_code == 200
    elapsed[0] += 61
    assert is_problem(oidc.get("/whoami", token=token), 503, "unavailable")
    assert oidc.get("/whoami", role="admin").status_code == 200
    provider.start()
    elapsed[0] += jwks.ASKED_AGAIN_S
    assert oidc.get("/whoami", token=token).status_code == 200


def test_keys_outlive_a_restart_while_the_issuer_is_down(settings, provider) -> None:
    """For what is left of their time, not a moment longer; those of another issuer, or what cannot be read, are left
    aside, and the start goes on."""
    path = settings.data_dir / "sign-in-keys.json"
    now_s = [1_700_000_000.0]
    header = pyjwt.get_unverified_header(provider.token("ada"))
    issuer = sign_in_of(settings).issuer
    fetch = sign_in_of(settings).keys._fetch

    def started(at_s: float, of: Issuer = issuer) -> jwks.Keys:
        now_s[0] = at_s
        return jwks.Keys(of, fetch, clock=lambda: now_s[0], path=path)

    fetched_s = now_s[0]
    assert started(fetched_s).find(header) is not None
    assert path.stat().st_mode & 0o077 == 0
    provider.stop()
    elsewhere = msgspec.structs.replace(issuer, issuer="http://127.0.0.1:9")
    for keys in (
        started(fetched_s + settings.oidc_max_stale_s),
        started(fetched_s - 1),  # the machine's clock was put back: their age is not known
        started(fetched_s + 60, elsewhere),
    ):
        with pytest.raises(Unavailable):
            keys.find(header)
    assert started(fetched_s + settings.oidc_max_stale_s - 60).find(header) is not None
    path.write_text("{")
    with pytest.raises(Unavailable):
        started(fetched_s + 60).find(header)


@pytest.mark.parametrize(
    "members", [{"issuer": "http://elsewhere"}, {"jwks_uri": "http://example.org/keys"}, {"jwks_uri": 7}]
)
def test_a_configuration_that_points_elsewhere_gives_no_keys(oidc, provider, members) -> None:
    """Another issuer's document, or keys on a host that is not the issuer's."""
    provider.configuration = members
    assert is_problem(oidc.get("/whoami", token=provider.token("ada")), 503, "unavailable")


@pytest.mark.parametrize(
    "text",
    ["", "rules: []", "rules: [{claim: groups, value: x, role: king, entities: ['*']}]", "rules: [{claim: a}]", "{"],
)
def test_rules_that_are_not_valid_stop_the_start(tmp_path, text: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(Invalid) as refused:
        read_rules(path)
    assert refused.value.problems


def test_an_issuer_needs_audience_and_rules(tmp_path) -> None:
    """Nothing is granted by default, so a half configuration is none."""
    with pytest.raises(Invalid, match="needs --oidc-audience and --oidc-rules"):
        sign_in_of(Settings(tmp_path, oidc_issuer="https://id.example.org"))
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    with pytest.raises(Invalid, match="must be https"):
        sign_in_of(Settings(tmp_path, oidc_issuer="http://id.example.org", oidc_audience="a", oidc_rules=rules))
    complete = Settings(tmp_path, oidc_issuer="https://id.example.org", oidc_audience="a", oidc_rules=rules)
    assert isinstance(sign_in_of(complete), SignIn)
    assert sign_in_of(Settings(tmp_path)) is None


def test_a_steward_is_named_by_a_group(oidc, provider) -> None:
    """Approvals reach whoever is in the group that a contract's steward names."""
    from tests.controlplane.approval.test_approval import decide, files

    steward = partial(files, steward="lakeside-finance")
    assert oidc.post("/workspace/apply", {"files": steward()}).status_code == 200
    proposal = oidc.post("/workspace/apply", {"files": steward(title="Other")}, "architect").json()["proposal"]
    provider.people["gus"] = {"realm": {"groups": ["waybill-admins", "lakeside-finance"]}}
    assert decide(oidc, provider.token("gus"), proposal).json()["state"] == "published"
