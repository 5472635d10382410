"""The audit log as people and programs read it."""

import re

import pytest

from groundswell.core.audit import audit, audit_personal, erase_personal
from groundswell.core.audit.seal import seal_audit
from groundswell.core.audit.verify import verify_lines
from groundswell.core.http.cookies import session_cookie_name
from groundswell.core.identity.sessions import member_scope, start_session
from groundswell.core.ids import new_id
from groundswell.core.tenancy.permissions import Role


@pytest.fixture
def sign_in(platform, client):
    """Signs a new member in: ``scope = await sign_in(tenant, "owner")``."""

    async def make(tenant, role: str, name: str = "Mira"):
        member_id, email = new_id(), f"{new_id().hex[-12:]}@example.com"
        async with platform.postgres.across_tenants("test") as tx:
            await tx.execute(
                "insert into members (member_id, email, name, password_hash)"
                " values (%s, %s, %s, 'x')",
                (member_id, email, name),
            )
            await tx.execute(
                "insert into memberships (tenant_id, member_id, role) values (%s, %s, %s)",
                (tenant.id, member_id, role),
            )
        token = await start_session(platform, member_id, tenant.id)
        client.cookies.set(session_cookie_name(platform.settings), token)
        return member_scope(tenant.id, Role(role), member_id, email)

    return make


def key(tenant):
    return {"Authorization": f"Bearer {tenant.secret_key}"}


async def revoke(platform, scope, name="k1"):
    async with platform.postgres.transaction(scope) as tx:
        await audit(tx, "key.revoked", "key", name, {"name": "Website"})


async def test_a_row_is_a_sentence_with_names(client, platform, tenant, sign_in):
    await revoke(platform, await sign_in(tenant, "owner"))
    answer = await client.get("/api/audit?action=key.revoked", headers=key(tenant))
    entry = answer.json()["items"][0]
    assert entry["sentence"] == "Mira revoked key “Website”"
    assert entry["actor"]["name"] == "Mira"
    page = await client.get("/audit")
    assert page.status_code == 200
    assert "Mira revoked key “Website”" in page.text


async def test_filters_narrow_the_list_and_cursors_walk_it(client, platform, tenant):
    for n in range(5):
        await revoke(platform, tenant.scope, f"k{n}")
    seen, cursor = [], ""
    while True:
        url = f"/api/audit?action=key.revoked&limit=2&cursor={cursor}"
        body = (await client.get(url, headers=key(tenant))).json()
        seen += [entry["target"]["id"] for entry in body["items"]]
        cursor = body["next_cursor"]
        if not cursor:
            break
    assert seen == ["k4", "k3", "k2", "k1", "k0"]
    for query, count in [
        ("target=k3", 1), ("actor=test&action=key.revoked", 5), ("actor=nobody", 0),
        ("action=key.revoked&from=2020-01-01&to=2020-01-02", 0),
        ("action=key.revoked&from=2020-01-01", 5),
    ]:  # fmt: skip
        body = (await client.get(f"/api/audit?{query}", headers=key(tenant))).json()
        assert len(body["items"]) == count, query


@pytest.mark.parametrize("query", ["from=x", "limit=0", "cursor=WzFd", "limit=a"])
async def test_hostile_queries_are_refused(client, tenant, query):
    assert (await client.get(f"/api/audit?{query}", headers=key(tenant))).status_code == 422


async def test_far_days_are_no_error(client, tenant):
    url = "/api/audit?from=0001-01-01&to=9999-12-31"
    assert (await client.get(url, headers=key(tenant))).status_code == 200


async def test_the_export_can_be_verified_elsewhere_and_is_noted(client, platform, tenant):
    await revoke(platform, tenant.scope)
    await seal_audit(platform)
    answer = await client.get("/api/audit/export", headers=key(tenant))
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    report = verify_lines(answer.text.splitlines())
    assert report.is_intact
    assert report.rows > 0
    body = (await client.get("/api/audit", headers=key(tenant))).json()
    assert body["items"][0]["action"] == "audit.exported"


async def test_personal_values_are_shown_until_erased(client, platform, tenant):
    async with platform.postgres.transaction(tenant.scope) as tx:
        await audit_personal(
            tx, platform.encryption, "person.changed", "person", "p",
            subject="person:p", personal={"email": "ada@example.com"},
        )  # fmt: skip
    url = "/api/audit?action=person.changed"
    entry = (await client.get(url, headers=key(tenant))).json()["items"][0]
    assert entry["personal"] == {"email": "ada@example.com"}
    async with platform.postgres.transaction(tenant.scope) as tx:
        await erase_personal(tx, "person:p")
    entry = (await client.get(url, headers=key(tenant))).json()["items"][0]
    assert entry["personal"] is None


async def test_nothing_of_another_tenant_is_shown(client, platform, tenant, other_tenant):
    await revoke(platform, other_tenant.scope, "canary")
    for path in ("/api/audit", "/api/audit/export"):
        assert "canary" not in (await client.get(path, headers=key(tenant))).text


async def test_who_may_not_read_the_log_does_not(client, tenant, sign_in):
    assert (await client.get("/api/audit")).status_code == 401
    await sign_in(tenant, "analyst")
    assert (await client.get("/api/audit")).status_code == 403
    assert (await client.get("/audit")).status_code == 403


async def test_the_page_survives_wrong_filters_and_says_when_nothing_fits(
    client, platform, tenant, sign_in
):
    await sign_in(tenant, "owner")
    assert "Nothing matches" in (await client.get("/audit?actor=nobody")).text
    assert (await client.get("/audit?from=nonsense&cursor=x")).status_code == 200
    await revoke(platform, tenant.scope, "<script>alert(1)</script>")
    assert "<script>alert(1)" not in (await client.get("/audit")).text
    assert re.search(r"([0-9a-f]{4} ){7}[0-9a-f]{4}", (await client.get("/audit")).text)
