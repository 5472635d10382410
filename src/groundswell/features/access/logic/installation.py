"""What the command line makes: a tenant with an owner and keys, the same however often it runs."""

from uuid import UUID

import msgspec

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.errors import ConflictError
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Role
from groundswell.core.tenancy.scope import system_scope
from groundswell.features.access import store
from groundswell.features.access.logic.checks import (
    email_errors,
    normal_email,
    refuse,
    tenant_errors,
)
from groundswell.features.access.logic.credentials import ensure_owner
from groundswell.features.access.logic.tenants import insert_owned_tenant, let_in
from groundswell.features.access.types import Account, NewTenant


class Initialised(msgspec.Struct, frozen=True, omit_defaults=True):
    """What there is now; the keys only when they were newly made."""

    tenant_id: UUID
    tenant: str
    email: str
    secret_key: str | None = None
    publishable_key: str | None = None


async def initialise(
    platform: Platform, new: NewTenant, *, email: str, password: str, member_name: str = ""
) -> Initialised:
    """A tenant with an owner and two keys. A second run changes nothing.

    Raises:
        InvalidError: names every wrong field.
        SignInRefusedError: the address has an account with another password.
        ConflictError: the tenant belongs to others.
    """
    email = normal_email(email)
    refuse(tenant_errors(new, "name"), email_errors(email))
    member_id = await ensure_owner(platform, email, password, member_name)
    async with platform.postgres.across_tenants("init") as tx:
        await tx.execute("select pg_advisory_xact_lock(hashtext(%s))", (f"init:{new.slug}",))
        tenant_id = await store.tenant_id_of(tx, new.slug)
        if tenant_id is not None:
            scoped = ScopedTransaction(tx.connection, system_scope(tenant_id, "cli"))
            await _own(scoped, member_id)
            return Initialised(tenant_id, new.slug, email)
        owner = Account(member_id, email, member_name, None)
        tenant_id, secret, publishable = await insert_owned_tenant(tx, owner, new)
    return Initialised(tenant_id, new.slug, email, secret.secret, publishable.secret)


async def _own(tx: ScopedTransaction, member_id: UUID) -> None:
    """The member owns the tenant; a tenant made without members gets its first owner."""
    if await store.role_of(tx, member_id) == Role.OWNER:
        # Whoever may run commands here and knows the password needs no link.
        await store.accept_membership(tx, member_id)
        return
    if await store.other_owners(tx, member_id):
        raise ConflictError("This tenant exists and another member owns it.")
    if not await let_in(tx, member_id, Role.OWNER):
        raise ConflictError("This tenant exists and this member doesn't own it.")
