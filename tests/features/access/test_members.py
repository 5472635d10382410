"""Members of a tenant: roles are kept, and a tenant always keeps an owner."""

import asyncio
from itertools import pairwise

import pytest

from groundswell.core.audit.names import names_of
from groundswell.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from groundswell.core.identity.api import session_of, switch_tenant, tenants_of
from groundswell.core.ids import new_id
from groundswell.core.tenancy.permissions import ROLE_PERMISSIONS, Permission, Role
from groundswell.features.access.logic import members
from groundswell.features.access.logic.password_links import link_account
from groundswell.features.access.logic.password_links import set_password as accept_link
from groundswell.features.access.logic.throttle import Attempt
from groundswell.features.access.types import SignInRefusedError

from .conftest import PASSWORD


def somewhere() -> Attempt:
    """An address nobody tried from yet."""
    return Attempt(f"test-{new_id().hex}")


async def roles(platform, scope):
    return {m.member_id: m.role for m in await members.list_members(platform, scope)}


def test_each_role_may_all_that_the_one_below_may():
    order = [Role.VIEWER, Role.ANALYST, Role.EDITOR, Role.ADMIN, Role.OWNER]
    for lower, higher in pairwise(order):
        assert ROLE_PERMISSIONS[lower] < ROLE_PERMISSIONS[higher]
    assert ROLE_PERMISSIONS[Role.OWNER] == frozenset(Permission)


async def test_who_has_an_account_comes_in_by_the_link_and_the_password(
    platform, tenant, other_tenant, owner, make_member, actions, signals
):
    known = await make_member(other_tenant, "viewer")
    added = await members.add_member(
        platform, owner.scope, email=f"  {known.email.upper()} ", role="editor"
    )
    assert added.member_id == known.id
    assert (await roles(platform, owner.scope))[known.id] == "editor"
    assert (await actions())[-1] == (await signals())[-1] == "member.added"
    assert [t.tenant_id for t in await tenants_of(platform, known.id)] == [other_tenant.id]
    given = {"token": added.link_token, "name": "", "attempt": somewhere()}
    with pytest.raises(SignInRefusedError):
        await accept_link(platform, password="a wrong password", **given)
    token = await accept_link(platform, password=PASSWORD, **given)
    session = await session_of(platform, token)
    assert (session.tenant_id, session.role) == (tenant.id, Role.EDITOR)
    assert (await actions())[-1] == (await signals())[-1] == "member.joined"


async def test_another_tenant_can_not_take_over_who_was_invited_here(
    platform, tenant, other_tenant, owner, make_member
):
    """Whoever adds the same address elsewhere gets a link too; it once opened this tenant."""
    email = f"{new_id().hex}@example.com"
    mallory = await make_member(other_tenant, "owner")
    invited = await members.add_member(platform, owner.scope, email=email, role="admin")
    theirs = await members.add_member(platform, mallory.scope, email=email, role="viewer")
    for link in (theirs, await members.renew_link(platform, mallory.scope, theirs.member_id)):
        assert link.member_id == invited.member_id
        last = link
    token = await accept_link(
        platform, token=last.link_token, name="", password="mallorys own", attempt=somewhere()
    )
    session = await session_of(platform, token)
    assert session.tenant_id == other_tenant.id
    assert [t.tenant_id for t in await tenants_of(platform, session.member_id)] == [other_tenant.id]
    assert not await switch_tenant(platform, session, tenant.id)


async def test_signing_up_under_somebodys_address_opens_nothing(
    platform, tenant, other_tenant, owner, make_member
):
    """An address is not proved by signing up, so being added must not be enough to come in."""
    squatter = await make_member(other_tenant, "owner")
    await members.add_member(platform, owner.scope, email=squatter.email, role="owner")
    assert [t.tenant_id for t in await tenants_of(platform, squatter.id)] == [other_tenant.id]


async def test_an_invitation_tells_nothing_of_the_account(
    platform, tenant, other_tenant, owner, make_member
):
    """Name and last sign-in of anybody could be read by adding their address."""
    known = await make_member(other_tenant, "viewer")
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute(
            "update members set name = 'Secret Name', last_sign_in_at = now() where member_id = %s",
            (known.id,),
        )
    await members.add_member(platform, owner.scope, email=known.email, role="viewer")
    listed = await members.list_members(platform, owner.scope)
    [shown] = [each for each in listed if each.member_id == known.id]
    assert (shown.name, shown.last_sign_in_at, shown.has_accepted) == ("", None, False)
    assert await names_of(platform, owner.scope, [str(known.id)], []) == {
        str(known.id): known.email
    }
    await members.remove_member(platform, owner.scope, known.id)
    assert await names_of(platform, owner.scope, [str(known.id)], []) == {
        str(known.id): known.email
    }


async def test_an_owner_who_has_not_accepted_is_no_owner_yet(platform, owner):
    """Else the last one could leave, and nobody would be left who can do anything."""
    email = f"{new_id().hex}@example.com"
    added = await members.add_member(platform, owner.scope, email=email, role="owner")
    with pytest.raises(ConflictError):
        await members.remove_member(platform, owner.scope, owner.id)
    await accept_link(
        platform, token=added.link_token, name="", password=PASSWORD, attempt=somewhere()
    )
    await members.remove_member(platform, owner.scope, owner.id)


async def test_a_link_ends_with_the_membership(platform, owner):
    email = f"{new_id().hex}@example.com"
    added = await members.add_member(platform, owner.scope, email=email, role="viewer")
    await members.remove_member(platform, owner.scope, added.member_id)
    with pytest.raises(NotFoundError):
        await link_account(platform, added.link_token)


async def test_who_has_none_gets_an_account_and_a_link_once(platform, owner):
    email = f"{new_id().hex}@example.com"
    added = await members.add_member(platform, owner.scope, email=email, role="viewer")
    assert len(added.link_token) >= 43
    listed = await members.list_members(platform, owner.scope)
    assert [m.has_accepted for m in listed if m.member_id == added.member_id] == [False]
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


async def test_a_link_is_renewed_only_for_who_has_not_accepted(platform, owner, admin):
    with pytest.raises(ConflictError):
        await members.renew_link(platform, owner.scope, admin.id)
    email = f"{new_id().hex}@example.com"
    added = await members.add_member(platform, owner.scope, email=email, role="viewer")
    again = await members.renew_link(platform, owner.scope, added.member_id)
    assert again.link_token != added.link_token
