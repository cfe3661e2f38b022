"""`make pictures`: the README's pictures, taken anew of the running demo (needs Debian's chromium).

Each is reduced to a palette, so that it stays small enough to lie in the repository.
"""

from __future__ import annotations

import io
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import httpx
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.test_pages import ARGUMENTS, PAID_S, START_S, Demo, announced, is_up, paid_order, wait_for

FOLDER = Path(__file__).parents[2] / "dashboards" / "picture"
MOST_BYTES = 250_000
COLOURS = 128
HISTORY_S = 600  # sixty invented days are fed in before anything else
SETTLE_MS = 3_000  # figures and graphs have been drawn, nothing moves any more
FIRST_MS = 60_000  # the first page brings the browser all that the others are drawn with
WAITING = '[data-testid="stSkeleton"]'  # what stands in for a part that is not drawn yet


class Picture(NamedTuple):
    name: str
    path: str  # of the page; `{chain}` stands for the query that shows a paid order
    shown: str  # selector of what must be there
    width: int = 1_440
    height: int = 900


PICTURES = (
    Picture("overview", "/", "[data-card]", height=1_250),
    Picture("slos", "/slos", "[data-objective]", height=1_000),
    Picture("transaction", "/transactions?{chain}", "g.graph", height=1_250),
    Picture("catalog", "/catalog", '[class*="st-key-row-"]'),
    Picture("contract", "/catalog?contract=payables.invoices", 'table[data-testid="Operations in use"]', height=1_150),
    Picture("systems", "/systems", '[data-testid="refusals"]', height=1_250),
    Picture("phone", "/", "[data-card]", width=390, height=844),
    Picture("phone-transaction", "/transactions?{chain}", "g.graph", width=390, height=844),
)


def main() -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("pictures need chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory(prefix="waybill-picture-") as folder:
        output = Path(folder) / "output"
        argv = [sys.executable, "-m", "controlplane", "demo", "--rate", "10", "--seed", "7"]
        with output.open("wb") as file:
            process = subprocess.Popen([*argv, "--run-dir", f"{folder}/run"], stdout=file, stderr=subprocess.STDOUT)
        try:
            take(process, output, chromium)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def take(process: subprocess.Popen[bytes], output: Path, chromium: str) -> None:
    """All pictures of the demo that `process` runs, into `FOLDER`."""
    pages, url, token = wait_for(lambda: announced(process, output), HISTORY_S, output.read_text)
    with httpx.Client(
        base_url=f"{url}/api/v1", headers={"authorization": f"Bearer {token}"}, timeout=30, trust_env=False
    ) as api:
        wait_for(lambda: is_up(pages), START_S, output.read_text)
        wait_for(lambda: is_busy(api), HISTORY_S, output.read_text)
        chain = wait_for(lambda: paid_order(Demo(pages, api)), PAID_S, lambda: "no purchase order was paid")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        context = browser.new_context()
        for picture in PICTURES:
            page = context.new_page()
            page.set_viewport_size({"width": picture.width, "height": picture.height})
            page.goto(pages + picture.path.format(chain=urlencode(chain["root"])))
            save(page, picture)
            page.close()
        browser.close()


def is_busy(api: httpx.Client) -> bool:
    """Whether the invented days are in and live traffic has given nearly every figure a value."""
    figures = api.get("/overview", params={"synthetic": "hide"}).raise_for_status().json()["figures"]
    return sum(figure["value"] is not None for figure in figures) >= len(figures) - 1


def save(page: Page, picture: Picture) -> None:
    page.locator(picture.shown).locator("visible=true").first.wait_for(timeout=FIRST_MS)
    expect(page.locator(WAITING)).to_have_count(0, timeout=FIRST_MS)
    page.wait_for_timeout(SETTLE_MS)
    path = FOLDER / f"{picture.name}.png"
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(COLOURS).save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.relative_to(FOLDER.parents[1])}: {size // 1_000} kB")
    if size > MOST_BYTES:
        sys.exit(f"{path} is larger than {MOST_BYTES} bytes")


if __name__ == "__main__":
    main()
