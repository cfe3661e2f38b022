"""The pages in a real browser over the running demo: from the figures to a purchase order and its payment."""

from __future__ import annotations

import hashlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dashboards.view.chain import step

START_S = 90
PAID_S = 90
SHOWN_MS = 20_000
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
ADDRESSES = {name: re.compile(rf"^{name} +(http\S+)$", re.M) for name in ("control plane", "dashboards")}
TOKEN = re.compile(r"(wbt_\S+)")
PATH = {"requisition", "purchase_order", "receipt", "invoice", "payment"}
LATEST = 100  # payments looked at
OVERFLOW_PX = """() => Math.max(...[document.documentElement, document.querySelector('[data-testid="stMain"]')]
  .map(part => part.scrollWidth - part.clientWidth))"""


class Demo(NamedTuple):
    """A running demo: where its pages are, and its API."""

    pages: str
    api: httpx.Client

    def get(self, path: str, **parameters: Any) -> Any:
        return self.api.get(path, params=parameters).raise_for_status().json()


def wait_for(what: Callable[[], Any], limit_s: float, say: Callable[[], str]) -> Any:
    """The first true answer; fails with what `say` tells when there is none in time."""
    deadline = time.monotonic() + limit_s
    while not (found := what()):
        assert time.monotonic() < deadline, say()
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Demo]:
    """`waybill demo` as a person starts it; needs nothing when there is no browser to look with."""
    folder = tmp_path_factory.mktemp("pages")
    output = folder / "output"
    argv = [sys.executable, "-m", "controlplane", "demo", "--rate", "10", "--seed", "7"]
    with output.open("wb") as file:
        process = subprocess.Popen([*argv, "--run-dir", str(folder / "run")], stdout=file, stderr=subprocess.STDOUT)
    try:
        pages, url, token = wait_for(lambda: announced(process, output), START_S, output.read_text)
        headers = {"authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"{url}/api/v1", headers=headers, timeout=30, trust_env=False) as api:
            wait_for(lambda: is_up(pages), START_S, output.read_text)
            yield Demo(pages, api)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        finally:
            process.kill()  # does nothing when it has ended
            process.wait(10)


def announced(process: subprocess.Popen[bytes], output: Path) -> tuple[str, str, str] | None:
    """Addresses and token as the demo prints them."""
    text = output.read_text()
    assert process.poll() is None, text
    found = [pattern.search(text) for pattern in (ADDRESSES["dashboards"], ADDRESSES["control plane"], TOKEN)]
    pages, url, token = (match[1] if match else "" for match in found)
    return (pages, url, token) if pages and url and token else None


def is_up(pages: str) -> bool:
    try:
        return httpx.get(f"{pages}/_stcore/health", timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    expect.set_options(timeout=SHOWN_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield launched
        launched.close()


def paid_order(demo: Demo) -> dict[str, Any] | None:
    """The chain of a purchase order that went all the way, and whose number is used once."""
    for item in demo.get("/exchanges", type="payment", limit=LATEST)["items"]:
        if item["event"] != "payment.confirmed":
            continue
        chain = demo.get("/lineage/chain", **item["object"])
        orders = [one["object"] for one in chain["objects"] if one["object"]["type"] == "purchase_order"]
        if {one["object"]["type"] for one in chain["objects"]} >= PATH and len(orders) == 1:
            found = demo.get("/lineage/search", q=orders[0]["value"])["items"]
            if [one["object"] for one in found] == orders:
                whole: dict[str, Any] = demo.get("/lineage/chain", **orders[0])
                return whole
    return None


def opened(browser: Browser, width: int) -> tuple[Page, set[str]]:
    """A page of that width, and the hosts it asks, filled as it does."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(SHOWN_MS)
    hosts: set[str] = set()

    def remember(url: str) -> None:
        if name := urlsplit(url).hostname:  # inline data has none
            hosts.add(name)

    page.on("request", lambda request: remember(request.url))
    return page, hosts


def read_figures(page: Page, figures: list[dict[str, Any]]) -> None:
    """The sentence, and every figure with value, state, denominator and window."""
    expect(page.get_by_test_id("sentence")).to_have_text(re.compile(r"\w.*\.$"))
    assert len(figures) == 9
    for figure in figures:
        card = page.locator(f'[data-card="{figure["id"]}"]')
        expect(card).to_contain_text(figure["title"])
        expect(card.locator(".wb-value")).to_have_text(re.compile(r"\d|–"))
        expect(card.locator(".wb-state")).to_have_text(re.compile("on track|watch|at risk|no data"))
        expect(card).to_contain_text(figure["denominator_label"].split("“")[0])
        expect(card).to_contain_text(figure["window"])


def test_from_the_figures_to_an_order_and_its_payment(demo: Demo, browser: Browser) -> None:
    """What the page shows of the payment's step is what the API and the audit stream hold; nothing comes from
    another machine."""
    chain = wait_for(lambda: paid_order(demo), PAID_S, lambda: "no purchase order was paid")
    page, hosts = opened(browser, 1440)
    page.goto(demo.pages)
    figures = demo.get("/overview")["figures"]
    read_figures(page, figures)

    card = page.locator(f'[data-card="{figures[0]["id"]}"]')
    page.get_by_test_id("stColumn").filter(has=card).get_by_role("link", name="Show what is behind it").click()
    expect(page.get_by_role("heading", name="Transactions")).to_be_visible()
    expect(page).to_have_url(re.compile(re.escape(urlencode(figures[0]["link"]["query"]))))
    expect(page.get_by_role("button", name="Clear all filters")).to_be_visible()

    order = chain["root"]
    page.get_by_role("textbox", name="Business key").fill(order["value"])
    page.get_by_role("textbox", name="Business key").press("Enter")
    expect(page.get_by_role("heading", name=f"Purchase order {order['value']}")).to_be_visible()
    known = [event["exchange_id"] for event in chain["events"]]
    steps = page.get_by_test_id("timeline").locator("li")
    expect(steps.nth(len(known) - 1)).to_be_visible()
    shown = [line.get_attribute("data-exchange") for line in steps.all()]
    assert [name for name in shown if name in known] == known  # more may have happened since
    graph = page.locator(".st-key-graph-across g.graph")
    for item in chain["objects"]:
        expect(graph).to_contain_text(item["object"]["value"])
    first_seen = list(dict.fromkeys(event["object"]["type"] for event in chain["events"]))
    assert [first_seen[0], first_seen[1], first_seen[-1]] == ["requisition", "purchase_order", "payment"]

    payment = next(event for event in chain["events"] if event["object"]["type"] == "payment")
    choice = page.get_by_role("combobox", name="Step")
    choice.click()
    choice.fill(step(payment))
    page.get_by_role("option", name=step(payment)).click()
    facts = page.get_by_test_id("facts")
    told = demo.get(f"/exchanges/{payment['exchange_id']}")
    expect(facts.locator('[data-fact="Exchange"]')).to_have_text(payment["exchange_id"])
    expect(facts.locator('[data-fact="Audit stream"]')).to_have_text(f"{told['stream']} entry {told['seq']}")
    expect(facts.locator('[data-fact="Entry SHA-256"]')).to_have_text(told["entry_sha256"])
    entry = demo.api.get(
        "/streams/entries", params={"stream": told["stream"], "after": told["seq"] - 1, "limit": 1}
    ).raise_for_status()
    assert hashlib.sha256(entry.content.splitlines()[0]).hexdigest() == told["entry_sha256"]
    assert hosts == {"127.0.0.1"}
    page.close()


def test_a_phone_never_scrolls_sideways(demo: Demo, browser: Browser) -> None:
    """At 390 pixels: the figures, a list of calls, a whole chain with its hashes."""
    chain = wait_for(lambda: paid_order(demo), PAID_S, lambda: "no purchase order was paid")
    page, _ = opened(browser, 390)
    views = {
        "": page.locator("[data-card]").last,
        "/transactions?refused=1": page.get_by_text("the newest", exact=False).first,
        f"/transactions?{urlencode(chain['root'])}": page.get_by_test_id("facts"),
    }
    for path, last_part in views.items():
        page.goto(f"{demo.pages}{path}")
        expect(last_part).to_be_visible()
        assert page.evaluate(OVERFLOW_PX) <= 0, path
    expect(page.locator(".st-key-graph-down g.graph")).to_contain_text(chain["root"]["value"])
    page.close()


#: address -> a text that is on the page only when its figures are
EVERY_PAGE = {
    "/": "Calls in doubt",
    "/slos": " wanted · ",
    "/slos?slo=receipt-reaches-erp": "All objectives",
    "/transactions": "the newest",
    "/catalog": "23 of 23 contracts",
    "/catalog?contract=payables.invoices": "Read it here",
    "/catalog?part=schemas": "used by",
    "/catalog?schema=invoice": "payables.invoices 1.0.0",
    "/systems": "Busiest operations",
    "/approvals": "Nothing waits for approval",
    "/audit": "workspace applied",
    "/audit?part=decisions": "The newest refusals",
    "/audit?part=streams": "lie under a signed head",
}
#: Streamlit looks for its own server below the address of a page before it looks at the root
PROBES = re.compile(r"/_stcore/(health|host-config)$")


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("path", EVERY_PAGE)
def test_every_page_is_whole_on_a_desk_and_on_a_phone(demo: Demo, browser: Browser, path: str, width: int) -> None:
    """By its address alone: its figures, no error, nothing from another machine, no way to scroll sideways."""
    page, hosts = opened(browser, width)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda told: note(told.type, told.location["url"], told.text, wrong))
    page.goto(f"{demo.pages}{path}")
    expect(page.get_by_text(EVERY_PAGE[path]).first).to_be_visible()
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert page.evaluate(OVERFLOW_PX) <= 0
    assert (hosts, wrong) == ({"127.0.0.1"}, [])
    page.close()


def note(kind: str, url: str, text: str, wrong: list[str]) -> None:
    if kind == "error" and not PROBES.search(urlsplit(url).path):
        wrong.append(f"{url}: {text}")


def test_what_is_chosen_goes_along_to_the_next_page(demo: Demo, browser: Browser) -> None:
    """Chosen twice over, then carried by the way to another page, and there in its address."""
    page, _ = opened(browser, 1440)
    page.goto(f"{demo.pages}/")
    first, second = (item["entity"] for item in demo.get("/entities")["items"][:2])
    names = {item["entity"]: item["name"] for item in demo.get("/entities")["items"]}
    for entity in (first, second):
        choice = page.get_by_role("combobox", name="Legal entity")
        choice.click()
        page.get_by_role("option", name=names[entity]).click()
        expect(page).to_have_url(re.compile(f"entity={entity}"))
    page.get_by_role("link", name="SLOs").click()
    expect(page.get_by_role("heading", name="SLOs")).to_be_visible()
    expect(page).to_have_url(re.compile(f"/slos.*entity={second}"))
    expect(page.get_by_text(" wanted · ").first).to_be_visible()
    page.close()


def test_the_apis_documentation_is_whole(demo: Demo, browser: Browser) -> None:
    """Swagger UI draws every group of routes from files of the control plane alone."""
    page, hosts = opened(browser, 390)
    wrong: list[str] = []
    page.on("console", lambda told: note(told.type, told.location["url"], told.text, wrong))
    page.goto(f"{str(demo.api.base_url).split('/api')[0]}/docs")
    expect(page.locator(".opblock-tag").first).to_be_visible()
    assert page.locator(".opblock-tag").count() >= 8
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert (hosts, wrong) == ({"127.0.0.1"}, [])
    page.close()
