"""Changes that wait: for their time, or for a second person."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from groundswell.core.db.postgres import ScopedTransaction, Transaction
from groundswell.features.flags.types import Approval, FlagContent, ScheduledChange

_SCHEDULES = """
select s.schedule_id, f.key, s.environment, s.at, s.enabled, s.rollout, s.created_by, s.done_at,
       s.problem
from flag_schedules s join flags f using (tenant_id, flag_id)
where s.tenant_id = %s
"""
_APPROVALS = """
select a.approval_id, f.key, a.base, a.content, a.note, a.status, a.proposed_by,
       a.proposed_label, a.proposed_at, a.decided_by, a.decided_at
from flag_approvals a join flags f using (tenant_id, flag_id)
where a.tenant_id = %s
"""


class _ApprovalRow(msgspec.Struct):
    approval_id: UUID
    key: str
    base: int
    content: dict[str, Any]
    note: str
    status: str
    proposed_by: str
    proposed_label: str
    proposed_at: datetime
    decided_by: str
    decided_at: datetime | None


async def schedules(tx: ScopedTransaction, flag_id: UUID) -> list[ScheduledChange]:
    """A flag's changes to come, soonest first, and those of the last month."""
    return await tx.fetch(
        ScheduledChange,
        _SCHEDULES + " and s.flag_id = %s and s.at > now() - interval '31 days' order by s.at"
        " limit 200",
        (tx.tenant_id, flag_id),
    )


async def insert_schedule(tx: ScopedTransaction, flag_id: UUID, change: ScheduledChange) -> None:
    """A change to come."""
    await tx.execute(
        "insert into flag_schedules (tenant_id, schedule_id, flag_id, environment, at, enabled,"
        " rollout, created_by) values (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            tx.tenant_id,
            change.schedule_id,
            flag_id,
            change.environment,
            change.at,
            change.enabled,
            change.rollout,
            change.created_by,
        ),
    )


async def delete_schedule(tx: ScopedTransaction, flag_id: UUID, schedule_id: UUID) -> bool:
    """Drop a change to come; False if there is none that is still to come."""
    count = await tx.execute(
        "delete from flag_schedules where tenant_id = %s and flag_id = %s and schedule_id = %s"
        " and done_at is null",
        (tx.tenant_id, flag_id, schedule_id),
    )
    return count > 0


async def due_tenants(tx: Transaction, now: datetime) -> list[UUID]:
    """Workspaces that have a change due."""
    return await tx.values(
        "select distinct tenant_id from flag_schedules where done_at is null and at <= %s", (now,)
    )


async def due(tx: ScopedTransaction, now: datetime) -> list[ScheduledChange]:
    """Changes that are due, in their order; no other process takes them meanwhile."""
    return await tx.fetch(
        ScheduledChange,
        _SCHEDULES + " and s.done_at is null and s.at <= %s order by s.at, s.schedule_id limit 200"
        " for update of s skip locked",
        (tx.tenant_id, now),
    )


async def finish_schedule(tx: ScopedTransaction, schedule_id: UUID, problem: str) -> None:
    """Note that a change happened, or why it did not."""
    await tx.execute(
        "update flag_schedules set done_at = now(), problem = %s"
        " where tenant_id = %s and schedule_id = %s",
        (problem, tx.tenant_id, schedule_id),
    )


async def insert_approval(
    tx: ScopedTransaction,
    approval_id: UUID,
    flag_id: UUID,
    base: int,
    content: FlagContent,
    note: str,
) -> None:
    """A proposed version, in the name of the transaction's actor."""
    actor = tx.scope.actor
    await tx.execute(
        "insert into flag_approvals (tenant_id, approval_id, flag_id, base, content, note,"
        " proposed_by, proposed_label) values (%s, %s, %s, %s, %s::jsonb, %s, %s, %s)",
        (
            tx.tenant_id,
            approval_id,
            flag_id,
            base,
            msgspec.json.encode(content).decode(),
            note,
            actor.id,
            actor.label,
        ),
    )


async def approvals(tx: ScopedTransaction, flag_id: UUID | None = None) -> list[Approval]:
    """Open proposals, oldest first: of one flag or of all."""
    rows = await tx.fetch(
        _ApprovalRow,
        _APPROVALS + " and a.status = 'open' and (%s::uuid is null or a.flag_id = %s)"
        " order by a.proposed_at limit 200",
        (tx.tenant_id, flag_id, flag_id),
    )
    return _approvals(rows)


async def approval_for_update(tx: ScopedTransaction, approval_id: UUID) -> Approval | None:
    """One proposal, whatever became of it; locked."""
    rows = await tx.fetch(
        _ApprovalRow,
        _APPROVALS + " and a.approval_id = %s for update of a",
        (tx.tenant_id, approval_id),
    )
    return next(iter(_approvals(rows)), None)


async def decide(tx: ScopedTransaction, approval_id: UUID, status: str) -> None:
    """Close a proposal in the name of the transaction's actor."""
    await tx.execute(
        "update flag_approvals set status = %s, decided_by = %s, decided_at = now()"
        " where tenant_id = %s and approval_id = %s",
        (status, tx.scope.actor.id, tx.tenant_id, approval_id),
    )


def _approvals(rows: Sequence[_ApprovalRow]) -> list[Approval]:
    return [msgspec.convert(msgspec.structs.asdict(row), Approval) for row in rows]
