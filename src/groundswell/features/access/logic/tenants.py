"""Making tenants and changing their settings."""

from collections.abc import Mapping
from contextlib import suppress
from uuid import UUID

import msgspec
import psycopg

from groundswell.core.audit import audit
from groundswell.core.db.postgres import ScopedTransaction, Transaction
from groundswell.core.errors import ConflictError, FieldError, InvalidError, UnavailableError
from groundswell.core.ids import new_id
from groundswell.core.platform import Platform
from groundswell.core.signals import emit
from groundswell.core.tenancy.permissions import Permission, Role
from groundswell.core.tenancy.scope import Actor, ActorKind, Scope, system_scope
from groundswell.features.access import store
from groundswell.features.access.logic.checks import refuse, settings_errors, tenant_errors
from groundswell.features.access.logic.keys import insert_key
from groundswell.features.access.types import Account, IssuedKey, NewTenant, TenantSettings


async def create_tenant(platform: Platform, new: NewTenant) -> UUID:
    """A tenant without members, for commands and tests.

    Raises:
        InvalidError: names every wrong field, also a slug that is taken.
    """
    refuse(tenant_errors(new))
    tenant_id = new_id()
    async with platform.postgres.across_tenants("create-tenant") as tx:
        await insert_tenant(tx, system_scope(tenant_id, "cli"), new)
    return tenant_id


async def insert_tenant(tx: Transaction, scope: Scope, new: NewTenant) -> ScopedTransaction:
    """Make the tenant of ``scope`` in a system transaction; returns it as the tenant's.

    Raises:
        InvalidError: the slug is taken.
    """
    if not await store.insert_tenant(tx, scope.tenant_id, new):
        raise InvalidError(
            "Some fields are wrong.", errors=[FieldError("slug", "is taken; choose another")]
        )
    scoped = ScopedTransaction(tx.connection, scope)
    await audit(scoped, "tenant.created", "tenant", scope.tenant_id, {"slug": new.slug})
    await emit(scoped, "tenant.created", {"slug": new.slug})
    return scoped


async def insert_owned_tenant(
    tx: Transaction, owner: Account, new: NewTenant
) -> tuple[UUID, IssuedKey, IssuedKey]:
    """A tenant with its owner, a secret and a publishable key, all in one transaction."""
    tenant_id = new_id()
    actor = Actor(ActorKind.MEMBER, str(owner.member_id), owner.email)
    scoped = await insert_tenant(tx, Scope(tenant_id, actor, frozenset(Permission)), new)
    await let_in(scoped, owner.member_id, Role.OWNER)
    secret = await insert_key(scoped, "secret", "Server")
    publishable = await insert_key(scoped, "publishable", "Website")
    return tenant_id, secret, publishable


async def create_workspace(
    platform: Platform, owner_id: UUID, new: NewTenant
) -> tuple[UUID, IssuedKey, IssuedKey]:
    """Another tenant of somebody who has an account already.

    Raises:
        InvalidError: names every wrong field.
    """
    refuse(tenant_errors(new))
    async with platform.postgres.across_tenants("create-tenant") as tx:
        owner = await store.account(tx, owner_id)
        if owner is None:
            raise ConflictError("This account is gone.")
        made = await insert_owned_tenant(tx, owner, new)
    await tell_directory(platform)
    return made


async def let_in(
    tx: ScopedTransaction, member_id: UUID, role: Role, *, accepted: bool = True
) -> bool:
    """Give an account a role in the tenant; False if it has one already."""
    if not await store.insert_membership(tx, member_id, role.value, accepted=accepted):
        return False
    detail = {"role": role.value}
    await audit(tx, "member.added", "member", member_id, detail)
    await emit(tx, "member.added", {"member_id": str(member_id), **detail})
    return True


async def settings_of(platform: Platform, scope: Scope) -> TenantSettings:
    """The tenant's settings."""
    async with platform.postgres.transaction(scope) as tx:
        return await store.tenant_settings(tx)


async def change_settings(
    platform: Platform, scope: Scope, changes: Mapping[str, str | bool]
) -> TenantSettings:
    """Change the named settings and no others; returns them all as they are then.

    Raises:
        InvalidError: names every wrong field; the currency can't change once there are orders.
    """
    async with platform.postgres.transaction(scope) as tx:
        old = await store.tenant_settings(tx, lock=True)
        new = msgspec.structs.replace(old, **changes)
        refuse(settings_errors(new))
        changed = _difference(old, new)
        if not changed:
            return new
        try:
            await store.update_tenant(tx, new)
        except psycopg.errors.CheckViolation:
            reason = _currency_stays(old.currency)
            raise InvalidError("Some fields are wrong.", errors=[reason]) from None
        await audit(tx, "tenant.changed", "tenant", tx.tenant_id, changed)
        await emit(tx, "tenant.changed", {"fields": sorted(changed)})
    await tell_directory(platform)
    return new


async def tell_directory(platform: Platform) -> None:
    """Let this process know at once what was committed; others learn it within a second."""
    with suppress(UnavailableError):
        await platform.directory.refresh()


def _currency_stays(currency: str) -> FieldError:
    return FieldError(
        "currency", f"can't change: orders are already counted in {currency} at their day's rate"
    )


def _difference(old: TenantSettings, new: TenantSettings) -> dict[str, object]:
    before, after = msgspec.structs.asdict(old), msgspec.structs.asdict(new)
    return {
        field: [before[field], after[field]] for field in after if before[field] != after[field]
    }
