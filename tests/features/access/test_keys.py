"""Keys: shown once, stored as hashes, scoped, rotated with overlap, stopped at once."""

import asyncio
from datetime import timedelta

import pytest

from groundswell.core import clock
from groundswell.core.errors import ConflictError, InvalidError, NotFoundError
from groundswell.core.ids import new_id
from groundswell.core.tenancy.permissions import (
    PUBLISHABLE_PERMISSIONS,
    SECRET_KEY_PERMISSIONS,
    Permission,
)
from groundswell.features.access.logic import keys


async def usable(platform, secret):
    await platform.directory.refresh()
    return platform.directory.scope_of_key(secret)


async def test_each_kind_gets_what_it_may_have_and_no_more(platform, tenant):
    secret = await usable(platform, tenant.secret_key)
    publishable = await usable(platform, tenant.publishable_key)
    assert secret.permissions == SECRET_KEY_PERMISSIONS
    assert publishable.permissions == PUBLISHABLE_PERMISSIONS
    assert secret.trusted
    assert not publishable.trusted


async def test_a_key_carries_only_the_scopes_it_was_given(platform, tenant):
    issued = await keys.create_key(
        platform, tenant.scope, kind="secret", name="Reader", scopes=["people:read"]
    )
    scope = await usable(platform, issued.secret)
    assert scope.permissions == {Permission.PEOPLE_READ}


async def test_the_secret_is_nowhere_in_the_database(platform, tenant):
    async with platform.postgres.across_tenants("test") as tx:
        rows = await tx.values(
            "select row_to_json(k)::text from api_keys k where tenant_id = %s", (tenant.id,)
        )
    assert len(rows) == 2
    assert tenant.secret_key not in str(rows)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"kind": "golden"}, "kind"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["members:manage"]}, "scopes"),
        ({"scopes": ["keys:manage"]}, "scopes"),
        ({"kind": "publishable", "scopes": ["people:read"]}, "scopes"),
        ({"expires_at": clock.now() - timedelta(seconds=1)}, "expires_at"),
        ({"expires_at": clock.now().replace(tzinfo=None)}, "expires_at"),
    ],
)
async def test_a_wrong_key_is_refused_by_field(platform, tenant, change, field):
    given = {"kind": "secret", "name": "Server"} | change
    with pytest.raises(InvalidError) as refused:
        await keys.create_key(platform, tenant.scope, **given)
    assert [error.field for error in refused.value.errors] == [field]


async def test_all_wrong_fields_are_named_at_once(platform, tenant):
    with pytest.raises(InvalidError) as refused:
        await keys.create_key(platform, tenant.scope, kind="secret", name="", scopes=["x", "y"])
    assert [error.field for error in refused.value.errors] == ["name", "scopes", "scopes"]


async def test_a_revoked_key_stops(platform, tenant, actions, signals):
    issued = await keys.create_key(platform, tenant.scope, kind="secret", name="Server")
    assert await usable(platform, issued.secret)
    await keys.revoke_key(platform, tenant.scope, issued.key.key_id)
    await keys.revoke_key(platform, tenant.scope, issued.key.key_id)
    assert await usable(platform, issued.secret) is None
    assert (await actions())[-2:] == ["key.created", "key.revoked"]
    assert (await signals())[-2:] == ["key.created", "key.revoked"]


async def test_an_expired_key_stops_without_a_refresh(platform, tenant):
    soon = clock.now() + timedelta(milliseconds=400)
    issued = await keys.create_key(
        platform, tenant.scope, kind="secret", name="Server", expires_at=soon
    )
    assert await usable(platform, issued.secret)
    await asyncio.sleep(0.45)
    assert platform.directory.scope_of_key(issued.secret) is None


async def test_after_a_rotation_both_keys_work_until_the_overlap_is_over(platform, tenant):
    old = await keys.create_key(
        platform, tenant.scope, kind="secret", name="Server", scopes=["people:read"]
    )
    new = await keys.rotate_key(platform, tenant.scope, old.key.key_id, 2)
    assert new.secret != old.secret
    assert (new.key.name, new.key.kind, new.key.scopes) == ("Server", "secret", ["people:read"])
    assert await usable(platform, old.secret)
    assert await usable(platform, new.secret)
    listed = {key.key_id: key for key in await keys.list_keys(platform, tenant.scope)}
    replaced = listed[old.key.key_id]
    assert replaced.replaced_by == new.key.key_id
    assert replaced.state(clock.now()) == "expiring"
    left = replaced.expires_at - clock.now()
    assert timedelta(hours=1, minutes=59) < left <= timedelta(hours=2)


