"""The only code that touches tenants, members, memberships, keys and set-password links."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from groundswell.core.db.postgres import ScopedTransaction, Transaction
from groundswell.features.access.types import (
    Account,
    ApiKey,
    HomeTenant,
    LinkAccount,
    NewTenant,
    OpenSession,
    TenantMember,
    TenantSettings,
)

_KEYS = """
select key_id, kind, name, prefix, scopes, created_by, created_at, expires_at, revoked_at,
       last_used_at, replaced_by
from api_keys
where tenant_id = %s
  and coalesce(least(revoked_at, expires_at), now()) > now() - interval '30 days'
order by created_at desc, key_id desc
"""

_KEY_FOR_UPDATE = """
select key_id, kind, name, prefix, scopes, created_by, created_at, expires_at, revoked_at,
       last_used_at, replaced_by
from api_keys
where tenant_id = %s and key_id = %s
for no key update
"""

_MEMBERS = """
select m.member_id, m.email, case when ms.accepted_at is null then '' else m.name end as name,
       ms.role, ms.created_at,
       case when ms.accepted_at is not null then m.last_sign_in_at end as last_sign_in_at,
       ms.accepted_at is not null as has_accepted
from memberships ms join members m using (member_id)
where ms.tenant_id = %s
order by array_position(array['owner', 'admin', 'editor', 'analyst', 'viewer'], ms.role), m.email
"""

# Rows are locked in the order of their key: two processes that flush at once can't deadlock.
_USED = """
with seen as (
  select * from unnest(%s::uuid[], %s::uuid[], %s::timestamptz[]) as s (tenant_id, key_id, at)
), locked as (
  select k.tenant_id, k.key_id, s.at
  from api_keys k join seen s using (tenant_id, key_id)
  where k.last_used_at is null or k.last_used_at < s.at
  order by k.tenant_id, k.key_id
  for no key update of k
)
update api_keys k set last_used_at = l.at from locked l
where k.tenant_id = l.tenant_id and k.key_id = l.key_id
"""


# Tenants


async def insert_tenant(tx: Transaction, tenant_id: UUID, tenant: NewTenant) -> bool:
    """Make the tenant; False if its slug is taken."""
    made = await tx.execute(
        "insert into tenants (tenant_id, slug, name, currency, timezone)"
        " values (%s, %s, %s, %s, %s) on conflict (slug) do nothing",
        (tenant_id, tenant.slug, tenant.name, tenant.currency, tenant.timezone),
    )
    return made == 1


async def tenant_id_of(tx: Transaction, slug: str) -> UUID | None:
    """The tenant with this slug."""
    found: UUID | None = await tx.value("select tenant_id from tenants where slug = %s", (slug,))
    return found


async def tenant_settings(tx: ScopedTransaction, *, lock: bool = False) -> TenantSettings:
    """The tenant's settings; ``lock`` keeps them until the end of the transaction."""
    sql = (
        "select name, currency, timezone, activation_event, order_source, trusts_publishable"
        " from tenants where tenant_id = %s"
    )
    found = await tx.fetch_one(
        TenantSettings, sql + " for no key update" if lock else sql, (tx.tenant_id,)
    )
    assert found is not None
    return found


async def update_tenant(tx: ScopedTransaction, new: TenantSettings) -> None:
    """Write the tenant's settings."""
    await tx.execute(
        "update tenants set name = %s, currency = %s, timezone = %s, activation_event = %s,"
        " order_source = %s, trusts_publishable = %s, updated_at = now() where tenant_id = %s",
        (
            new.name,
            new.currency,
            new.timezone,
            new.activation_event,
            new.order_source,
            new.trusts_publishable,
            tx.tenant_id,
        ),
    )


async def lock_tenant(tx: ScopedTransaction) -> None:
    """Let changes of the tenant's members happen one after another."""
    await tx.execute(
        "select 1 from tenants where tenant_id = %s for no key update", (tx.tenant_id,)
    )


# Members: accounts are global, memberships belong to a tenant


async def account_by_email(tx: Transaction, email: str) -> Account | None:
    """The account with this e-mail address (already in lower case)."""
    return await tx.fetch_one(
        Account,
        "select member_id, email, name, password_hash from members where email = %s",
        (email,),
    )


async def account(tx: Transaction, member_id: UUID) -> Account | None:
    """The account with this id."""
    return await tx.fetch_one(
        Account,
        "select member_id, email, name, password_hash from members where member_id = %s",
        (member_id,),
    )


