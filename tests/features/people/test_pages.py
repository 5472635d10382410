"""Pages of people, as a signed-in member's browser gets them."""

import re

import httpx
import pytest

from groundswell.core.identity.passwords import PASSWORDS
from groundswell.core.ids import new_id
from groundswell.features.people import api
from groundswell.features.people.types import PersonFilter, PropertyChange, Seen

from .conftest import AT

PASSWORD = "correct horse battery"


class Browser:
    """A signed-in member who posts the forms of the page they see."""

    def __init__(self, app, address):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1))
        self.http = httpx.AsyncClient(
            transport=transport,
            base_url="http://testserver",
            headers={"User-Agent": "Mozilla/5.0 Firefox/140", "Accept": "text/html"},
        )
        self.page = ""

    async def get(self, path):
        answer = await self.http.get(path)
        self.page = answer.text
        return answer

    async def post(self, path, **fields):
        token = re.search(r'name="csrf_token" value="([^"]*)"', self.page)
        return await self.http.post(path, data={"csrf_token": token.group(1), **fields})


@pytest.fixture
async def browser(app, platform, tenant, request):
    """A browser of a member; ``indirect`` gives another role than editor."""
    role = getattr(request, "param", "editor")
    member_id, email = new_id(), f"{role}-{new_id().hex[-12:]}@example.com"
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute(
            "insert into members (member_id, email, password_hash) values (%s, %s, %s)",
            (member_id, email, await PASSWORDS.hash(PASSWORD)),
        )
        await tx.execute(
            "insert into memberships (tenant_id, member_id, role) values (%s, %s, %s)",
            (tenant.id, member_id, role),
        )
    made = Browser(app, f"198.51.100.{new_id().int % 250 + 1}")
    await made.get("/sign-in")
    assert (await made.post("/sign-in", email=email, password=PASSWORD)).status_code == 303
    yield made
    await made.http.aclose()


@pytest.fixture
async def ada_and_bob(platform, tenant):
    async with platform.postgres.transaction(tenant.scope) as tx:
        found = await api.resolve(tx, {name: Seen(AT, AT) for name in ("ada", "bob")})
        hostile = {"name": "<script>alert(1)</script>", "email": "ada@x.example"}
        await api.set_properties(tx, [PropertyChange("ada", AT, hostile)])
    return found["ada"].person_id, found["bob"].person_id


async def test_nobody_yet_says_what_will_come(browser):
    assert (await browser.get("/people")).status_code == 200
    assert "Nobody yet" in browser.page


async def test_the_list_finds_and_escapes(browser, ada_and_bob):
    await browser.get("/people")
    assert "&lt;script&gt;" in browser.page
    assert "<script>alert" not in browser.page
    assert "bob" in browser.page
    await browser.get("/people?search=ADA&identified=")
    assert f"/people/{ada_and_bob[0]}" in browser.page
    assert f"/people/{ada_and_bob[1]}" not in browser.page
    await browser.get("/people?search=nobody")
    assert "Nobody found" in browser.page


async def test_merging_on_the_page_and_taking_it_back(browser, ada_and_bob, platform, tenant):
    ada, bob = ada_and_bob
    assert (await browser.get(f"/people/{ada}")).status_code == 200
    nobody = await browser.post(f"/people/{ada}/merge", distinct_id="nobody", reason="x")
    assert nobody.status_code == 303
    merged = await browser.post(f"/people/{ada}/merge", distinct_id="bob", reason="by phone")
    assert merged.headers["location"] == f"/people/{ada}"
    assert (await browser.get(f"/people/{bob}")).headers["location"] == f"/people/{ada}"
    await browser.get(f"/people/{ada}")
    assert "by phone" in browser.page
    undo = re.search(r'action="(/merges/[^"]+/undo)"', browser.page).group(1)
    assert (await browser.post(undo)).headers["location"] == f"/people/{bob}"
    async with platform.postgres.transaction(tenant.scope) as tx:
        assert len(await api.list_people(tx, PersonFilter())) == 2


@pytest.mark.parametrize("browser", ["analyst"], indirect=True)
async def test_an_analyst_reads_and_cannot_merge(browser, ada_and_bob):
    await browser.get(f"/people/{ada_and_bob[0]}")
    assert "/merge" not in browser.page
    answer = await browser.post(f"/people/{ada_and_bob[0]}/merge", distinct_id="bob", reason="x")
    assert answer.status_code == 403


@pytest.mark.parametrize("browser", ["viewer"], indirect=True)
async def test_a_viewer_sees_nobody(browser):
    assert (await browser.get("/people")).status_code == 403
