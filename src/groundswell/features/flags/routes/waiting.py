"""Changes that wait: for their time, or for a second person."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post

from groundswell.core.http.access import requires
from groundswell.core.http.body import read_body
from groundswell.core.http.caller import AnyRequest
from groundswell.core.http.pagination import Page
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.flags.logic import approve as approvals
from groundswell.features.flags.logic import schedule
from groundswell.features.flags.types import (
    PRODUCTION,
    Approval,
    Flag,
    ScheduledChange,
)

READ, WRITE = Permission.FLAGS_READ, Permission.FLAGS_WRITE


class ScheduleChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A change to come: ``enabled``, ``rollout`` (the first group's percentage), or both."""

    at: datetime
    environment: str = PRODUCTION
    enabled: bool | None = None
    rollout: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = None


@get("/api/flags/{key:str}/schedules", opt=requires(READ, answers={200: Page[ScheduledChange]}))
async def list_schedules(platform: Platform, scope: Scope, key: str) -> Page[ScheduledChange]:
    """Changes to come, and those of the last month."""
    return Page(await schedule.schedules(platform, scope, key))


@post(
    "/api/flags/{key:str}/schedules",
    opt=requires(WRITE, body=ScheduleChange, answers={201: ScheduledChange}),
)
async def add_schedule(
    request: AnyRequest, platform: Platform, scope: Scope, key: str
) -> Response[ScheduledChange]:
    """Let a change happen by itself, within a minute of its time."""
    body = await read_body(request, ScheduleChange)
    made = await schedule.schedule(platform, scope, key, **msgspec.structs.asdict(body))
    return Response(made, status_code=201)


@delete(
    "/api/flags/{key:str}/schedules/{schedule_id:uuid}", opt=requires(WRITE, answers={204: None})
)
async def drop_schedule(platform: Platform, scope: Scope, key: str, schedule_id: UUID) -> None:
    """Drop a change to come."""
    await schedule.unschedule(platform, scope, key, schedule_id)


@get("/api/flag-approvals", opt=requires(READ, answers={200: Page[Approval]}))
async def list_approvals(platform: Platform, scope: Scope) -> Page[Approval]:
    """Proposals that wait for a second person, oldest first."""
    return Page(await approvals.proposals(platform, scope))


@post(
    "/api/flag-approvals/{approval_id:uuid}/approve",
    opt=requires(Permission.FLAGS_PUBLISH, answers={200: Flag}),
    status_code=200,
)
async def approve(platform: Platform, scope: Scope, approval_id: UUID) -> Flag:
    """Publish what somebody else proposed."""
    return await approvals.approve(platform, scope, approval_id)


@post(
    "/api/flag-approvals/{approval_id:uuid}/reject",
    opt=requires(WRITE, answers={204: None}),
    status_code=204,
)
async def reject(platform: Platform, scope: Scope, approval_id: UUID) -> None:
    """Close a proposal without publishing it."""
    await approvals.reject(platform, scope, approval_id)


ROUTES = (
    list_schedules,
    add_schedule,
    drop_schedule,
    list_approvals,
    approve,
    reject,
)
