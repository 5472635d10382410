"""Nobody passes who may not: keys, sessions, tokens, schedulers, forged forms."""

import jwt
import pytest
from litestar import Litestar, get

from groundswell.core.clock import now
from groundswell.core.errors import ConfigurationError
from groundswell.core.http.access import route_table
from groundswell.core.identity import customers


async def test_a_secret_key_acts_for_its_tenant(server, tenant):
    answer = await server.get("/api/probe/people")
    assert answer.json() == {"tenant": str(tenant.id), "actor": "key"}


async def test_a_key_may_come_in_its_own_header(client, tenant):
    answer = await client.get("/api/probe/people", headers={"X-Api-Key": tenant.secret_key})
    assert answer.status_code == 200


async def test_nobody_gets_401_as_a_problem(client):
    answer = await client.get("/api/probe/people")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "value",
    [
        "Bearer nonsense",
        "Bearer ",
        "Bearer gsk_" + "0" * 38,
        "Bearer a.b.c",
        "Bearer " + "x" * 10_000,
    ],
)
async def test_a_wrong_key_is_refused_even_beside_a_session(sign_in, value):
    browser = await sign_in("owner")
    answer = await browser.get("/api/probe/people", headers={"Authorization": value})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_publishable_key_may_not_read(client, tenant):
    headers = {"Authorization": f"Bearer {tenant.publishable_key}"}
    assert (await client.get("/api/probe/people", headers=headers)).status_code == 403


async def test_a_customer_token_is_known_and_has_no_permission(server, platform, tenant):
    await server.get("/api/probe/people")  # by now the application knows this new tenant
    async with platform.postgres.transaction(tenant.scope) as tx:
        secret, _ = await customers.ensure_secret(tx, platform.encryption)
    claims = {"sub": "mary", "aud": tenant.slug, "exp": now().timestamp() + 60}
    headers = {"Authorization": f"Bearer {jwt.encode(claims, secret.current)}"}
    assert (await server.get("/api/probe/people", headers=headers)).status_code == 403


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("analyst", 200), ("owner", 200)])
async def test_a_member_may_what_the_role_may(sign_in, role, status):
    browser = await sign_in(role)
    assert (await browser.get("/api/probe/people")).status_code == status


async def test_the_scheduler_needs_its_secret(client, tenant):
    for value in (None, "Bearer wrong", f"Bearer {tenant.secret_key}"):
        headers = {"Authorization": value} if value else {}
        assert (await client.get("/api/probe/cron", headers=headers)).status_code == 401
    headers = {"Authorization": "Bearer test-cron-secret"}
    assert (await client.get("/api/probe/cron", headers=headers)).status_code == 200


async def test_a_page_sends_strangers_to_sign_in_and_back(client, tenant):
    answer = await client.get("/probe/page?days=30")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/probe/page%3Fdays%3D30"
    htmx = await client.get("/probe/page", headers={"HX-Request": "true"})
    assert htmx.status_code == 401
    assert htmx.headers["hx-redirect"].startswith("/sign-in")
    key = {"Authorization": f"Bearer {tenant.secret_key}"}
    assert (await client.get("/probe/page", headers=key)).status_code == 403


async def test_a_member_without_a_workspace_reaches_the_account_only(sign_in, platform, tenant):
    browser = await sign_in("viewer")
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute("delete from memberships where tenant_id = %s", (tenant.id,))
    assert (await browser.get("/probe/account")).status_code == 200
    assert (await browser.get("/probe/page")).status_code == 403


async def test_a_session_writes_only_with_its_own_csrf_token(sign_in, passed):
    browser, other = await sign_in("owner"), await sign_in("owner")
    token = browser.headers.pop("X-CSRF-Token")
    wrong = other.headers["X-CSRF-Token"]
    body = {"name": "a"}
    assert (await browser.post("/api/probe/things", json=body)).status_code == 403
    for header in (wrong, "", "ö".encode()):
        headers = {"X-CSRF-Token": header}
        answer = await browser.post("/api/probe/things", json=body, headers=headers)
        assert answer.status_code == 403
    assert passed() == []
    headers = {"X-CSRF-Token": token}
    assert (await browser.post("/api/probe/things", json=body, headers=headers)).status_code == 201


@pytest.mark.parametrize("multipart", [False, True])
async def test_a_form_carries_the_token_in_a_field(sign_in, passed, multipart):
    browser = await sign_in("owner")
    token = browser.headers.pop("X-CSRF-Token")
    files = {"more": ("a.txt", b"hello")} if multipart else None
    refused = await browser.post("/probe/form", data={"name": "no"}, files=files)
    assert refused.status_code == 403
    data = {"name": "yes", "csrf_token": token}
    assert (await browser.post("/probe/form", data=data, files=files)).status_code == 303
    assert passed() == ["yes"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}, 201),
        ({"Sec-Fetch-Site": "none"}, 201),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[broken"}, 403),
        ({"Origin": "http://testserver"}, 201),
        ({}, 201),
    ],
)
async def test_no_other_site_can_post(sign_in, client, headers, status):
    browser = await sign_in("owner")
    answer = await browser.post("/api/probe/things", json={"name": "a"}, headers=headers)
    assert answer.status_code == status
    assert (await client.post("/probe/open", headers=headers)).status_code == status


async def test_toasts_survive_one_redirect_and_cannot_be_forged(sign_in):
    browser = await sign_in("owner")
    await browser.post("/probe/form", data={"name": "x"})
    shown = await browser.get("/probe/page")
    assert "All of it." in shown.text
    assert "All of it." not in (await browser.get("/probe/page")).text
    browser.cookies.set("groundswell_flash", "W3sidGl0bGUiOiJGb3JnZWQifV0.c2ln", path="/")
    assert "Forged" not in (await browser.get("/probe/page")).text


def test_a_route_that_says_nothing_stops_the_start():
    @get("/api/silent")
    async def silent() -> None: ...

    with pytest.raises(ConfigurationError, match=r"/api/silent \(silent\)"):
        route_table(Litestar([silent], openapi_config=None))
