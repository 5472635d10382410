"""The table of kept questions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.features.insights.types import Insight

_LIST = """
select insight_id, name, description, kind, query, created_by, created_at, updated_at
from insights
where tenant_id = %(tenant)s
  and (%(at)s::timestamptz is null or (updated_at, insight_id) < (%(at)s, %(id)s))
order by updated_at desc, insight_id desc limit %(limit)s
"""
_GET = """
select insight_id, name, description, kind, query, created_by, created_at, updated_at
from insights where tenant_id = %s and insight_id = %s
"""
_INSERT = """
insert into insights (tenant_id, insight_id, name, description, kind, query, created_by)
values (%s, %s, %s, %s, %s, %s, %s)
"""
_UPDATE = """
update insights set name = %s, description = %s, kind = %s, query = %s,
  updated_at = clock_timestamp()
where tenant_id = %s and insight_id = %s
"""


async def list_insights(
    tx: ScopedTransaction, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Insight]:
    """Kept questions, last changed first."""
    at, insight_id = after or (None, None)
    values = {"tenant": tx.tenant_id, "at": at, "id": insight_id, "limit": limit}
    return await tx.fetch(Insight, _LIST, values)


async def get(tx: ScopedTransaction, insight_id: UUID) -> Insight | None:
    """One kept question."""
    return await tx.fetch_one(Insight, _GET, (tx.tenant_id, insight_id))


async def insert(
    tx: ScopedTransaction, insight_id: UUID, name: str, description: str, query: dict[str, Any]
) -> None:
    """Keep a question."""
    by = f"{tx.scope.actor.kind.value}:{tx.scope.actor.id}"
    values = (tx.tenant_id, insight_id, name, description, query["kind"], _text(query), by)
    await tx.execute(_INSERT, values)


async def update(
    tx: ScopedTransaction, insight_id: UUID, name: str, description: str, query: dict[str, Any]
) -> bool:
    """Change one; whether it was there."""
    values = (name, description, query["kind"], _text(query), tx.tenant_id, insight_id)
    return await tx.execute(_UPDATE, values) == 1


async def delete(tx: ScopedTransaction, insight_id: UUID) -> bool:
    """Forget one; whether it was there."""
    sql = "delete from insights where tenant_id = %s and insight_id = %s"
    return await tx.execute(sql, (tx.tenant_id, insight_id)) == 1


def _text(query: dict[str, Any]) -> str:
    return msgspec.json.encode(query).decode()
