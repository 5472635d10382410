"""In a browser: pages of people, orders and rates are accessible and fit a phone."""

import os
import shutil
from pathlib import Path

import httpx
import pytest
from playwright.async_api import async_playwright

from groundswell.core.identity.api import start_session
from groundswell.core.identity.passwords import PASSWORDS
from groundswell.core.ids import new_id

AXE = Path(__file__).parents[3] / "node_modules/axe-core/axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
SHOTS = os.environ.get("SCREENSHOTS")

pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on PATH: pages were not looked at"),
    pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: run python hatch_build.py"),
]


@pytest.fixture(scope="module")
async def chromium():
    async with async_playwright() as play:
        opened = await play.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        await opened.close()


@pytest.fixture
async def owner_id(platform, tenant):
    member_id = new_id()
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute(
            "insert into members (member_id, email, password_hash) values (%s, %s, %s)",
            (member_id, f"{member_id.hex}@example.com", await PASSWORDS.hash("correct horse")),
        )
        await tx.execute(
            "insert into memberships (tenant_id, member_id, role) values (%s, %s, 'owner')",
            (tenant.id, member_id),
        )
    return member_id


@pytest.fixture
async def visit(chromium, app, platform, owner_id):
    """Opens a path as the owner: ``await visit("/orders", width=390)``."""
    contexts = []
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    http = httpx.AsyncClient(transport=transport, base_url="http://testserver")

    async def answer(route):
        asked = route.request
        got = await http.request(
            asked.method,
            asked.url,
            headers=await asked.all_headers(),
            content=asked.post_data_buffer,
        )
        headers = {k: v for k, v in got.headers.items() if k != "content-encoding"}
        await route.fulfill(status=got.status_code, headers=headers, body=got.content)

    async def opened(path, width, *, scheme="light"):
        context = await chromium.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
        )
        contexts.append(context)
        token = await start_session(platform, owner_id, user_agent="Chrome/1 Windows")
        cookie = {"name": "groundswell", "value": token, "url": "http://testserver"}
        await context.add_cookies([cookie])
        page = await context.new_page()
        await page.route("**/*", answer)
        assert (await page.goto(f"http://testserver{path}")).status == 200
        return page

    yield opened
    for context in contexts:
        await context.close()
    await http.aclose()


@pytest.fixture
async def paths(server, order):
    """Something in every list, with names that are long; the paths to look at."""
    person = {"distinct_id": "ada", "set": {"name": "Ada " + "L" * 80, "plan": {"seats": 3}}}
    ada = (await server.post("/api/people", json=person)).json()["person_id"]
    bob = (await server.post("/api/people", json={"distinct_id": "b" * 120})).json()["person_id"]
    lines = [{"product_id": "p" * 90, "name": "A name " * 12, "quantity": 2, "unit_price": 1_000}]
    body = order(lines=lines, order_id="long-" + "1" * 80)
    uid = (await server.post("/api/orders", json=body)).json()["order_uid"]
    refund = {"refund_id": "r" * 90, "amount": 100, "reason": "broken " * 12}
    await server.post(f"/api/orders/{uid}/refunds", json=refund)
    await server.post("/api/orders", json=order(order_id="2", currency="EUR", distinct_id="c" * 99))
    merge = {"person_id": bob, "reason": "told us by telephone " * 4}
    await server.post(f"/api/people/{ada}/merge", json=merge)
    rate = {"currency": "JPY", "day": "2026-01-01", "rate": "0.0067"}
    await server.put("/api/exchange-rates", json={"rates": [rate]})
    return {
        "people": "/people",
        "person": f"/people/{ada}",
        "orders": "/orders",
        "order": f"/orders/{uid}",
        "rates": "/settings/exchange-rates",
    }


async def violations(page):
    await page.add_script_tag(content=AXE.read_text())
    found = await page.evaluate("axe.run()")
    return [
        (v["id"], v["help"], [node["html"][:200] for node in v["nodes"]])
        for v in found["violations"]
    ]


@pytest.mark.parametrize("width", [390, 1280])
async def test_pages_are_accessible_and_fit(visit, paths, width):
    for name, path in paths.items():
        page = await visit(path, width, scheme="dark" if width == 390 else "light")
        if SHOTS:
            await page.screenshot(path=f"{SHOTS}/{name}-{width}.png", full_page=True)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert await violations(page) == [], name


async def test_empty_pages_are_accessible(visit):
    for path in ("/people", "/orders", "/settings/exchange-rates"):
        page = await visit(path, 390)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert await violations(page) == [], path


async def test_a_merge_is_asked_about_in_a_dialog(visit, paths):
    page = await visit(paths["person"], 390)
    await page.get_by_role("button", name="Merge with").click()
    dialog = page.get_by_role("dialog")
    await dialog.wait_for()
    assert await violations(page) == []
