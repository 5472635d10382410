"""The pages of insights in a browser: accessible, no side scroll, nothing blocked, usable."""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from playwright.async_api import async_playwright

from groundswell.core import clock
from groundswell.core.http.cookies import session_cookie_name

AXE = Path(__file__).parents[3] / "node_modules/axe-core/axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
FUNNEL = "/insights/new?kind=funnel&event_0=Visited&event_1=Viewed&event_2=Ordered"
BASE = "http://testserver"
PATHS = {
    "list": "/insights",
    "empty": "/insights/new",
    "trend": "/insights/new?event_0=Visited&measure_0=people&event_1=Viewed&by_0=country",
    "more rows": "/insights/new?event_0=Visited&filter_0=country&add=filter",
    "revenue": "/insights/new?event_0=Orders&measure_0=sum&property_0=revenue&compare=on",
    "funnel": FUNNEL,
    "retention": "/insights/new?kind=retention&event_0=Visited&ask=any&days=30",
    "stickiness": "/insights/new?kind=stickiness&event_0=Visited&ask=any&days=7",
    "people": FUNNEL.replace("/new", "/people") + "&step=1&dropped=1",
}
pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on PATH: pages were not looked at"),
    pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: run python hatch_build.py"),
]


@pytest.fixture
async def web(platform, tenant, history, sign_in):
    """The browser of an analyst of a small shop."""
    now, events = clock.now(), []
    for key in range(1, 41):
        at = now - timedelta(days=key % 25, hours=key % 7)
        events.append((key, "Visited", at, {"country": ["DE", "FR", "US"][key % 3]}, {}))
        events.append((key, "Visited", at + timedelta(days=key % 5), {"country": "DE"}, {}))
        if key % 2:
            events.append((key, "Viewed", at + timedelta(minutes=5), {"country": "DE"}, {}))
        if not key % 5:
            events.append((key, "Viewed", at + timedelta(minutes=6), {}, {}))
            events.append((key, "Ordered", at + timedelta(minutes=20), {}, {}))
    orders = [(key, now - timedelta(days=key), 1_000 * key, 1, "api") for key in range(1, 30)]
    people = {key: {"name": f"Mira Patel {key}"} for key in range(1, 41)}
    events = [event for event in events if event[2] <= now]
    made = history(events=events, orders=orders, people=people)
    await made.write(platform.store, tenant.id)
    return await sign_in("analyst")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
async def test_pages_are_accessible_fit_the_screen_and_work(app, platform, web, width, scheme):
    problems = []
    cookies = {session_cookie_name(platform.settings): web.cookies[_name(web)]}
    transport = httpx.ASGITransport(app)
    async with (
        httpx.AsyncClient(
            transport=transport, base_url="http://testserver", cookies=cookies
        ) as gate,
        async_playwright() as play,
    ):

        async def answer(route) -> None:
            request = route.request
            got = await gate.request(
                request.method,
                request.url,
                headers={
                    k: v for k, v in request.headers.items() if k not in ("host", "accept-encoding")
                },
                content=request.post_data_buffer,
            )
            headers = {k: v for k, v in got.headers.items() if k != "content-length"}
            await route.fulfill(status=got.status_code, headers=headers, body=got.content)

        browser = await play.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        context = await browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        await context.route("**/*", answer)
        page = await context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        for name, path in PATHS.items():
            await page.goto(f"http://testserver{path}", wait_until="networkidle")
            await page.evaluate(AXE.read_text() + "; 0")
            found = await page.evaluate("axe.run().then(r => r.violations)")
            problems += [(name, v["id"], v["nodes"][0]["html"][:160]) for v in found]
            if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                problems.append((name, "scrolls sideways"))
            if folder := os.environ.get("PICTURES"):
                await page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)
        if width == 1280:
            problems += await _asked(page)
        await browser.close()
    assert problems == []


async def _asked(page) -> list:
    """A question typed and answered without leaving the page, then the people behind it."""
    await page.goto("http://testserver/insights/new?kind=funnel", wait_until="networkidle")
    await page.fill("#event_0", "Visited")
    await page.fill("#event_1", "Ordered")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Dropped off")
    address = page.url
    await page.click("tbody tr:nth-child(2) td:nth-child(5) a")
    await page.wait_for_selector("text=People behind a figure")
    seen = await page.inner_text("main")
    return [] if "event_1=Ordered" in address and "Mira Patel" in seen else [(address, seen[:300])]


def _name(web) -> str:
    return next(iter(web.cookies))
