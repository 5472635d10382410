"""Sessions: a random token, kept by its hash, over after 14 idle or 60 days."""

from datetime import timedelta

import pytest

from groundswell.core import clock
from groundswell.core.identity import sessions
from groundswell.core.identity.api import (
    end_session,
    session_of,
    start_session,
    switch_tenant,
    tenants_of,
)
from groundswell.core.ids import new_id
from groundswell.core.tenancy.permissions import ROLE_PERMISSIONS, Role


@pytest.fixture
async def member(platform):
    """A member of no tenant."""
    member_id = new_id()
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute(
            "insert into members (member_id, email, name) values (%s, %s, 'Mary')",
            (member_id, f"{member_id.hex}@example.com"),
        )
    return member_id


async def join(platform, tenant, member_id, role="viewer"):
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute(
            "insert into memberships (tenant_id, member_id, role) values (%s, %s, %s)"
            " on conflict (tenant_id, member_id) do update set role = excluded.role",
            (tenant.id, member_id, role),
        )


async def test_a_session_says_who_and_what_they_may_do(platform, tenant, member):
    await join(platform, tenant, member, "analyst")
    token = await start_session(platform, member, address="203.0.113.9", user_agent="Firefox/1")
    found = await session_of(platform, token)
    assert found.member_id == member
    assert (found.tenant_id, found.role) == (tenant.id, Role.ANALYST)
    assert found.scope.tenant_id == tenant.id
    assert found.scope.permissions == ROLE_PERMISSIONS[Role.ANALYST]
    assert found.scope.actor.id == str(member)


async def test_only_the_tokens_hash_is_stored(platform, member):
    token = await start_session(platform, member)
    assert len(token) >= 43
    async with platform.postgres.across_tenants("test") as tx:
        rows = await tx.values(
            "select row_to_json(s)::text from sessions s where member_id = %s", (member,)
        )
    assert rows
    assert token not in str(rows)


async def test_an_unknown_token_is_nobody(platform):
    for token in ("", "x", "x" * 1_000, "\x00", "💧"):
        assert await session_of(platform, token) is None


async def test_a_session_ends_when_it_is_ended(platform, member):
    token, other = await start_session(platform, member), await start_session(platform, member)
    await end_session(platform, token)
    assert await session_of(platform, token) is None
    assert await session_of(platform, other) is not None


@pytest.mark.parametrize(
    "change",
    ["last_seen_at = now() - interval '14 days 1 minute'", "expires_at = now() - interval '1 s'"],
)
async def test_an_idle_or_old_session_is_over(platform, member, change):
    token = await start_session(platform, member)
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute(f"update sessions set {change} where member_id = %s", (member,))
    assert await session_of(platform, token) is None


async def test_use_keeps_a_session_awake_but_not_beyond_60_days(platform, member):
    token = await start_session(platform, member)
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute(
            "update sessions set last_seen_at = now() - interval '13 days' where member_id = %s",
            (member,),
        )
    assert await session_of(platform, token) is not None
    async with platform.postgres.across_tenants("test") as tx:
        [(seen, created, expires)] = await tx.rows(
            "select last_seen_at, created_at, expires_at from sessions where member_id = %s",
            (member,),
        )
    assert clock.now() - seen < timedelta(minutes=1)
    assert expires - created == sessions.ABSOLUTE == timedelta(days=60)


async def test_who_is_removed_from_a_tenant_loses_it_with_the_next_request(
    platform, tenant, member
):
    await join(platform, tenant, member)
    token = await start_session(platform, member, tenant.id)
    assert (await session_of(platform, token)).tenant_id == tenant.id
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute("delete from memberships where member_id = %s", (member,))
    found = await session_of(platform, token)
    assert (found.tenant_id, found.role, found.scope) == (None, None, None)


async def test_a_suspended_tenant_opens_for_nobody(platform, tenant, member):
    await join(platform, tenant, member)
    token = await start_session(platform, member, tenant.id)
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute(
            "update tenants set status = 'suspended' where tenant_id = %s", (tenant.id,)
        )
    assert (await session_of(platform, token)).scope is None
    assert await tenants_of(platform, member) == []


async def test_a_session_switches_only_to_ones_own_tenants(platform, tenant, other_tenant, member):
    await join(platform, tenant, member)
    token = await start_session(platform, member, tenant.id)
    session = await session_of(platform, token)
    assert not await switch_tenant(platform, session, other_tenant.id)
    assert not await switch_tenant(platform, session, new_id())
    await join(platform, other_tenant, member, "admin")
    assert await switch_tenant(platform, session, other_tenant.id)
    found = await session_of(platform, token)
    assert (found.tenant_id, found.role) == (other_tenant.id, Role.ADMIN)
    listed = await tenants_of(platform, member)
    assert {(t.tenant_id, t.role) for t in listed} == {
        (tenant.id, "viewer"),
        (other_tenant.id, "admin"),
    }
