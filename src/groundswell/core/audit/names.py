"""Names of the actors and targets of audit rows, looked up when they are shown."""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import Scope


class _Named(msgspec.Struct):
    id: UUID
    name: str


async def names_of(
    platform: Platform, scope: Scope, members: Iterable[str], keys: Iterable[str]
) -> dict[str, str]:
    """Names by id; ids that name nobody any more are left out.

    Call with ids out of the tenant's own log: members who left have their names too.
    """
    wanted = _uuids(members)
    found: list[_Named] = []
    if wanted:
        async with platform.postgres.across_tenants("audit-names") as system:
            found += await system.fetch(
                _Named,
                # Who never came in, or left, is known here by address alone.
                "select m.member_id as id, coalesce(case when ms.accepted_at is not null"
                " then nullif(m.name, '') end, m.email) as name from members m"
                " left join memberships ms on ms.member_id = m.member_id and ms.tenant_id = %s"
                " where m.member_id = any(%s)",
                (scope.tenant_id, wanted),
            )
    async with platform.postgres.transaction(scope) as tx:
        found += await tx.fetch(
            _Named,
            "select key_id as id, name from api_keys where tenant_id = %s and key_id = any(%s)",
            (scope.tenant_id, _uuids(keys)),
        )
    return {str(each.id): each.name for each in found}


async def actors_of(platform: Platform, scope: Scope) -> list[tuple[str, str]]:
    """Members and keys of the tenant as (id, name), for a filter."""
    async with platform.postgres.transaction(scope) as tx:
        members = await tx.values(
            "select member_id::text from memberships where tenant_id = %s", (scope.tenant_id,)
        )
        keys = await tx.values(
            "select key_id::text from api_keys where tenant_id = %s", (scope.tenant_id,)
        )
    names = await names_of(platform, scope, members, keys)
    return sorted(names.items(), key=lambda pair: pair[1].lower())


def _uuids(texts: Iterable[str]) -> list[UUID]:
    found = set()
    for text in texts:
        try:
            found.add(UUID(text))
        except ValueError:
            continue
    return sorted(found)
