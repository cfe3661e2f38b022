"""Signing in to the pages at an OpenID provider, in a real browser: the control plane decides what each person sees."""

from __future__ import annotations

import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from controlplane.process import Process
from tests.e2e.test_pages import ARGUMENTS, SHOWN_MS
from tests.provider import CLIENT, Provider, running

START_S = 60
RULES = """
rules:
  - {claim: groups, value: finance, role: executive, entities: ["*"]}
  - {claim: groups, value: clinic, role: operator, entities: [clinic]}
"""


class Site(NamedTuple):
    pages: str
    provider: Provider


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Site]:
    """Provider, control plane and pages, each on its own port."""
    folder = tmp_path_factory.mktemp("sign-in")
    (folder / "rules.yaml").write_text(RULES)
    processes: list[Process] = []
    with running() as provider:
        provider.people = {
            "carla": {"groups": ["finance"], "email": "carla@example.org", "email_verified": True},
            "olli": {"groups": ["clinic"], "email": "olli@example.org", "email_verified": True},
            "eve": {"groups": ["visitors"], "email": "eve@example.org", "email_verified": True},
        }
        try:
            yield Site(start(folder, provider, processes), provider)
        finally:
            for process in reversed(processes):
                process.stop()


def start(folder: Path, provider: Provider, processes: list[Process]) -> str:
    """Address of the pages, once they answer."""
    argv = [sys.executable, "-m", "controlplane", "serve", "--data-dir", str(folder / "data")]
    argv += ["--port", "0", "--ready-file", str(folder / "ready.json"), "--admin-token-file", str(folder / "token")]
    argv += ["--oidc-issuer", provider.url, "--oidc-audience", CLIENT, "--oidc-rules", str(folder / "rules.yaml")]
    control = Process.start("control plane", argv, folder / "control.log", folder / "ready.json")
    processes.append(control)
    control.wait_ready(START_S)
    port = free_port()
    pages = [sys.executable, "-m", "dashboards", "--url", control.url, "--port", str(port)]
    pages += ["--state-dir", str(folder / "pages"), "--oidc-issuer", provider.url, "--oidc-client-id", CLIENT]
    environment = {"WAYBILL_OIDC_CLIENT_SECRET": "not needed by this provider", "WAYBILL_TOKEN": ""}
    processes.append(Process.start("pages", pages, folder / "pages.log", env={**os.environ, **environment}))
    address = f"http://127.0.0.1:{port}"
    wait_for(f"{address}/_stcore/health", processes[-1])
    return address


def wait_for(url: str, process: Process) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.is_running:
        try:
            if httpx.get(url, timeout=5, trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(process.log_tail())


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    expect.set_options(timeout=SHOWN_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A browser that nobody has signed in with."""
    context = browser.new_context()
    context.set_default_timeout(SHOWN_MS)
    yield context.new_page()
    context.close()


def sign_in(page: Page, site: Site, person: str) -> None:
    page.goto(site.pages)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name=person, exact=True).click()


def test_a_person_signs_in_and_is_who_the_provider_says(page: Page, site: Site) -> None:
    """Role and entities come from the control plane's rules; signing out leads back to the start."""
    sign_in(page, site, "carla")
    expect(page.get_by_text("Signed in as carla@example.org (executive), for all legal entities")).to_be_visible()
    expect(page.get_by_test_id("sentence")).to_have_text(re.compile(r"\w"))
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_two_people_see_each_their_own(page: Page, browser: Browser, site: Site) -> None:
    """What one may see is never served to another from a cache."""
    sign_in(page, site, "carla")
    expect(page.get_by_text("carla@example.org (executive)")).to_be_visible()
    other = browser.new_context()
    other.set_default_timeout(SHOWN_MS)
    second = other.new_page()
    sign_in(second, site, "olli")
    expect(second.get_by_text("Signed in as olli@example.org (operator), for clinic")).to_be_visible()
    page.reload()
    expect(page.get_by_text("carla@example.org (executive)")).to_be_visible()
    other.close()


def test_whom_no_rule_knows_sees_nothing_but_that(page: Page, site: Site) -> None:
    sign_in(page, site, "eve")
    expect(page.get_by_text("no rule gives a role")).to_be_visible()
    expect(page.get_by_test_id("sentence")).to_have_count(0)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_an_expired_sign_in_is_asked_for_again(page: Page, site: Site) -> None:
    """The cookie outlives the identity token; the control plane does not go by the cookie."""
    site.provider.people["olga"] = {"groups": ["finance"], "exp": int(time.time()) - 10}  # 20 s of leeway left
    sign_in(page, site, "olga")
    expect(page.get_by_text("Signed in as id-of-olga (executive)")).to_be_visible()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not page.get_by_role("button", name="Sign in").is_visible():
        page.reload()
        page.wait_for_timeout(1_000)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_test_id("sentence")).to_have_count(0)
