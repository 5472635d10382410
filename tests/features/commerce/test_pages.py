"""Pages of orders and exchange rates, as a signed-in member's browser gets them."""

import re

import httpx
import pytest

from groundswell.core.identity.passwords import PASSWORDS
from groundswell.core.ids import new_id

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


async def test_no_orders_yet_shows_how_to_post_one(browser):
    await browser.get("/orders")
    assert "No orders yet" in browser.page
    assert "curl -X POST http://testserver/api/orders" in browser.page


async def test_sums_of_the_list_are_those_of_the_api(browser, server, order):
    for n in range(3):
        body = order(order_id=str(n), distinct_id=f"c{n}", total=1_234 * (n + 1), source=f"s{n}")
        uid = (await server.post("/api/orders", json=body)).json()["order_uid"]
    refund = {"refund_id": "r", "amount": 100, "reason": "<b>broken</b>"}
    await server.post(f"/api/orders/{uid}/refunds", json=refund)
    for query in ("", "?source=s1", "?source=s2&currency=&from=&to="):
        totals = (await server.get(f"/api/orders/totals{query.split('&')[0]}")).json()
        assert (await browser.get(f"/orders{query}")).status_code == 200
        assert f"${totals['revenue'] / 100:,.2f}" in browser.page
    await browser.get(f"/orders/{uid}")
    assert "&lt;b&gt;broken" in browser.page
    assert "$37.02" in browser.page
    person = re.search(r'href="(/people/[^"]+)"', browser.page).group(1)
    await browser.get(person)
    assert f"/orders/{uid}" in browser.page
    assert "$36.02" in browser.page


async def test_pages_of_the_list_go_on(browser, server, order):
    batch = [order(order_id=f"no-{n:02}", placed_at=f"2026-01-01T00:{n:02}:00Z") for n in range(7)]
    await server.post("/api/orders/batch", json={"orders": batch})
    path, seen = "/orders?limit=3", []
    while path:
        await browser.get(path)
        seen += re.findall(r"no-\d\d", browser.page)
        following = re.search(r'rel="next" href="([^"]+)"', browser.page)
        path = following.group(1).replace("&amp;", "&") if following else ""
    assert seen == [f"no-{n:02}" for n in reversed(range(7))]


async def test_a_rate_typed_in_counts_what_waited(browser, server, order):
    body = order(currency="EUR", total=1_000, placed_at="2026-01-05T12:00:00Z")
    await server.post("/api/orders", json=body)
    await browser.get("/settings/exchange-rates")
    assert "1 order in EUR waits" in browser.page
    path = "/settings/exchange-rates"
    for wrong in ({"currency": "XXQ"}, {"rate": "x"}, {"day": "soon"}, {"rate": "-1"}):
        fields = {"currency": "EUR", "day": "2026-01-01", "rate": "1.1"} | wrong
        assert (await browser.post(path, **fields)).status_code == 422
    done = await browser.post(path, currency="eur", day="2026-01-01", rate="1.1")
    assert done.status_code == 303
    assert (await server.get("/api/orders/totals")).json()["revenue"] == 1_100
    await browser.get(path)
    assert "2026" in browser.page
    assert "waits" not in browser.page


@pytest.mark.parametrize("browser", ["viewer"], indirect=True)
async def test_a_viewer_sees_no_money(browser):
    for path in ("/orders", "/settings/exchange-rates"):
        assert (await browser.get(path)).status_code == 403


@pytest.mark.parametrize("query", ["from=9999-12-31", "from=soon", "person=1"])
async def test_hostile_filters_are_4xx(browser, query):
    assert (await browser.get(f"/orders?{query}")).status_code in (400, 422)
