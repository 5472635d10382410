"""Deferring a job in the caller's transaction: rolled back with it, never lost after it."""

from datetime import datetime

import msgspec

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.jobs.types import Job, Payload


async def defer(
    tx: ScopedTransaction,
    job: Job[Payload],
    payload: Payload,
    *,
    at: datetime | None = None,
    once: str | None = None,
    after: str | None = None,
) -> int | None:
    """Queue a job; returns its number, or None if ``once`` is already waiting.

    ``once``: at most one waiting job with this word (per tenant).
    ``after``: jobs with this word run one at a time (per tenant).
    """
    args = {"tenant_id": tx.tenant_id, "payload": payload}
    number: int | None = await tx.value(
        "select app.defer_job(%s, %s::jsonb, %s, %s, %s, %s, 0)",
        (
            job.name,
            msgspec.json.encode(args).decode(),
            job.queue,
            f"{tx.tenant_id}:{job.name}:{once}" if once else None,
            f"{tx.tenant_id}:{after}" if after else None,
            at,
        ),
    )
    return number
