"""What a range has done in PostgreSQL already, tenant by tenant."""

from uuid import UUID

import msgspec

from groundswell.core.db.postgres import ScopedTransaction

_FIND = """
select event_ids from ingest_applied
where tenant_id = %s and shard = %s and last_id = %s and part = %s
"""
_RECORD = """
insert into ingest_applied (tenant_id, shard, last_id, part, event_ids)
values (%s, %s, %s, %s, %s)
"""


async def find(
    tx: ScopedTransaction, shard: str, last_id: str, part: str
) -> dict[UUID, UUID] | None:
    """Events stored under another id, if this part of the range was applied; else None."""
    found = await tx.value(_FIND, (tx.tenant_id, shard, last_id, part))
    return None if found is None else msgspec.convert(found, dict[UUID, UUID])


async def record(
    tx: ScopedTransaction, shard: str, last_id: str, part: str, event_ids: dict[UUID, UUID]
) -> None:
    """This part of the range is applied when the transaction commits."""
    ids = msgspec.json.encode(event_ids).decode()
    await tx.execute(_RECORD, (tx.tenant_id, shard, last_id, part, ids))


async def tenant_exists(tx: ScopedTransaction) -> bool:
    """Whether the tenant is still there: events may outlive it in the log."""
    found = await tx.value("select 1 from tenants where tenant_id = %s", (tx.tenant_id,))
    return found is not None
