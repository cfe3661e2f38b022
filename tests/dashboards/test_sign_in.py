"""Files of the sign-in: complete, secret, the same secret after a restart."""

from __future__ import annotations

import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dashboards.sign_in import Provider, secrets_toml, write_secrets
from tests.dashboards.fake import FakeClient
from tests.dashboards.test_page import open_page

PROVIDER = Provider("https://id.example.org/", "pages", 'a "quoted" \\ secret')


def test_the_secrets_hold_what_the_flow_needs():
    """Any text survives the file format."""
    told = tomllib.loads(secrets_toml(PROVIDER, "https://waybill.example.org/", "c"))["auth"]
    assert told["redirect_uri"] == "https://waybill.example.org/oauth2callback"
    assert told["server_metadata_url"] == "https://id.example.org/.well-known/openid-configuration"
    assert (told["client_secret"], told["expose_tokens"]) == (PROVIDER.client_secret, "id")


def test_files_are_for_their_owner_and_cookies_outlive_a_restart(tmp_path: Path):
    first = write_secrets(tmp_path / "state", PROVIDER, "http://127.0.0.1:1").read_text()
    path = write_secrets(tmp_path / "state", PROVIDER, "http://127.0.0.1:1")
    assert path.read_text() == first
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "state").iterdir()} == {0o600}


def test_who_shares_a_sign_in_can_be_himself_and_go_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WAYBILL_TOKEN", "shared")
    test = open_page("catalog", FakeClient(), contract="payables.invoices")
    next(box for box in test.text_input if box.label == "Token").input(" own ")
    next(button for button in test.button if button.label == "Sign in").click().run()
    assert test.session_state["token"] == "own"
    next(button for button in test.button if button.label == "Sign out").click().run()
    assert "token" not in test.session_state
    assert "Sign in" in [button.label for button in test.button]


def test_half_a_provider_is_refused_with_the_remedy():
    """One readable message, exit status 2."""
    argv = [sys.executable, "-m", "dashboards", "--url", "http://127.0.0.1:1", "--oidc-issuer", "https://id"]
    ended = subprocess.run(argv, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "needs --oidc-client-id" in ended.stderr and "Traceback" not in ended.stderr
