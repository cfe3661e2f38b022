"""Sign-in options of `waybill up`: what belongs together, and a whole stack that people of a provider sign in to."""

from __future__ import annotations

import importlib.util
import json
import re
import stat
import sys
import time
from pathlib import Path

import httpx
import psycopg
import pytest

from catalog.errors import Invalid
from controlplane.cli.sign_in import SECRET, SignIn
from controlplane.process import Process
from tests.controlplane.cli.conftest import REPOSITORY, run_waybill
from tests.postgres import Cluster
from tests.provider import CLIENT, running

ISSUER = "https://id.example"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text('rules:\n  - {claim: groups, value: finance, role: executive, entities: ["*"]}\n')
    return path


def test_nobody_signs_in_unless_it_is_asked_for() -> None:
    nothing = SignIn()
    nothing.check(has_pages=True)
    assert (nothing.control_plane(), nothing.pages()) == ([], [])


@pytest.mark.parametrize(
    ("given", "has_pages", "named"),
    [
        ({"client_id": CLIENT}, True, "--oidc-issuer"),
        ({"issuer": ISSUER}, False, "--oidc-rules"),
        ({"issuer": ISSUER, "rules": Path("rules.yaml")}, False, "--oidc-audience"),
        ({"issuer": ISSUER, "rules": Path("rules.yaml"), "audience": "x"}, True, "--oidc-client-id"),
        ({"issuer": ISSUER, "rules": Path("rules.yaml"), "client_id": CLIENT}, True, "--oidc-client-secret-file"),
        ({"issuer": ISSUER, "rules": Path("/nowhere.yaml"), "client_id": CLIENT}, False, "/nowhere.yaml is no file"),
    ],
)
def test_what_is_missing_is_named(monkeypatch, given, has_pages, named) -> None:
    monkeypatch.delenv(SECRET, raising=False)
    with pytest.raises(Invalid, match=re.escape(named)):
        SignIn(**given).check(has_pages)


def test_the_audience_is_the_pages_own_unless_it_is_another(rules: Path) -> None:
    """Both runtimes are told of one provider."""
    secret = rules.with_name("secret")
    secret.write_text("s")
    told = SignIn(ISSUER, "", rules, None, CLIENT, secret, "https://pages.example")
    told.check(has_pages=True)
    assert told.control_plane() == ["--oidc-issuer", ISSUER, "--oidc-audience", CLIENT, "--oidc-rules", str(rules)]
    assert told.pages() == [
        *("--oidc-issuer", ISSUER, "--oidc-client-id", CLIENT),
        *("--oidc-client-secret-file", str(secret), "--public-url", "https://pages.example"),
    ]
    assert "other" in SignIn(ISSUER, "other", rules, None, CLIENT, secret).control_plane()


def test_a_wrong_command_line_starts_nothing(tmp_path: Path) -> None:
    assert run_waybill("init", "shop", cwd=tmp_path).returncode == 0
    wrong = run_waybill("up", "shop", "--oidc-issuer", ISSUER, cwd=tmp_path)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "--oidc-rules" in wrong.stderr and "Traceback" not in wrong.stderr
    assert not (tmp_path / "shop/.waybill/controlplane").exists()


def test_people_sign_in_to_what_up_started_on_postgresql(tmp_path: Path, rules: Path, postgres: Cluster) -> None:
    """The provider's people are known to the API, the pages are its client, and both databases hold the state."""
    assert run_waybill("init", "shop", cwd=tmp_path).returncode == 0
    database, state = postgres.database(), postgres.database()
    with running() as provider:
        provider.people = {"carla": {"groups": ["finance"], "email": "carla@example.org", "email_verified": True}}
        argv = [sys.executable, "-m", "controlplane", "up", "shop", "--state-url", state, "--oidc-issuer", provider.url]
        argv += ["--oidc-client-id", CLIENT, "--oidc-rules", str(rules)]
        told = {"PYTHONPATH": str(REPOSITORY), SECRET: "any", "WAYBILL_DATABASE_URL": database}
        process = Process.start("up", argv, tmp_path / "up.log", env=told, cwd=tmp_path)
        try:
            log = _until_running(process)
            connection = json.loads((tmp_path / "shop/.waybill/connection.json").read_text())
            bearer = {"authorization": f"Bearer {provider.token('carla')}"}
            known = httpx.get(f"{connection['url']}/api/v1/whoami", headers=bearer, trust_env=False)
            assert (known.status_code, known.json()["role"]) == (200, "executive")
            if importlib.util.find_spec("streamlit") is None:
                assert "dashboards left out" in log
            else:
                pages = re.search(r"dashboards +(http://\S+)", log)[1]
                assert httpx.get(pages, trust_env=False).status_code == 200
                kept = tmp_path / "shop/.waybill/dashboards/secrets.toml"
                assert f'redirect_uri = "{pages}/oauth2callback"' in kept.read_text()
                assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        finally:
            assert process.stop(grace_s=30) == 0
    for url, table in ((database, "stream"), (state, "waybill_gateway.intent")):
        with psycopg.connect(url) as connected:
            assert connected.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone() == (True,)


def _until_running(process: Process) -> str:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.is_running:
        log = process.log_path.read_text()
        if "running until Ctrl-C" in log:
            return log
        time.sleep(0.1)
    raise AssertionError(process.log_path.read_text())
