"""Members of a tenant: adding, changing roles, removing. A tenant always keeps an owner."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from groundswell.core.audit import audit
from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.errors import ConflictError, ForbiddenError, NotFoundError
from groundswell.core.ids import new_id
from groundswell.core.mail.send import send
from groundswell.core.platform import Platform
from groundswell.core.signals import emit
from groundswell.core.tenancy.permissions import Permission, Role
from groundswell.core.tenancy.scope import Scope
from groundswell.features.access import store
from groundswell.features.access.logic.checks import (
    email_errors,
    normal_email,
    person_name_errors,
    refuse,
    role_errors,
)
from groundswell.features.access.logic.letters import invitation
from groundswell.features.access.logic.password_links import LIFETIME, new_link
from groundswell.features.access.logic.tenants import let_in
from groundswell.features.access.logic.throttle import throttle_invitation
from groundswell.features.access.types import Account, AddedMember, TenantMember

LINK_DAYS = LIFETIME["invitation"].days


async def list_members(platform: Platform, scope: Scope) -> list[TenantMember]:
    """The tenant's members, owners first."""
    async with _accounts(platform, scope) as tx:
        return await store.members_of(tx)


async def add_member(
    platform: Platform, scope: Scope, *, email: str, role: str, name: str = ""
) -> AddedMember:
    """Let somebody in as soon as they accept, by the link in the answer and in their mail.

    Who has no account yet gets one, whose password is set by the link. An account alone is not
    let in: anybody may have signed up under the address, and only the link shows who is meant.

    Raises:
        InvalidError: names every wrong field.
        ConflictError: they are a member already.
        ForbiddenError: only an owner can make an owner.
        RateLimitedError: too many invitations within an hour.
    """
    email, name = normal_email(email), name.strip()
    refuse(email_errors(email), role_errors(role), person_name_errors(name))
    _may_touch(scope, Role(role))
    await throttle_invitation(platform, scope.tenant_id)
    async with _accounts(platform, scope) as tx:
        await store.insert_account(tx, Account(new_id(), email, name, None))
        account = await store.account_by_email(tx, email)
        assert account is not None
        if not await let_in(tx, account.member_id, Role(role), accepted=False):
            raise ConflictError(f"{email} is a member already.")
        link = await new_link(tx, account.member_id, tx.tenant_id)
        await _invite(tx, platform, account, link)
    return AddedMember(account.member_id, email, Role(role), link)


async def renew_link(platform: Platform, scope: Scope, member_id: UUID) -> AddedMember:
    """Another link for somebody who has not accepted yet; the first one ends.

    Raises:
        NotFoundError: they are no member of this tenant.
        ConflictError: they have accepted.
        RateLimitedError: too many invitations within an hour.
    """
    await throttle_invitation(platform, scope.tenant_id)
    async with _accounts(platform, scope) as tx:
        role = await _role(tx, member_id)
        _may_touch(scope, role)
        account = await store.account(tx, member_id)
        if account is None or await store.has_accepted(tx, member_id):
            raise ConflictError("They have accepted already; nobody needs another link.")
        link = await new_link(tx, member_id, tx.tenant_id)
        await _invite(tx, platform, account, link)
        await audit(tx, "member.link_renewed", "member", member_id)
        await emit(tx, "member.link_renewed", {"member_id": str(member_id)})
    return AddedMember(member_id, account.email, role, link)


async def change_role(platform: Platform, scope: Scope, member_id: UUID, role: str) -> None:
    """Give a member another role.

    Raises:
        NotFoundError: they are no member of this tenant.
        ForbiddenError: only an owner can make or change an owner.
        ConflictError: they are the last owner.
    """
    refuse(role_errors(role))
    new = Role(role)
    async with _accounts(platform, scope) as tx:
        await store.lock_tenant(tx)
        old = await _role(tx, member_id)
        _may_touch(scope, old)
        _may_touch(scope, new)
        if old is new:
            return
        if old is Role.OWNER:
            await _keep_an_owner(tx, member_id)
        await store.update_membership(tx, member_id, new.value)
        detail = {"from": old.value, "to": new.value}
        await audit(tx, "member.role_changed", "member", member_id, detail)
        await emit(tx, "member.role_changed", {"member_id": str(member_id), **detail})


async def remove_member(platform: Platform, scope: Scope, member_id: UUID) -> None:
    """Let a member go; their sessions lose the tenant with the next request.

    Raises:
        NotFoundError: they are no member of this tenant.
        ForbiddenError: only an owner can remove an owner.
        ConflictError: they are the last owner.
    """
    async with _accounts(platform, scope) as tx:
        await store.lock_tenant(tx)
        role = await _role(tx, member_id)
        _may_touch(scope, role)
        if role is Role.OWNER:
            await _keep_an_owner(tx, member_id)
        await store.delete_membership(tx, member_id)
        await audit(tx, "member.removed", "member", member_id, {"role": role.value})
        await emit(tx, "member.removed", {"member_id": str(member_id)})


@asynccontextmanager
async def _accounts(platform: Platform, scope: Scope) -> AsyncIterator[ScopedTransaction]:
    """A system transaction that works for one tenant: accounts belong to no tenant."""
    async with platform.postgres.across_tenants("members") as tx:
        yield ScopedTransaction(tx.connection, scope)


async def _role(tx: ScopedTransaction, member_id: UUID) -> Role:
    role = await store.role_of(tx, member_id)
    if role is None:
        raise NotFoundError("There is no such member.")
    return Role(role)


async def _keep_an_owner(tx: ScopedTransaction, member_id: UUID) -> None:
    if not await store.other_owners(tx, member_id):
        raise ConflictError("This is the last owner. Make somebody else an owner first.")


def _may_touch(scope: Scope, role: Role) -> None:
    if role is Role.OWNER and Permission.TENANT_MANAGE not in scope.permissions:
        raise ForbiddenError("Only an owner can make, change or remove an owner.")


async def _invite(tx: ScopedTransaction, platform: Platform, account: Account, token: str) -> None:
    tenant = await store.tenant_settings(tx)
    inviter = tx.scope.actor.label
    await send(
        tx, platform, invitation(platform.settings, account, tenant.name, inviter, token, LINK_DAYS)
    )