async def insert_account(tx: Transaction, new: Account) -> bool:
    """Make the account; False if the e-mail address has one."""
    made = await tx.execute(
        "insert into members (member_id, email, name, password_hash)"
        " values (%s, %s, %s, %s) on conflict (email) do nothing",
        (new.member_id, new.email, new.name, new.password_hash),
    )
    return made == 1


async def set_password(tx: Transaction, member_id: UUID, password_hash: str) -> None:
    """Store a new password's hash."""
    await tx.execute(
        "update members set password_hash = %s, password_changed_at = now() where member_id = %s",
        (password_hash, member_id),
    )


async def set_name(tx: Transaction, member_id: UUID, name: str) -> None:
    """Store the name a member goes by."""
    await tx.execute("update members set name = %s where member_id = %s", (name, member_id))


async def signed_in(tx: Transaction, member_id: UUID, rehashed: str | None) -> None:
    """Note the sign-in and, if the hash was made anew, keep it."""
    await tx.execute(
        "update members set last_sign_in_at = now(),"
        " password_hash = coalesce(%s, password_hash) where member_id = %s",
        (rehashed, member_id),
    )


async def home_tenant(tx: Transaction, member_id: UUID) -> HomeTenant | None:
    """The first active tenant the member came to; None for a member of none."""
    return await tx.fetch_one(
        HomeTenant,
        "select t.tenant_id, t.name from memberships ms join tenants t using (tenant_id)"
        " where ms.member_id = %s and ms.accepted_at is not null and t.status = 'active'"
        " order by ms.created_at, ms.tenant_id limit 1",
        (member_id,),
    )


async def members_of(tx: ScopedTransaction) -> list[TenantMember]:
    """The tenant's members, owners first. For the system's role."""
    return await tx.fetch(TenantMember, _MEMBERS, (tx.tenant_id,))


async def role_of(tx: ScopedTransaction, member_id: UUID) -> str | None:
    """The member's role in the tenant."""
    role: str | None = await tx.value(
        "select role from memberships where tenant_id = %s and member_id = %s",
        (tx.tenant_id, member_id),
    )
    return role


async def other_owners(tx: ScopedTransaction, member_id: UUID) -> int:
    """How many owners the tenant has besides this member."""
    count: int = await tx.value(
        "select count(*) from memberships"
        " where tenant_id = %s and role = 'owner' and member_id <> %s"
        " and accepted_at is not null",
        (tx.tenant_id, member_id),
    )
    return count


async def insert_membership(
    tx: ScopedTransaction, member_id: UUID, role: str, *, accepted: bool
) -> bool:
    """Let a member into the tenant, at once or when they accept; False if they belong to it."""
    made = await tx.execute(
        "insert into memberships (tenant_id, member_id, role, accepted_at)"
        " values (%s, %s, %s, case when %s then now() end)"
        " on conflict (tenant_id, member_id) do nothing",
        (tx.tenant_id, member_id, role, accepted),
    )
    return made == 1


async def accept_membership(tx: ScopedTransaction, member_id: UUID) -> bool:
    """The member accepts, and the link is used up; False if they had accepted before."""
    await tx.execute(
        "delete from password_links where tenant_id = %s and member_id = %s",
        (tx.tenant_id, member_id),
    )
    return bool(
        await tx.execute(
            "update memberships set accepted_at = now()"
            " where tenant_id = %s and member_id = %s and accepted_at is null",
            (tx.tenant_id, member_id),
        )
    )


async def has_accepted(tx: ScopedTransaction, member_id: UUID) -> bool:
    """Whether the member came in."""
    found = await tx.value(
        "select accepted_at is not null from memberships where tenant_id = %s and member_id = %s",
        (tx.tenant_id, member_id),
    )
    return bool(found)


async def update_membership(tx: ScopedTransaction, member_id: UUID, role: str) -> None:
    """Give a member another role."""
    await tx.execute(
        "update memberships set role = %s where tenant_id = %s and member_id = %s",
        (role, tx.tenant_id, member_id),
    )


async def delete_membership(tx: ScopedTransaction, member_id: UUID) -> None:
    """Let a member go."""
    await tx.execute(
        "delete from memberships where tenant_id = %s and member_id = %s",
        (tx.tenant_id, member_id),
    )


async def put_link(
    tx: Transaction, member_id: UUID, tenant_id: UUID | None, token_hash: bytes, until: datetime
) -> None:
    """Keep an invitation into a tenant, or without one a reset; an earlier one stops working."""
    await tx.execute(
        "insert into password_links (token_hash, tenant_id, member_id, purpose, expires_at)"
        " values (%s, %s, %s, %s, %s)"
        " on conflict (tenant_id, member_id) do update set token_hash = excluded.token_hash,"
        " expires_at = excluded.expires_at",
        (token_hash, tenant_id, member_id, "invitation" if tenant_id else "reset", until),
    )


