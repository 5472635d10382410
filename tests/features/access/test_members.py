"""Members of a tenant: roles are kept, and a tenant always keeps an owner."""

import asyncio
from itertools import pairwise

import pytest

from groundswell.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from groundswell.core.ids import new_id
from groundswell.core.tenancy.permissions import ROLE_PERMISSIONS, Permission, Role
from groundswell.features.access.logic import members


async def roles(platform, scope):
    return {m.member_id: m.role for m in await members.list_members(platform, scope)}


def test_each_role_may_all_that_the_one_below_may():
    order = [Role.VIEWER, Role.ANALYST, Role.EDITOR, Role.ADMIN, Role.OWNER]
    for lower, higher in pairwise(order):
        assert ROLE_PERMISSIONS[lower] < ROLE_PERMISSIONS[higher]
    assert ROLE_PERMISSIONS[Role.OWNER] == frozenset(Permission)


async def test_who_has_an_account_gets_in_at_once(
    platform, tenant, other_tenant, owner, make_member, actions, signals
):
    known = await make_member(other_tenant, "viewer")
    added = await members.add_member(
        platform, owner.scope, email=f"  {known.email.upper()} ", role="editor"
    )
    assert (added.member_id, added.link_token) == (known.id, None)
    assert (await roles(platform, owner.scope))[known.id] == "editor"
    assert (await actions())[-1] == "member.added"
    assert (await signals())[-1] == "member.added"


async def test_who_has_none_gets_an_account_and_a_link_once(platform, owner):
    email = f"{new_id().hex}@example.com"
    added = await members.add_member(platform, owner.scope, email=email, role="viewer")
    assert len(added.link_token) >= 43
    listed = await members.list_members(platform, owner.scope)
    assert [m.has_password for m in listed if m.member_id == added.member_id] == [False]
    async with platform.postgres.across_tenants("test") as tx:
        rows = await tx.values("select row_to_json(l)::text from password_links l")
    assert added.link_token not in str(rows)


async def test_a_member_is_not_added_twice(platform, owner, admin):
    with pytest.raises(ConflictError):
        await members.add_member(platform, owner.scope, email=admin.email, role="viewer")
    assert (await roles(platform, owner.scope))[admin.id] == "admin"


async def test_all_wrong_fields_are_named_at_once(platform, owner):
    with pytest.raises(InvalidError) as refused:
        await members.add_member(platform, owner.scope, email="nobody", role="king", name="a\x00b")
    assert {error.field for error in refused.value.errors} == {"email", "role", "name"}


@pytest.mark.parametrize(
    "email", ["", "a", "a@", "@b", "a b@c.d", "a@b@c", "a\x00@b.c", "a@b..c", "x" * 251 + "@b.c"]
)
async def test_what_is_no_address_is_refused(platform, owner, email):
    with pytest.raises(InvalidError):
        await members.add_member(platform, owner.scope, email=email, role="viewer")


async def test_an_admin_neither_makes_nor_touches_an_owner(platform, owner, admin, make_member):
    attempts = (
        members.add_member(platform, admin.scope, email="new@example.com", role="owner"),
        members.change_role(platform, admin.scope, admin.id, "owner"),
        members.change_role(platform, admin.scope, owner.id, "viewer"),
        members.remove_member(platform, admin.scope, owner.id),
    )
    for attempt in attempts:
        with pytest.raises(ForbiddenError):
            await attempt
    assert await roles(platform, owner.scope) == {owner.id: "owner", admin.id: "admin"}


async def test_the_last_owner_stays(platform, owner, admin):
    with pytest.raises(ConflictError):
        await members.change_role(platform, owner.scope, owner.id, "admin")
    with pytest.raises(ConflictError):
        await members.remove_member(platform, owner.scope, owner.id)
    await members.change_role(platform, owner.scope, admin.id, "owner")
    await members.remove_member(platform, owner.scope, owner.id)
    assert await roles(platform, admin.scope) == {admin.id: "owner"}


async def test_two_owners_who_remove_each_other_at_once_leave_one(
    platform, tenant, owner, make_member
):
    for _ in range(5):
        other = await make_member(tenant, "owner")
        outcomes = await asyncio.gather(
            members.remove_member(platform, owner.scope, other.id),
            members.change_role(platform, other.scope, owner.id, "viewer"),
            return_exceptions=True,
        )
        refused = [o for o in outcomes if isinstance(o, ConflictError)]
        assert len(refused) == 1
        left = await roles(platform, tenant.scope)
        assert list(left.values()).count("owner") == 1
        await members.change_role(platform, tenant.scope, owner.id, "owner") if left[
            owner.id
        ] != "owner" else None
        if other.id in left:
            await members.remove_member(platform, tenant.scope, other.id)


async def test_a_change_of_role_is_in_the_audit_log_once(platform, owner, admin, actions):
    await members.change_role(platform, owner.scope, admin.id, "viewer")
    await members.change_role(platform, owner.scope, admin.id, "viewer")
    assert (await actions()).count("member.role_changed") == 1


async def test_another_tenants_members_are_not_there(platform, owner, other_tenant, make_member):
    foreign = await make_member(other_tenant, "viewer")
    assert foreign.id not in await roles(platform, owner.scope)
    for attempt in (
        members.change_role(platform, owner.scope, foreign.id, "admin"),
        members.remove_member(platform, owner.scope, foreign.id),
        members.renew_link(platform, owner.scope, foreign.id),
    ):
        with pytest.raises(NotFoundError):
            await attempt


async def test_a_link_is_renewed_only_for_who_has_no_password(platform, owner, admin):
    with pytest.raises(ConflictError):
        await members.renew_link(platform, owner.scope, admin.id)
    email = f"{new_id().hex}@example.com"
    added = await members.add_member(platform, owner.scope, email=email, role="viewer")
    again = await members.renew_link(platform, owner.scope, added.member_id)
    assert again.link_token != added.link_token
