"""The audit log as read, and the tenant's unfinished work."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.features.operations.types import Work

_ENTRIES = """
select l.audit_id, l.at, l.actor_kind, l.actor_id, l.actor_label, l.action, l.target_kind,
       l.target_id, l.detail, l.personal, l.subject, l.address, s.sequence
from audit_log l
left join audit_seals s on s.tenant_id = l.tenant_id and s.audit_id = l.audit_id
where l.tenant_id = %(tenant)s
  and (%(actor)s = '' or l.actor_id = %(actor)s or l.actor_kind = %(actor)s)
  and (%(action)s = '' or l.action = %(action)s or split_part(l.action, '.', 1) = %(action)s)
  and (%(target)s = '' or l.target_id = %(target)s or l.target_kind = %(target)s)
  and (%(start)s::timestamptz is null or l.at >= %(start)s)
  and (%(end)s::timestamptz is null or l.at < %(end)s)
  and (%(at)s::timestamptz is null or (l.at, l.audit_id) < (%(at)s, %(id)s::uuid))
order by l.at desc, l.audit_id desc limit %(limit)s
"""


class AuditRow(msgspec.Struct, frozen=True):
    """A row of the log with its place in the chain."""

    audit_id: UUID
    at: datetime
    actor_kind: str
    actor_id: str
    actor_label: str
    action: str
    target_kind: str
    target_id: str
    detail: Any
    personal: bytes | None
    subject: str
    address: str
    sequence: int | None


async def audit_rows(tx: ScopedTransaction, params: dict[str, Any]) -> list[AuditRow]:
    """Rows, newest first."""
    return await tx.fetch(AuditRow, _ENTRIES, {"tenant": tx.tenant_id, **params})


_WORK = """
select id, kind, name, status, attempts, error, next_at, created_at from (
  select job_id::text as id, 'job' as kind, name,
         case status when 'todo' then 'waiting' when 'doing' then 'running' else 'failed' end
           as status,
         attempts, error, case when status = 'todo' then scheduled_at end as next_at, created_at
  from tenant_jobs where tenant_id = %(tenant)s
  union all
  select signal_id::text, 'signal', name,
         case when attempts >= 10 then 'failed' else 'waiting' end,
         attempts, last_error, case when attempts < 10 then next_attempt_at end, created_at
  from signals where tenant_id = %(tenant)s and attempts > 0
) w
where (%(status)s = '' or status = %(status)s)
  and (%(at)s::timestamptz is null or (created_at, id) < (%(at)s, %(id)s))
order by created_at desc, id desc limit %(limit)s
"""
_RETRY_SIGNALS = """
update signals set attempts = 0, next_attempt_at = clock_timestamp()
where tenant_id = %s and attempts >= 10 and (%s::uuid is null or signal_id = %s)
"""


async def work(tx: ScopedTransaction, params: dict[str, Any]) -> list[Work]:
    """Jobs and failing signals, newest first."""
    return await tx.fetch(Work, _WORK, {"tenant": tx.tenant_id, **params})


async def count_failed(tx: ScopedTransaction) -> int:
    """Dead jobs and dead signals."""
    found: int = await tx.value(
        "select (select count(*) from tenant_jobs where tenant_id = %s and status = 'failed')"
        " + (select count(*) from signals where tenant_id = %s and attempts >= 10)",
        (tx.tenant_id, tx.tenant_id),
    )
    return found


async def retry_jobs(tx: ScopedTransaction, job: int | None) -> int:
    """Queue one dead job again, or all; returns how many."""
    found: int = await tx.value("select app.retry_jobs(%s)", (job,))
    return found


async def retry_signals(tx: ScopedTransaction, signal: UUID | None) -> int:
    """Make one dead signal due again, or all; returns how many."""
    return await tx.execute(_RETRY_SIGNALS, (tx.tenant_id, signal, signal))
