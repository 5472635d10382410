"""Small changes by one call each, history and roll-back."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import delete, get, post, put

from groundswell.core.http.access import requires
from groundswell.core.http.body import read_body, read_query
from groundswell.core.http.caller import AnyRequest
from groundswell.core.http.pagination import Page
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.flags.logic import change, diff, switch
from groundswell.features.flags.types import (
    PRODUCTION,
    Change,
    Override,
    Version,
)

VersionNumber = Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)]
READ, WRITE = Permission.FLAGS_READ, Permission.FLAGS_WRITE
_SAVED: dict[int, Any] = {200: change.Saved}


class HistoryQuery(msgspec.Struct, frozen=True, kw_only=True):
    """``before`` goes on below that version."""

    before: VersionNumber | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20


class Where(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """In which environment."""

    environment: str = PRODUCTION
    note: str = ""


class RollOut(Where, kw_only=True, forbid_unknown_fields=True):
    """The percentage of a targeting group, the first unless said."""

    percentage: Annotated[float, msgspec.Meta(ge=0, le=100)]
    group: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0


class PutOverride(Where, kw_only=True, forbid_unknown_fields=True):
    """What one tester gets."""

    id: str
    variant: str


class DropOverride(Where, kw_only=True, forbid_unknown_fields=True):
    """Which tester's override ends."""

    id: str


class RollBack(msgspec.Struct, forbid_unknown_fields=True):
    """The version to go back to."""

    version: VersionNumber


class VersionView(msgspec.Struct, kw_only=True):
    """An entry of the history with what it changed."""

    version: int
    at: datetime
    actor_kind: str
    actor_id: str
    actor_label: str
    note: str
    changes: list[Change]


@post(
    "/api/flags/{key:str}/enable", opt=requires(WRITE, body=Where, answers=_SAVED), status_code=200
)
async def enable(request: AnyRequest, platform: Platform, scope: Scope, key: str) -> change.Saved:
    """Turn a flag on in an environment."""
    return await _switch(request, platform, scope, key, enabled=True)


@post(
    "/api/flags/{key:str}/disable", opt=requires(WRITE, body=Where, answers=_SAVED), status_code=200
)
async def disable(request: AnyRequest, platform: Platform, scope: Scope, key: str) -> change.Saved:
    """The kill switch: off in an environment, at once, also where approval is needed."""
    return await _switch(request, platform, scope, key, enabled=False)


async def _switch(
    request: AnyRequest, platform: Platform, scope: Scope, key: str, *, enabled: bool
) -> change.Saved:
    body = await read_body(request, Where)
    return await change.change(
        platform,
        scope,
        key,
        switch.enabling(body.environment, enabled),
        action="flag.enabled" if enabled else "flag.disabled",
        note=body.note,
    )


@post(
    "/api/flags/{key:str}/rollout",
    opt=requires(WRITE, body=RollOut, answers=_SAVED),
    status_code=200,
)
async def roll_out(request: AnyRequest, platform: Platform, scope: Scope, key: str) -> change.Saved:
    """Set the percentage of a targeting group."""
    body = await read_body(request, RollOut)
    edit = switch.rolling_out(body.environment, body.percentage, body.group)
    return await change.change(platform, scope, key, edit, action="flag.rolled_out", note=body.note)


@put("/api/flags/{key:str}/override", opt=requires(WRITE, body=PutOverride, answers=_SAVED))
async def put_override(
    request: AnyRequest, platform: Platform, scope: Scope, key: str
) -> change.Saved:
    """Say what one tester gets while the flag is on."""
    body = await read_body(request, PutOverride)
    override = Override(body.id, body.variant, body.note)
    return await change.change(platform, scope, key, switch.overriding(body.environment, override))


@delete(
    "/api/flags/{key:str}/override",
    opt=requires(WRITE, body=DropOverride, answers=_SAVED),
    status_code=200,
)
async def drop_override(
    request: AnyRequest, platform: Platform, scope: Scope, key: str
) -> change.Saved:
    """A tester gets again what everybody gets."""
    body = await read_body(request, DropOverride)
    edit = switch.not_overriding(body.environment, body.id)
    return await change.change(platform, scope, key, edit)


@post("/api/flags/{key:str}/archive", opt=requires(WRITE, answers=_SAVED), status_code=200)
async def archive(platform: Platform, scope: Scope, key: str) -> change.Saved:
    """Take a flag out of use: it is evaluated as if it did not exist."""
    edit = switch.archiving(True)
    return await change.change(platform, scope, key, edit, action="flag.archived")


@post("/api/flags/{key:str}/restore", opt=requires(WRITE, answers=_SAVED), status_code=200)
async def restore(platform: Platform, scope: Scope, key: str) -> change.Saved:
    """Take an archived flag into use again."""
    edit = switch.archiving(False)
    return await change.change(platform, scope, key, edit, action="flag.restored")


@get(
    "/api/flags/{key:str}/history",
    opt=requires(READ, query=HistoryQuery, answers={200: Page[VersionView]}),
)
async def show_history(
    request: AnyRequest, platform: Platform, scope: Scope, key: str
) -> Page[VersionView]:
    """Versions, newest first, each with what it changed; go on with ``before``."""
    query = read_query(request, HistoryQuery)
    found = await switch.history(platform, scope, key, query.before, query.limit + 1)
    return Page([_view(*pair) for pair in diff.with_changes(found, query.limit)])


def _view(version: Version, changed: list[Change]) -> VersionView:
    fields = {name: getattr(version, name) for name in VersionView.__struct_fields__[:-1]}
    return VersionView(**fields, changes=changed)


@post(
    "/api/flags/{key:str}/rollback",
    opt=requires(WRITE, body=RollBack, answers=_SAVED),
    status_code=200,
)
async def roll_back(
    request: AnyRequest, platform: Platform, scope: Scope, key: str
) -> change.Saved:
    """Make the flag what an earlier version was."""
    body = await read_body(request, RollBack)
    return await switch.roll_back(platform, scope, key, body.version)


ROUTES = (
    enable,
    disable,
    roll_out,
    put_override,
    drop_override,
    archive,
    restore,
    show_history,
    roll_back,
)
