"""People who sign in, and what tests ask of the record."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import pytest

from groundswell.core.identity.passwords import PASSWORDS
from groundswell.core.identity.sessions import member_scope
from groundswell.core.ids import new_id
from groundswell.core.tenancy.permissions import Role
from groundswell.core.tenancy.scope import Scope

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Someone:
    """A member of a tenant with an account and :data:`PASSWORD`."""

    id: UUID
    email: str
    scope: Scope


@pytest.fixture(scope="session")
async def password_hash() -> str:
    """The hash of PASSWORD, made once."""
    return await PASSWORDS.hash(PASSWORD)


@pytest.fixture
async def make_member(platform, password_hash) -> Callable:
    """Makes a member: ``await make_member(tenant, "admin")``."""

    async def make(tenant, role: str, password: str | None = password_hash) -> Someone:
        member_id = new_id()
        email = f"{role}-{member_id.hex[-12:]}@example.com"
        async with platform.postgres.across_tenants("test") as tx:
            await tx.execute(
                "insert into members (member_id, email, password_hash) values (%s, %s, %s)",
                (member_id, email, password),
            )
            await tx.execute(
                "insert into memberships (tenant_id, member_id, role) values (%s, %s, %s)",
                (tenant.id, member_id, role),
            )
        return Someone(member_id, email, member_scope(tenant.id, Role(role), member_id, email))

    return make


@pytest.fixture
async def owner(make_member, tenant) -> Someone:
    """The tenant's only owner."""
    return await make_member(tenant, "owner")


@pytest.fixture
async def admin(make_member, tenant) -> Someone:
    """An admin of the tenant."""
    return await make_member(tenant, "admin")


@pytest.fixture
def actions(platform, tenant) -> Callable:
    """The tenant's audit actions, oldest first."""

    async def read(of=tenant) -> list[str]:
        async with platform.postgres.transaction(of.scope) as tx:
            return await tx.values(
                "select action from audit_log where tenant_id = %s order by audit_id", (of.id,)
            )

    return read


@pytest.fixture
def signals(platform, tenant) -> Callable:
    """The names of the tenant's signals, oldest first."""

    async def read() -> list[str]:
        async with platform.postgres.transaction(tenant.scope) as tx:
            return await tx.values(
                "select name from signals where tenant_id = %s order by signal_id", (tenant.id,)
            )

    return read
