"""Reading the audit log with names; retrying what failed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from groundswell.core.audit import audit
from groundswell.core.audit.chain import Sealer, fingerprint
from groundswell.core.audit.names import names_of
from groundswell.core.audit.personal import keys_of, reveal
from groundswell.core.clock import day_bounds
from groundswell.core.errors import ConflictError, NotFoundError
from groundswell.core.platform import Platform
from groundswell.core.signals import emit
from groundswell.core.tenancy.scope import Scope
from groundswell.features.operations import store
from groundswell.features.operations.logic.words import sentence
from groundswell.features.operations.types import AuditFilter, Entry, Party, Work

AuditKey = tuple[datetime, UUID]
WorkKey = tuple[datetime, str]


async def entries(
    platform: Platform, scope: Scope, wanted: AuditFilter, after: AuditKey | None, limit: int
) -> list[Entry]:
    """Rows of the log, newest first, with names and sentences."""
    zone = _zone(platform, scope)
    params = {
        "actor": wanted.actor,
        "action": wanted.action,
        "target": wanted.target,
        "start": day_bounds(wanted.first, zone)[0] if wanted.first else None,
        "end": day_bounds(wanted.last, zone)[1] if wanted.last else None,
        "at": after[0] if after else None,
        "id": after[1] if after else None,
        "limit": limit,
    }
    async with platform.postgres.transaction(scope) as tx:
        rows = await store.audit_rows(tx, params)
        subjects = [row.subject for row in rows if row.personal]
        keys = await keys_of(tx, platform.encryption, subjects) if subjects else {}
    names = await _names(platform, scope, rows)
    return [_entry(row, names, keys) for row in rows]


def key_of(entry: Entry) -> AuditKey:
    """Where a list goes on after this entry."""
    return entry.at, UUID(entry.id)


def seal_fingerprint(platform: Platform, scope: Scope) -> str:
    """What the tenant notes, to know its own seals again in an export."""
    return fingerprint(Sealer(platform.encryption, scope.tenant_id).public_key)


async def note_export(platform: Platform, scope: Scope) -> None:
    """Taking a copy of the log is itself written down."""
    async with platform.postgres.transaction(scope) as tx:
        await audit(tx, "audit.exported", "tenant", scope.tenant_id)
        await emit(tx, "audit.exported", {})


async def unfinished(
    platform: Platform, scope: Scope, status: str, after: WorkKey | None, limit: int
) -> list[Work]:
    """Jobs that wait, run or failed, and signals that a handler failed on."""
    params = {
        "status": status,
        "at": after[0] if after else None,
        "id": after[1] if after else None,
        "limit": limit,
    }
    async with platform.postgres.transaction(scope) as tx:
        return await store.work(tx, params)


async def count_failed(platform: Platform, scope: Scope) -> int:
    """How much is dead."""
    async with platform.postgres.transaction(scope) as tx:
        return await store.count_failed(tx)


async def retry(platform: Platform, scope: Scope, work_id: str) -> int:
    """Run one dead job again, or deliver one dead signal.

    Raises:
        NotFoundError: no such work of this tenant, or it isn't dead.
    """
    job, signal = _job_number(work_id), _signal_id(work_id)
    retried = 0
    async with platform.postgres.transaction(scope) as tx:
        if job is not None:
            retried = await store.retry_jobs(tx, job)
        elif signal is not None:
            retried = await store.retry_signals(tx, signal)
        if not retried:
            raise NotFoundError("There is no failed job with this id.")
        kind = "job" if job is not None else "signal"
        await audit(tx, f"{kind}.retried", kind, work_id)
        await emit(tx, f"{kind}.retried", {"id": work_id})
    return retried


async def retry_all(platform: Platform, scope: Scope) -> int:
    """Run everything dead again.

    Raises:
        ConflictError: nothing is.
    """
    async with platform.postgres.transaction(scope) as tx:
        retried = await store.retry_jobs(tx, None) + await store.retry_signals(tx, None)
        if not retried:
            raise ConflictError("No job has failed.")
        await audit(tx, "jobs.retried", "tenant", scope.tenant_id, {"retried": retried})
        await emit(tx, "jobs.retried", {"retried": retried})
    return retried


def _entry(row: store.AuditRow, names: dict[str, str], keys: dict[str, bytes]) -> Entry:
    actor = Party(row.actor_kind, row.actor_id, row.actor_label or names.get(row.actor_id, ""))
    target = Party(row.target_kind, row.target_id, _target_name(row, names))
    return Entry(
        id=str(row.audit_id),
        at=row.at,
        actor=actor,
        action=row.action,
        target=target,
        sentence=sentence(row.action, actor, target),
        detail=row.detail,
        personal=reveal(keys.get(row.subject), row.subject, row.personal) if row.personal else None,
        address=row.address,
        sequence=row.sequence,
    )


def _target_name(row: store.AuditRow, names: dict[str, str]) -> str:
    if row.target_id in names:
        return names[row.target_id]
    detail: dict[str, Any] = row.detail if isinstance(row.detail, dict) else {}
    told = detail.get("name") or detail.get("order_id") or detail.get("file")
    return told if isinstance(told, str) else ""


async def _names(
    platform: Platform, scope: Scope, rows: Sequence[store.AuditRow]
) -> dict[str, str]:
    parties = [(row.actor_kind, row.actor_id) for row in rows]
    parties += [(row.target_kind, row.target_id) for row in rows]
    return await names_of(
        platform,
        scope,
        [found for kind, found in parties if kind == "member"],
        [found for kind, found in parties if kind == "key"],
    )


def _zone(platform: Platform, scope: Scope) -> str:
    tenant = platform.directory.tenant(scope.tenant_id)
    return tenant.timezone if tenant else "UTC"


def _job_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _signal_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
