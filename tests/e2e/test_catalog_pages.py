"""A proposal in a real browser: its plan, a rejection without a word refused, approved, published, compared."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from controlplane.process import Process
from tests.controlplane.cli.conftest import start_control_plane
from tests.controlplane.comparison.test_comparison import GOVERNANCE, files, second
from tests.e2e.stack import free_port
from tests.e2e.test_pages import ARGUMENTS, OVERFLOW_PX
from tests.e2e.test_sign_in import wait_for

SHOWN_MS = 30_000
SMALL = """() => [...document.querySelectorAll(
  '[data-testid="stButtonGroup"] button, summary, [data-baseweb="select"]')]
  .map(part => part.getBoundingClientRect()).filter(box => box.height && box.height < 40).length"""


class Site(NamedTuple):
    pages: str  # whose reader is the steward
    api: httpx.Client  # as an admin
    architect: str  # token


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Site]:
    """A control plane with a contract and a schema in force, and pages; needs nothing without a browser."""
    tmp_path = tmp_path_factory.mktemp("catalog")
    governed = {"governance.yaml": GOVERNANCE, "schemas/parcel/schema.yaml": SCHEMA}
    processes: list[Process] = [start_control_plane(tmp_path)]
    try:
        url, port = processes[0].url, free_port()
        headers = {"authorization": f"Bearer {(tmp_path / 'admin-token').read_text().strip()}"}
        with httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=60, trust_env=False) as api:
            asked(api, "/workspace/apply", {"files": files(**governed)})
            steward = asked(api, "/tokens", {"name": "logistics-lead", "role": "steward"})["token"]
            architect = asked(api, "/tokens", {"name": "ada", "role": "architect"})["token"]
            argv = [sys.executable, "-m", "dashboards", "--url", url, "--port", str(port)]
            argv += ["--state-dir", str(tmp_path / "pages")]
            env = {"WAYBILL_TOKEN": steward}
            processes.append(Process.start("pages", argv, tmp_path / "pages.log", env=env))
            wait_for(f"http://127.0.0.1:{port}/_stcore/health", processes[-1])
            yield Site(f"http://127.0.0.1:{port}", api, architect)
    finally:
        for process in reversed(processes):
            process.stop()


SCHEMA = "schema: parcel\ntitle: Parcel\nowner: logistics\nsteward: logistics-lead\n"


def asked(api: httpx.Client, path: str, body: Any, **headers: str) -> Any:
    answer = api.post(path, json=body, headers=headers)
    assert answer.is_success, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    expect.set_options(timeout=SHOWN_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield launched
        launched.close()


def test_what_is_clicked_is_in_the_address_and_stays_there(site: Site, browser: Browser) -> None:
    """From the list by links only: tabs show the same contract, and the way back is the browser's, too."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(SHOWN_MS)
    page.goto(f"{site.pages}/catalog")
    page.get_by_role("link", name="Parcels", exact=True).click()
    expect(page).to_have_url(re.compile(r"/catalog\?contract=logistics\.parcels$"))
    page.get_by_role("radio", name="Compare versions").click()
    expect(page.get_by_text("nothing to compare it with")).to_be_visible()
    expect(page).to_have_url(re.compile(r"contract=logistics\.parcels&view=compare$"))
    page.go_back()
    expect(page.get_by_text("Who uses it", exact=True)).to_be_visible()
    page.get_by_role("link", name="All contracts").click()
    expect(page.get_by_text("1 of 1 contracts")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/catalog$"))
    page.get_by_role("button", name="Sign in as somebody else").click()
    page.get_by_label("Token").fill(site.architect)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("Signed in as ada (architect)")).to_be_visible()
    page.get_by_role("link", name="Parcels", exact=True).click()
    page.get_by_role("radio", name="Deprecate").click()
    expect(page.get_by_text("Sunset: until when it answers")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("Signed in as logistics-lead (steward)")).to_be_visible()


def test_a_proposal_is_read_approved_published_and_compared(site: Site, browser: Browser) -> None:
    governed = {"governance.yaml": GOVERNANCE, "schemas/parcel/schema.yaml": SCHEMA}
    body = {"files": second(files(**governed))}
    proposal = asked(site.api, "/workspace/apply", body, authorization=f"Bearer {site.architect}")["proposal"]
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    page.set_default_timeout(SHOWN_MS)
    page.goto(f"{site.pages}/approvals?proposal={proposal}")
    expect(page.get_by_test_id("New versions")).to_contain_text("logistics.parcels@2.0.0")
    expect(page.get_by_test_id("Contracts that use a changed schema")).to_contain_text("parcel@1.1.0")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("Say why it is rejected.")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text(re.compile(r"is published as generation \d+"))).to_be_visible()
    assert site.api.get(f"/approvals/{proposal}").json()["state"] == "published"
    page.goto(f"{site.pages}/catalog?contract=logistics.parcels&view=compare")
    expect(page.get_by_test_id("verdict")).to_contain_text("ask for a major version at least, which it is")
    proof = page.locator(".wb-witness").filter(has_text="1.0.0 takes it, 2.0.0 refuses it")
    expect(proof.first).to_be_visible()
    expect(page.locator(".wb-diff .wb-same:not(.wb-twin)").locator("visible=false")).to_have_count(0)
    fits(page)
    page.goto(f"{site.pages}/catalog?schema=parcel&view=impact&version=1.1.0")
    expect(page.locator("g.graph").locator("visible=true").first).to_be_visible()
    expect(page.get_by_test_id("Contracts that use it")).to_contain_text("logistics.parcels@1.0.0")
    fits(page)


def fits(page: Page) -> None:
    """On a phone nothing scrolls sideways, and what is tapped is 40 px high."""
    assert page.evaluate(OVERFLOW_PX) <= 0
    assert page.evaluate(SMALL) == 0
