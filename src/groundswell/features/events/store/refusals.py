"""Refused events, counted by hour, reason, field and source."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from groundswell.core.db.postgres import ScopedTransaction, Transaction
from groundswell.features.events.types import CountedRefusal, Refusal

_COUNT = """
insert into refused_events (tenant_id, hour, reason, field, source, count, last_at, sample)
select tenant_id, date_trunc('hour', now()), reason, field, source, count, now(), sample
from unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[])
  as given(tenant_id, reason, field, source, count, sample)
where exists (select from tenants t where t.tenant_id = given.tenant_id)
on conflict (tenant_id, hour, reason, field, source) do update
set count = refused_events.count + excluded.count, last_at = excluded.last_at,
    sample = excluded.sample
"""
_CURSOR = """
insert into ingest_cursors (stream, last_id) values (%(stream)s, %(id)s)
on conflict (stream) do update set last_id = excluded.last_id
"""
_RECENT = """
select hour, reason, field, source, count, last_at, sample from refused_events
where tenant_id = %(tenant)s and hour >= %(since)s
  and (%(at)s::timestamptz is null
       or (last_at, reason, field, source) < (%(at)s, %(reason)s, %(field)s, %(source)s))
order by last_at desc, reason desc, field desc, source desc
limit %(limit)s
"""


async def count(tx: Transaction, rows: Sequence[CountedRefusal]) -> None:
    """Add to the counts of this hour."""
    # One row per kind: a statement can't touch the same row twice.
    kinds: dict[tuple[UUID, str, str, str], CountedRefusal] = {}
    for row in rows:
        key = (row.tenant_id, row.reason, row.field, row.source)
        old = kinds.get(key)
        total = row.count + (old.count if old else 0)
        kinds[key] = CountedRefusal(*key, total, row.sample)
    given = [kinds[key] for key in sorted(kinds, key=str)]
    await tx.execute(
        _COUNT,
        (
            [row.tenant_id for row in given],
            [row.reason for row in given],
            [row.field for row in given],
            [row.source for row in given],
            [row.count for row in given],
            [row.sample for row in given],
        ),
    )


async def last_counted(tx: Transaction, stream: str) -> str:
    """The id of the last entry of a stream that is in the counts."""
    # Two writers may be up, one waiting for the shard: only one of them counts at a time.
    await tx.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (stream,))
    found = await tx.value("select last_id from ingest_cursors where stream = %s", (stream,))
    return str(found) if found else "0-0"


async def set_last_counted(tx: Transaction, stream: str, entry_id: str) -> None:
    """Entries up to this one are in the counts when the transaction commits."""
    await tx.execute(_CURSOR, {"stream": stream, "id": entry_id})


async def recent(
    tx: ScopedTransaction,
    since: datetime,
    after: tuple[datetime, str, str, str] | None,
    limit: int,
) -> list[Refusal]:
    """Refusals since a moment, latest first; ``after`` goes on below that one."""
    at, reason, field, source = after or (None, None, None, None)
    return await tx.fetch(
        Refusal,
        _RECENT,
        {
            "tenant": tx.tenant_id,
            "since": since,
            "at": at,
            "reason": reason,
            "field": field,
            "source": source,
            "limit": limit,
        },
    )


async def keys_used(tx: ScopedTransaction) -> tuple[int, datetime | None]:
    """How many usable keys the tenant has, and when one was last used."""
    rows = await tx.rows(
        "select count(*) filter (where revoked_at is null"
        " and (expires_at is null or expires_at > now())), max(last_used_at)"
        " from api_keys where tenant_id = %s",
        (tx.tenant_id,),
    )
    return rows[0][0], rows[0][1]


async def count_since(tx: ScopedTransaction, since: datetime) -> int:
    """Refused events since a moment, by the hour."""
    found = await tx.value(
        "select coalesce(sum(count), 0)::bigint from refused_events"
        " where tenant_id = %s and last_at >= %s",
        (tx.tenant_id, since),
    )
    return int(found)