async def test_a_rotation_without_overlap_ends_the_old_key_now(platform, tenant):
    old = await keys.create_key(platform, tenant.scope, kind="secret", name="Server")
    new = await keys.rotate_key(platform, tenant.scope, old.key.key_id, 0)
    assert await usable(platform, old.secret) is None
    assert await usable(platform, new.secret)


async def test_a_rotation_never_prolongs_a_key(platform, tenant):
    soon = clock.now() + timedelta(hours=1)
    old = await keys.create_key(
        platform, tenant.scope, kind="secret", name="Server", expires_at=soon
    )
    new = await keys.rotate_key(platform, tenant.scope, old.key.key_id, 720)
    listed = {key.key_id: key for key in await keys.list_keys(platform, tenant.scope)}
    assert listed[old.key.key_id].expires_at == soon
    assert abs(new.key.expires_at - soon) < timedelta(seconds=5)


async def test_what_no_longer_works_is_not_rotated(platform, tenant):
    old = await keys.create_key(platform, tenant.scope, kind="secret", name="Server")
    await keys.rotate_key(platform, tenant.scope, old.key.key_id)
    with pytest.raises(ConflictError):
        await keys.rotate_key(platform, tenant.scope, old.key.key_id)
    await keys.revoke_key(platform, tenant.scope, old.key.key_id)
    with pytest.raises(ConflictError):
        await keys.rotate_key(platform, tenant.scope, old.key.key_id)


async def test_two_rotations_at_once_make_one_new_key(platform, tenant):
    old = await keys.create_key(platform, tenant.scope, kind="secret", name="Server")
    outcomes = await asyncio.gather(
        *(keys.rotate_key(platform, tenant.scope, old.key.key_id) for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, ConflictError) for outcome in outcomes) == 3


@pytest.mark.parametrize("hours", [-1, 721])
async def test_the_overlap_is_0_to_720_hours(platform, tenant, hours):
    with pytest.raises(InvalidError):
        await keys.rotate_key(platform, tenant.scope, new_id(), hours)


async def test_another_tenants_key_is_not_there(platform, tenant, other_tenant):
    issued = await keys.create_key(platform, tenant.scope, kind="secret", name="Server")
    for act in (keys.rotate_key, keys.revoke_key):
        with pytest.raises(NotFoundError):
            await act(platform, other_tenant.scope, issued.key.key_id)
    listed = await keys.list_keys(platform, other_tenant.scope)
    assert issued.key.key_id not in {key.key_id for key in listed}


async def test_last_use_is_written_down_in_one_go_and_never_backwards(
    platform, tenant, other_tenant
):
    platform.directory.used.clear()
    for secret in (tenant.secret_key, other_tenant.secret_key, other_tenant.publishable_key):
        assert platform.directory.scope_of_key(secret)
    assert await keys.flush_used(platform) == 3
    assert platform.directory.used == {}
    used = {key.kind: key.last_used_at for key in await keys.list_keys(platform, tenant.scope)}
    assert clock.now() - used["secret"] < timedelta(seconds=10)
    assert used["publishable"] is None
    key = next(k for k in await keys.list_keys(platform, tenant.scope) if k.kind == "secret")
    platform.directory.used[(tenant.id, key.key_id)] = clock.now() - timedelta(days=1)
    await keys.flush_used(platform)
    again = next(k for k in await keys.list_keys(platform, tenant.scope) if k.kind == "secret")
    assert again.last_used_at == key.last_used_at


async def test_noting_last_use_does_not_make_every_process_reload(platform, tenant):
    async with platform.postgres.across_tenants("test") as tx:
        before = await tx.value("select version from directory_version")
    platform.directory.scope_of_key(tenant.secret_key)
    await keys.flush_used(platform)
    async with platform.postgres.across_tenants("test") as tx:
        assert await tx.value("select version from directory_version") == before
