"""The JSON API of keys, members and settings."""

import re

import httpx
import pytest

from groundswell.core.http.csrf import csrf_token
from groundswell.core.identity.api import start_session
from groundswell.core.ids import new_id


@pytest.fixture
def api(app, platform):
    """Clients of the API: ``await api(member)`` signed in, ``await api(key=…)`` with a key."""

    async def make(member=None, key=None):
        headers = {}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if member:
            token = await start_session(platform, member.id, member.scope.tenant_id)
            headers["Cookie"] = f"groundswell={token}"
            headers["X-CSRF-Token"] = csrf_token(platform.encryption, token)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://testserver", headers=headers)

    return make


NOBODY = "01a20000-0000-7000-8000-000000000000"
ROUTES = [
    ("GET", "/api/keys"),
    ("POST", "/api/keys"),
    ("POST", f"/api/keys/{NOBODY}/rotate"),
    ("DELETE", f"/api/keys/{NOBODY}"),
    ("GET", "/api/members"),
    ("POST", "/api/members"),
    ("PATCH", f"/api/members/{NOBODY}"),
    ("DELETE", f"/api/members/{NOBODY}"),
    ("GET", "/api/tenant"),
    ("PATCH", "/api/tenant"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_nobody_gets_in_without_a_name(api, method, path):
    async with await api() as client:
        answer = await client.request(method, path, json={})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_publishable_key_may_nothing_of_this(api, tenant, method, path):
    async with await api(key=tenant.publishable_key) as client:
        assert (await client.request(method, path, json={})).status_code == 403


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[0] != "GET"])
async def test_a_leaked_secret_key_makes_no_keys_members_or_owners(api, tenant, method, path):
    async with await api(key=tenant.secret_key) as client:
        assert (await client.request(method, path, json={})).status_code == 403


async def test_a_key_is_made_rotated_and_revoked(api, owner):
    async with await api(owner) as client:
        made = await client.post("/api/keys", json={"kind": "secret", "name": "Server"})
        assert made.status_code == 201
        assert re.fullmatch(r"gsk_\w{38}", made.json()["key"])
        path = f"/api/keys/{made.json()['key_id']}"
        rotated = await client.post(f"{path}/rotate", json={"overlap_hours": 1})
        assert rotated.status_code == 201
        assert (await client.post(f"{path}/rotate")).status_code == 409
        assert (await client.delete(path)).status_code == 204
        listed = (await client.get("/api/keys")).json()["items"]
    states = {item["key_id"]: item["state"] for item in listed}
    assert states[made.json()["key_id"]] == "revoked"
    assert states[rotated.json()["key_id"]] == "active"
    assert not any("key" in item or "secret_hash" in item for item in listed)


async def test_every_wrong_field_is_named_at_once(api, owner):
    async with await api(owner) as client:
        answer = await client.post(
            "/api/keys", json={"kind": "secret", "name": "", "scopes": ["a"], "expires_at": None}
        )
        assert answer.status_code == 422
        assert [e["field"] for e in answer.json()["errors"]] == ["name", "scopes"]
        answer = await client.post("/api/keys", json={"kind": 1, "scopes": "x"})
        assert {e["field"] for e in answer.json()["errors"]} == {"kind", "name", "scopes"}
        answer = await client.post("/api/members", json={"email": "x", "role": "king"})
        assert answer.status_code == 422


async def test_a_member_is_added_changed_and_removed(api, owner):
    email = f"{new_id().hex}@example.com"
    async with await api(owner) as client:
        added = await client.post("/api/members", json={"email": email, "role": "viewer"})
        assert added.status_code == 201
        assert added.json()["set_password_path"].startswith("/set-password?token=")
        path = f"/api/members/{added.json()['member_id']}"
        assert (await client.patch(path, json={"role": "admin"})).status_code == 204
        listed = (await client.get("/api/members")).json()["items"]
        assert {item["email"]: item["role"] for item in listed}[email] == "admin"
        assert (await client.delete(path)).status_code == 204
        assert (await client.delete(path)).status_code == 404
        assert (await client.delete(f"/api/members/{owner.id}")).status_code == 409


async def test_settings_change_one_by_one(api, owner):
    async with await api(owner) as client:
        before = (await client.get("/api/tenant")).json()
        answer = await client.patch("/api/tenant", json={"timezone": "Asia/Tokyo"})
        assert answer.json() == before | {"timezone": "Asia/Tokyo"}
        answer = await client.patch("/api/tenant", json={"timezone": "Moon", "currency": "x"})
        assert {e["field"] for e in answer.json()["errors"]} == {"currency", "timezone"}


async def test_another_tenants_things_are_not_there(
    api, owner, other_tenant, make_member, platform
):
    from groundswell.features.access.api import create_key

    foreign = await make_member(other_tenant, "viewer")
    key = await create_key(platform, other_tenant.scope, kind="secret", name="canary-theirs")
    async with await api(owner) as client:
        for method, path, body in (
            ("POST", f"/api/keys/{key.key.key_id}/rotate", {}),
            ("DELETE", f"/api/keys/{key.key.key_id}", None),
            ("PATCH", f"/api/members/{foreign.id}", {"role": "viewer"}),
            ("DELETE", f"/api/members/{foreign.id}", None),
        ):
            answer = await client.request(method, path, json=body)
            missing = await client.request(
                method, re.sub(r"[0-9a-f-]{36}", str(new_id()), path), json=body
            )
            assert answer.status_code == missing.status_code == 404
            assert answer.json()["detail"] == missing.json()["detail"]
        for path in ("/api/keys", "/api/members", "/api/tenant"):
            text = (await client.get(path)).text
            assert "canary-theirs" not in text
            assert foreign.email not in text


async def test_a_member_of_another_site_can_not_be_made_to_act(api, owner):
    async with await api(owner) as client:
        del client.headers["X-CSRF-Token"]
        answer = await client.post("/api/keys", json={"kind": "secret", "name": "x"})
    assert answer.status_code == 403