async def account_of_link(
    tx: Transaction, token_hash: bytes, *, lock: bool = False
) -> LinkAccount | None:
    """Whose link this is, while it is good; ``lock`` keeps another from using it meanwhile."""
    sql = (
        "select m.member_id, m.email, m.name, m.password_hash, l.purpose, l.tenant_id, ms.role"
        " from password_links l join members m using (member_id)"
        " left join memberships ms"
        " on ms.tenant_id = l.tenant_id and ms.member_id = l.member_id"
        " where l.token_hash = %s and l.expires_at > now()"
    )
    locked = sql + " for update of l, m"
    return await tx.fetch_one(LinkAccount, locked if lock else sql, (token_hash,))


async def delete_reset(tx: Transaction, member_id: UUID) -> None:
    """Use up the member's reset; invitations stay."""
    await tx.execute(
        "delete from password_links where member_id = %s and purpose = 'reset'", (member_id,)
    )


# Sessions of one member


async def sessions_of(tx: Transaction, member_id: UUID, idle_since: datetime) -> list[OpenSession]:
    """The member's live sessions, last seen first."""
    return await tx.fetch(
        OpenSession,
        "select session_id, created_at, last_seen_at, address, user_agent from sessions"
        " where member_id = %s and expires_at > now() and last_seen_at > %s"
        " order by last_seen_at desc, session_id",
        (member_id, idle_since),
    )


async def delete_session(tx: Transaction, member_id: UUID, session_id: UUID) -> bool:
    """End one of the member's sessions; False if it isn't theirs."""
    return bool(
        await tx.execute(
            "delete from sessions where member_id = %s and session_id = %s",
            (member_id, session_id),
        )
    )


async def delete_presented(tx: Transaction, token_hash: bytes) -> None:
    """End the session a browser had before it signed in again."""
    await tx.execute("delete from sessions where token_hash = %s", (token_hash,))


async def delete_other_sessions(tx: Transaction, member_id: UUID, kept: UUID | None) -> int:
    """End the member's sessions but one."""
    return await tx.execute(
        "delete from sessions where member_id = %s and session_id is distinct from %s",
        (member_id, kept),
    )


async def delete_stale(tx: Transaction, idle_since: datetime) -> None:
    """Drop sessions and links that no longer open anything."""
    await tx.execute(
        "delete from sessions where expires_at < now() or last_seen_at < %s", (idle_since,)
    )
    await tx.execute("delete from password_links where expires_at < now()")


# Keys


async def insert_key(tx: ScopedTransaction, key: ApiKey, secret_hash: bytes) -> None:
    """Keep a new key by its hash."""
    await tx.execute(
        "insert into api_keys (tenant_id, key_id, kind, name, prefix, secret_hash, scopes,"
        " created_by, created_at, expires_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            tx.tenant_id,
            key.key_id,
            key.kind,
            key.name,
            key.prefix,
            secret_hash,
            key.scopes,
            key.created_by,
            key.created_at,
            key.expires_at,
        ),
    )


async def keys(tx: ScopedTransaction) -> list[ApiKey]:
    """The tenant's keys, newest first; those revoked or expired for 30 days are left out."""
    return await tx.fetch(ApiKey, _KEYS, (tx.tenant_id,))


async def key_for_update(tx: ScopedTransaction, key_id: UUID) -> ApiKey | None:
    """One key, kept from other changes until the end of the transaction."""
    return await tx.fetch_one(ApiKey, _KEY_FOR_UPDATE, (tx.tenant_id, key_id))


async def revoke_key(tx: ScopedTransaction, key_id: UUID) -> None:
    """Stop a key at once."""
    await tx.execute(
        "update api_keys set revoked_at = now() where tenant_id = %s and key_id = %s",
        (tx.tenant_id, key_id),
    )


async def replace_key(
    tx: ScopedTransaction, key_id: UUID, replaced_by: UUID, until: datetime
) -> None:
    """Let a key end when its overlap with the next is over, or earlier if it was to."""
    await tx.execute(
        "update api_keys set replaced_by = %s, expires_at = least(expires_at, %s)"
        " where tenant_id = %s and key_id = %s",
        (replaced_by, until, tx.tenant_id, key_id),
    )


async def note_used(tx: Transaction, used: Sequence[tuple[UUID, UUID, datetime]]) -> None:
    """Note when keys (tenant, key, time) were last used, in one statement."""
    tenants, ids, times = zip(*used, strict=True)
    await tx.execute(_USED, (list(tenants), list(ids), list(times)))
