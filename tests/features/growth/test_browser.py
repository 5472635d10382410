"""The pages of growth, audit and jobs in a browser: accessible, no side scroll, nothing blocked."""

import os
import random
import shutil
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from playwright.async_api import async_playwright

from groundswell.core import clock
from groundswell.core.audit import audit
from groundswell.core.audit.seal import seal_audit
from groundswell.core.http.cookies import session_cookie_name
from groundswell.core.identity.sessions import member_scope, start_session
from groundswell.core.ids import new_id
from groundswell.core.signals import emit
from groundswell.core.tenancy.permissions import Role

AXE = Path(__file__).parents[3] / "node_modules/axe-core/axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
PATHS = ("/growth?days=90", "/audit", "/jobs")
pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on PATH: pages were not looked at"),
    pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: run python hatch_build.py"),
]


async def fill(platform, tenant, history) -> str:
    """A quarter of sales, a few acts, a dead signal; gives the owner's session token."""
    member_id, rng, now = new_id(), random.Random(4), clock.now()
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute(
            "insert into members (member_id, email, name, password_hash)"
            " values (%s, %s, 'Mira Patel', 'x')",
            (member_id, f"{member_id.hex}@example.com"),
        )
        await tx.execute(
            "insert into memberships (tenant_id, member_id, role) values (%s, %s, 'owner')",
            (tenant.id, member_id),
        )
    moments = [now - timedelta(hours=rng.uniform(0, 24 * 180)) for _ in range(400)]
    orders = [(rng.randint(1, 90), at, rng.randint(900, 20_000), "USD") for at in moments]
    events = [(key, "Page Viewed", at) for key, at, _, _ in orders]
    await history(events=events, orders=orders).write(platform.store, tenant.id)
    scope = member_scope(tenant.id, Role.OWNER, member_id, "mira@example.com")
    async with platform.postgres.transaction(scope) as tx:
        await audit(tx, "key.revoked", "key", "k", {"name": "Website"})
        await audit(tx, "member.role_changed", "member", member_id, {"to": "admin"})
        await emit(tx, "order.placed", {})
        await tx.execute(
            "update signals set attempts = 10, last_error = 'webhooks: OSError: no route to host'"
            " where tenant_id = %s and name = 'order.placed'",
            (tenant.id,),
        )
    await seal_audit(platform)
    return await start_session(platform, member_id, tenant.id)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
async def test_pages_are_accessible_and_fit_the_screen(
    app, platform, tenant, history, width, scheme
):
    token = await fill(platform, tenant, history)
    cookies = {session_cookie_name(platform.settings): token}
    transport = httpx.ASGITransport(app)
    problems = []
    async with (
        httpx.AsyncClient(
            transport=transport, base_url="http://testserver", cookies=cookies
        ) as web,
        async_playwright() as play,
    ):

        async def answer(route) -> None:
            got = await web.get(route.request.url, headers={"accept": "*/*"})
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
        for path in PATHS:
            await page.goto(f"http://testserver{path}", wait_until="networkidle")
            await page.evaluate(AXE.read_text() + "; 0")
            found = await page.evaluate("axe.run().then(r => r.violations)")
            problems += [(path, v["id"], v["nodes"][0]["html"][:160]) for v in found]
            if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                problems.append((path, "scrolls sideways"))
            if folder := os.environ.get("PICTURES"):
                name = path.strip("/").partition("?")[0]
                await page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)
        await browser.close()
    assert problems == []
