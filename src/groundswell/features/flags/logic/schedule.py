"""Changes that happen by themselves at a time."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import structlog

from groundswell.core import clock
from groundswell.core.audit import audit
from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.errors import FieldError, NotFoundError, ProblemError
from groundswell.core.ids import new_id
from groundswell.core.platform import Platform
from groundswell.core.signals import emit
from groundswell.core.tenancy.scope import Scope, system_scope
from groundswell.features.flags.logic.announce import announce
from groundswell.features.flags.logic.change import change_in, get_in
from groundswell.features.flags.logic.checks import Wrong, refuse
from groundswell.features.flags.logic.environments import environments_in
from groundswell.features.flags.logic.switch import enabling, rolling_out
from groundswell.features.flags.store import flags as store
from groundswell.features.flags.store import waiting
from groundswell.features.flags.types import Flag, FlagContent, ScheduledChange

_FARTHEST = timedelta(days=731)

_log = structlog.get_logger(__name__)


async def schedules(platform: Platform, scope: Scope, key: str) -> list[ScheduledChange]:
    """A flag's changes to come, and those of the last month."""
    async with platform.postgres.transaction(scope) as tx:
        return await waiting.schedules(tx, (await get_in(tx, key)).flag_id)


async def schedule(
    platform: Platform,
    scope: Scope,
    key: str,
    *,
    environment: str,
    at: datetime,
    enabled: bool | None,
    rollout: float | None,
) -> ScheduledChange:
    """A change to come: on, off, or another percentage of the first targeting group.

    Raises:
        NotFoundError: there is no such flag.
        InvalidError: names every wrong field.
    """
    change = ScheduledChange(
        schedule_id=new_id(),
        key=key,
        environment=environment,
        at=at,
        enabled=enabled,
        rollout=rollout,
        created_by=scope.actor.label or scope.actor.id,
    )
    async with platform.postgres.transaction(scope) as tx:
        flag = await get_in(tx, key)
        known = {each.environment for each in await environments_in(tx)}
        refuse(_errors(change, known))
        await waiting.insert_schedule(tx, flag.flag_id, change)
        detail = {"schedule_id": str(change.schedule_id), "environment": environment}
        await audit(tx, "flag.scheduled", "flag", key, detail)
        await emit(tx, "flag.scheduled", {"key": key, **detail})
    return change


async def unschedule(platform: Platform, scope: Scope, key: str, schedule_id: UUID) -> None:
    """Drop a change to come.

    Raises:
        NotFoundError: there is none that is still to come.
    """
    async with platform.postgres.transaction(scope) as tx:
        flag = await get_in(tx, key)
        if not await waiting.delete_schedule(tx, flag.flag_id, schedule_id):
            raise NotFoundError("There is no such change to come.")
        detail = {"schedule_id": str(schedule_id)}
        await audit(tx, "flag.unscheduled", "flag", key, detail)
        await emit(tx, "flag.unscheduled", {"key": key, **detail})


async def run_due(platform: Platform) -> None:
    """Carry out what is due, in each workspace; called every minute."""
    now = clock.now()
    async with platform.postgres.across_tenants("flag-schedules") as tx:
        tenants = await waiting.due_tenants(tx, now)
    for tenant_id in tenants:
        async with platform.postgres.transaction(system_scope(tenant_id, "schedule")) as scoped:
            await store.lock(scoped)
            for each in await waiting.due(scoped, now):
                await waiting.finish_schedule(scoped, each.schedule_id, await _run(scoped, each))
    if tenants:
        await announce(platform)


async def _run(tx: ScopedTransaction, change: ScheduledChange) -> str:
    """Carry one out; returns why it could not happen, or nothing."""
    try:
        async with tx.connection.transaction():
            saved = await change_in(
                tx,
                change.key,
                lambda flag: _edit(flag, change),
                action="flag.schedule_ran",
                note="Scheduled change",
            )
    except ProblemError as error:
        _log.warning("flag_schedule_failed", key=change.key, reason=error.detail)
        return error.detail
    return "Waits for approval." if saved.approval is not None else ""


def _edit(flag: Flag, change: ScheduledChange) -> FlagContent:
    content = flag.content()
    if change.rollout is not None:
        content = rolling_out(change.environment, change.rollout)(flag)
    if change.enabled is not None:
        now = _as(flag, content)
        content = enabling(change.environment, change.enabled)(now)
    return content


def _as(flag: Flag, content: FlagContent) -> Flag:
    return msgspec.structs.replace(flag, **msgspec.structs.asdict(content))


def _errors(change: ScheduledChange, known: set[str]) -> Wrong:
    if change.environment not in known:
        yield FieldError("environment", "is not an environment of this workspace")
    if change.at.tzinfo is None:
        yield FieldError("at", "must say its UTC offset")
    elif not clock.now() < change.at < clock.now() + _FARTHEST:
        yield FieldError("at", "must be in the next two years")
    if change.enabled is None and change.rollout is None:
        yield FieldError("enabled", "or rollout must say what happens")
    if change.rollout is not None and not 0 <= change.rollout <= 100:
        yield FieldError("rollout", "must be 0 to 100")
