"""Runs of imports as rows: a batch and how far it came are one commit."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.ids import new_id

_KIND = "orders"


class RunRow(msgspec.Struct):
    """One import of one file."""

    import_id: UUID
    status: str
    options: dict[str, Any]
    rows_done: int
    counts: dict[str, Any]
    started_at: datetime


_FIND = """
select import_id, status, options, rows_done, counts, started_at from import_runs
where tenant_id = %s and kind = %s and digest = %s and options - 'shift_days' = %s::jsonb
order by started_at desc limit 1
"""

_START = """
insert into import_runs (tenant_id, import_id, kind, file_name, digest, options, status)
values (%s, %s, %s, %s, %s, %s::jsonb, 'running')
returning import_id, status, options, rows_done, counts, started_at
"""

_CHECKPOINT = """
update import_runs set rows_done = %s, counts = %s::jsonb, status = %s,
       finished_at = case when %s = 'done' then clock_timestamp() end
where tenant_id = %s and import_id = %s
"""


async def find(tx: ScopedTransaction, digest: str, options: Mapping[str, Any]) -> RunRow | None:
    """The latest run of an equal file with equal options."""
    return await tx.fetch_one(RunRow, _FIND, (tx.tenant_id, _KIND, digest, _text(options)))


async def start(
    tx: ScopedTransaction, digest: str, file_name: str, options: Mapping[str, Any]
) -> RunRow:
    """Begin a run."""
    values = (tx.tenant_id, new_id(), _KIND, file_name, digest, _text(options))
    run = await tx.fetch_one(RunRow, _START, values)
    assert run is not None
    return run


async def checkpoint(
    tx: ScopedTransaction, import_id: UUID, rows_done: int, counts: object, *, done: bool
) -> None:
    """Say how far the run came, in the transaction of the rows themselves."""
    status = "done" if done else "running"
    await tx.execute(
        _CHECKPOINT, (rows_done, _text(counts), status, status, tx.tenant_id, import_id)
    )


async def lock_kind(tx: ScopedTransaction) -> None:
    """Let one batch of the tenant's imports through at a time."""
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended('import:' || %s, 0))", (str(tx.tenant_id),)
    )


def _text(value: object) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()
