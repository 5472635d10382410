"""In a browser: pages of access have no accessibility violation and fit a phone."""

import os
import shutil
from pathlib import Path

import httpx
import pytest
from playwright.async_api import async_playwright

from groundswell.core.identity.api import start_session
from groundswell.core.ids import new_id
from groundswell.features.access.logic import keys, members

AXE = Path(__file__).parents[3] / "node_modules/axe-core/axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
SHOTS = os.environ.get("SCREENSHOTS")

pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on PATH: pages were not looked at"),
    pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: run python hatch_build.py"),
]

OPEN = ("/sign-in", "/sign-up")
CLOSED = (
    "/settings/keys",
    "/settings/members",
    "/settings/account",
    "/settings/tenant",
    "/workspaces/new",
)


@pytest.fixture(scope="module")
async def chromium():
    async with async_playwright() as play:
        opened = await play.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        await opened.close()


@pytest.fixture
async def visit(chromium, app, platform, owner):
    """Opens a path: ``await visit("/settings/keys", width=390, signed_in=True)``."""
    contexts = []
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://testserver",
    )

    async def answer(route):
        asked = route.request
        got = await client.request(
            asked.method,
            asked.url,
            headers=await asked.all_headers(),
            content=asked.post_data_buffer,
        )
        headers = {k: v for k, v in got.headers.items() if k != "content-encoding"}
        await route.fulfill(status=got.status_code, headers=headers, body=got.content)

    async def opened(path, width, *, scheme="light", signed_in=True):
        context = await chromium.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
        )
        contexts.append(context)
        if signed_in:
            token = await start_session(platform, owner.id, user_agent="Chrome/1 Windows")
            cookie = {"name": "groundswell", "value": token, "url": "http://testserver"}
            await context.add_cookies([cookie])
        page = await context.new_page()
        await page.route("**/*", answer)
        found = await page.goto(f"http://testserver{path}")
        assert found.status == 200
        return page

    yield opened
    for context in contexts:
        await context.close()
    await client.aclose()


@pytest.fixture
async def furnished(platform, tenant, owner, admin):
    """A tenant with something in every list."""
    issued = await keys.create_key(platform, tenant.scope, kind="secret", name="Warehouse export")
    await keys.rotate_key(platform, tenant.scope, issued.key.key_id)
    revoked = await keys.create_key(platform, tenant.scope, kind="secret", name="Old")
    await keys.revoke_key(platform, tenant.scope, revoked.key.key_id)
    await members.add_member(
        platform, owner.scope, email=f"{new_id().hex}@example.com", role="viewer", name="Bob"
    )
    await start_session(platform, owner.id, address="203.0.113.9", user_agent="Firefox/1 Linux")


async def violations(page):
    await page.add_script_tag(content=AXE.read_text())
    found = await page.evaluate("axe.run()")
    return [
        (v["id"], v["help"], [node["html"][:200] for node in v["nodes"]])
        for v in found["violations"]
    ]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("path", OPEN + CLOSED)
async def test_a_page_is_accessible_and_fits(visit, furnished, path, width):
    scheme = "dark" if width == 390 else "light"
    page = await visit(path, width, scheme=scheme, signed_in=path in CLOSED)
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}{path.replace('/', '-')}-{width}.png", full_page=True)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await violations(page) == []


async def test_a_key_is_revoked_by_keyboard_after_a_question(visit, furnished):
    page = await visit("/settings/keys", 390)
    button = page.get_by_role("button", name="Revoke").first
    await button.focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.wait_for()
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await page.keyboard.press("Escape")
    await dialog.wait_for(state="hidden")
    assert await button.evaluate("e => e === document.activeElement")
