"""A newcomer's first ten minutes in a browser, against a running server."""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, async_playwright

from groundswell.core import clock
from groundswell.core.engines.probe import is_free

AXE = Path(__file__).parents[1] / "node_modules/axe-core/axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
PASSWORD = "a long pass phrase"
MAIN = (
    "/growth",
    "/first-steps",
    "/orders",
    "/events",
    "/events/refused",
    "/people",
    "/audit",
    "/jobs",
    "/settings/keys",
    "/settings/members",
    "/settings/tenant",
    "/settings/exchange-rates",
    "/account",
    "/api/docs",
)
RECORD_BLOCKED = """
addEventListener("securitypolicyviolation",
  e => console.error(`blocked: ${e.violatedDirective} ${e.blockedURI}`));
"""
pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on PATH: pages were not looked at"),
    pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: run python hatch_build.py"),
]


@dataclass
class Site:
    """A server of its own home, and what went wrong in the browser."""

    address: str
    home: Path
    problems: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Note errors of scripts and of the console, blocked parts among them."""
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda m: self.problems.append(m.text) if m.type == "error" else None)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """``groundswell up`` as a newcomer runs it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert is_free("127.0.0.1", port)
    command = [sys.executable, "-m", "groundswell", "up", "--home", str(tmp_path / "home")]
    server = await asyncio.create_subprocess_exec(
        *command, "--port", str(port), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        first = await asyncio.wait_for(server.stdout.readline(), 60)
        assert b"is ready" in first
        yield Site(f"http://127.0.0.1:{port}", tmp_path / "home")
    finally:
        server.terminate()
        await asyncio.wait_for(server.wait(), 10)


async def sign_up(page: Page, address: str) -> str:
    """Make an account by the form; gives the publishable key that is shown once."""
    await page.goto(f"{address}/sign-up")
    await page.fill("#email", "mira@example.com")
    await page.fill("#password", PASSWORD)
    await page.fill("#tenant_name", "Northwind Coffee")
    await page.fill("#slug", "northwind")
    await page.click("text=Create account")
    key = await page.input_value("#publishable-key")
    await page.click("text=Send the first event")
    return key


async def import_orders(home: Path, folder: Path) -> str:
    """A small history by the command, dated around today."""
    file = folder / "orders.csv"
    days = [clock.now().date() - timedelta(days=n % 50) for n in range(120)]
    rows = [f"c{n % 40},{day},{10 + n}.50" for n, day in enumerate(days)]
    file.write_text("customer,date,amount\n" + "\n".join(rows) + "\n")
    command = [sys.executable, "-m", "groundswell", "import", "orders", str(file)]
    done = await asyncio.create_subprocess_exec(
        *command,
        *("--tenant", "northwind", "--home", str(home)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await done.communicate()
    return said.decode()


async def looked_at(page: Page, address: str) -> list[tuple[str, ...]]:
    """Accessibility violations and side scroll of every main page, at two widths."""
    found: list[tuple[str, ...]] = []
    axe = AXE.read_text()
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 844})
        for path in MAIN:
            await page.goto(address + path)
            await page.evaluate(axe + "; 0")
            violations = await page.evaluate("axe.run().then(r => r.violations)")
            found += [(path, str(width), v["id"], v["nodes"][0]["html"][:120]) for v in violations]
            if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found.append((path, str(width), "scrolls sideways"))
    return found


async def test_a_newcomer_comes_from_sign_up_to_a_dashboard_of_their_own(
    site: Site, tmp_path: Path
) -> None:
    async with async_playwright() as play:
        browser = await play.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page(reduced_motion="reduce")
        site.watch(page)
        await page.add_init_script(RECORD_BLOCKED)

        key = await sign_up(page, site.address)
        await page.get_by_text("Waiting for the first event").wait_for()
        assert f"curl {site.address}/api/events" in await page.inner_text("#snippet-curl")

        async with httpx.AsyncClient(base_url=site.address) as web:
            sent = await web.post(
                "/api/events",
                headers={"Authorization": f"Bearer {key}"},
                json={"events": [{"event": "Product Viewed", "distinct_id": "user-1"}]},
            )
        assert sent.json() == {"accepted": 1, "rejected": []}
        await page.get_by_text("Product Viewed from user-1 has arrived").wait_for(timeout=15_000)

        said = await import_orders(site.home, tmp_path)
        assert "new             120" in said, said
        assert "{" not in said, "log lines among the messages"
        await page.goto(f"{site.address}/growth?days=90")
        revenue = page.locator(".kpi", has_text="Revenue").locator(".kpi-value")
        assert await revenue.inner_text() == "$8,400.00"

        await page.click("#range-days")
        await page.fill("#from", str(clock.now().date()))
        await page.fill("#to", "2020-01-01")
        await page.click("text=Show these days")
        assert await page.locator("#from-error").is_visible()

        assert await looked_at(page, site.address) == []
        await browser.close()
    assert site.problems == []
