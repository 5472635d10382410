"""Sessions of members: a random token in a cookie, its hash in the database."""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

import msgspec

from groundswell.core import clock
from groundswell.core.db.postgres import Transaction
from groundswell.core.ids import new_id
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import ROLE_PERMISSIONS, Role
from groundswell.core.tenancy.scope import Actor, ActorKind, Scope

IDLE = timedelta(days=14)
ABSOLUTE = timedelta(days=60)
_SEEN_EVERY = timedelta(minutes=1)

# The tenant of the session while the member still belongs to it, else another of theirs.
_SESSION = """
select s.session_id, s.member_id, m.email, m.name, s.last_seen_at, s.created_at,
       t.tenant_id, t.role
from sessions s
join members m using (member_id)
left join lateral (
  select ms.tenant_id, ms.role from memberships ms join tenants t using (tenant_id)
  where ms.member_id = s.member_id and ms.accepted_at is not null and t.status = 'active'
  order by ms.tenant_id is not distinct from s.tenant_id desc, ms.created_at, ms.tenant_id
  limit 1
) t on true
where s.token_hash = %s and s.expires_at > %s and s.last_seen_at > %s
"""

_START = """
insert into sessions (session_id, token_hash, member_id, tenant_id, created_at, last_seen_at,
                      expires_at, address, user_agent)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

_TENANTS = """
select t.tenant_id, t.slug, t.name, m.role
from memberships m join tenants t using (tenant_id)
where m.member_id = %s and m.accepted_at is not null and t.status = 'active'
order by lower(t.name), t.tenant_id
"""


class SessionInfo(msgspec.Struct, frozen=True):
    """A live session. Without a tenant there is no scope: the member belongs nowhere (any more)."""

    session_id: UUID
    member_id: UUID
    email: str
    name: str
    created_at: datetime
    tenant_id: UUID | None = None
    role: Role | None = None
    scope: Scope | None = None


class MemberTenant(msgspec.Struct, frozen=True):
    """A tenant a member may switch to."""

    tenant_id: UUID
    slug: str
    name: str
    role: str


class _Row(msgspec.Struct, frozen=True):
    session_id: UUID
    member_id: UUID
    email: str
    name: str
    last_seen_at: datetime
    created_at: datetime
    tenant_id: UUID | None
    role: str | None


async def session_of(platform: Platform, token: str) -> SessionInfo | None:
    """The session of a cookie's token, or None when it is unknown, idle too long or over.

    Raises:
        UnavailableError: the database is away.
    """
    now = clock.now()
    digest = token_hash(token)
    async with platform.postgres.across_tenants("session") as tx:
        row = await tx.fetch_one(_Row, _SESSION, (digest, now, now - IDLE))
        if row is None:
            return None
        if now - row.last_seen_at > _SEEN_EVERY:
            await tx.execute(
                "update sessions set last_seen_at = %s where session_id = %s", (now, row.session_id)
            )
    return _info(row)


async def start_session(
    platform: Platform,
    member_id: UUID,
    tenant_id: UUID | None = None,
    *,
    address: str = "",
    user_agent: str = "",
) -> str:
    """Start a session; returns its token, which is nowhere stored."""
    async with platform.postgres.across_tenants("session") as tx:
        return await insert_session(tx, member_id, tenant_id, address, user_agent)


async def insert_session(
    tx: Transaction, member_id: UUID, tenant_id: UUID | None, address: str, user_agent: str
) -> str:
    """The same in a system transaction of the caller's."""
    token = secrets.token_urlsafe(32)
    now = clock.now()
    await tx.execute(
        _START,
        (
            new_id(),
            token_hash(token),
            member_id,
            tenant_id,
            now,
            now,
            now + ABSOLUTE,
            address[:100],
            user_agent[:300],
        ),
    )
    return token


async def end_session(platform: Platform, token: str) -> None:
    """End the session of a token, if there is one."""
    async with platform.postgres.across_tenants("session") as tx:
        await tx.execute("delete from sessions where token_hash = %s", (token_hash(token),))


async def switch_tenant(platform: Platform, session: SessionInfo, tenant_id: UUID) -> bool:
    """Point the session at another tenant; False if the member doesn't belong to it."""
    async with platform.postgres.across_tenants("session") as tx:
        changed = await tx.execute(
            "update sessions s set tenant_id = m.tenant_id from memberships m"
            " join tenants t using (tenant_id) where s.session_id = %s"
            " and m.member_id = s.member_id and m.tenant_id = %s and m.accepted_at is not null"
            " and t.status = 'active'",
            (session.session_id, tenant_id),
        )
    return changed == 1


async def tenants_of(platform: Platform, member_id: UUID) -> list[MemberTenant]:
    """The tenants a member belongs to, by name."""
    async with platform.postgres.across_tenants("session") as tx:
        return await memberships_of(tx, member_id)


async def memberships_of(tx: Transaction, member_id: UUID) -> list[MemberTenant]:
    """The same in a system transaction of the caller's."""
    return await tx.fetch(MemberTenant, _TENANTS, (member_id,))


def token_hash(token: str) -> bytes:
    """What is stored of a random token."""
    return sha256(token.encode()).digest()


def member_scope(tenant_id: UUID, role: Role, member_id: UUID, email: str) -> Scope:
    """What a member may do in a tenant by their role there."""
    actor = Actor(ActorKind.MEMBER, str(member_id), email)
    return Scope(tenant_id, actor, ROLE_PERMISSIONS[role])


def _info(row: _Row) -> SessionInfo:
    info = SessionInfo(row.session_id, row.member_id, row.email, row.name, row.created_at)
    if row.tenant_id is None or row.role is None:
        return info
    role = Role(row.role)
    scope = member_scope(row.tenant_id, role, row.member_id, row.email)
    return msgspec.structs.replace(info, tenant_id=row.tenant_id, role=role, scope=scope)
