"""What was stored and what was refused, for people who look."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec

from groundswell.core import clock
from groundswell.core.http.pagination import PageQuery
from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import Scope
from groundswell.features.events.adapters.log import oldest_ms
from groundswell.features.events.store import events, refusals
from groundswell.features.events.types import (
    MAX_DISTINCT_ID,
    MAX_NAME,
    EventFilter,
    Refusal,
    StoredEvent,
)
from groundswell.features.people import api as people

REFUSED_DAYS = 7
"""How far back refusals are shown."""


class EventQuery(PageQuery, frozen=True, kw_only=True):
    """Which events: by name, by one distinct id, or by a person with all its ids."""

    event: Annotated[str, msgspec.Meta(max_length=MAX_NAME)] = ""
    distinct_id: Annotated[str, msgspec.Meta(max_length=MAX_DISTINCT_ID)] = ""
    person_id: UUID | None = None


class RefusalKey(NamedTuple):
    """Where a list of refusals goes on."""

    last_at: datetime
    reason: str
    field: str
    source: str


class Vitals(msgspec.Struct, frozen=True):
    """What tells why no event arrives.

    ``lag_seconds``: age of the oldest event that is acknowledged and not stored yet.
    """

    keys: int
    key_last_used_at: datetime | None
    last_event_at: datetime | None
    refused_last_hour: int
    lag_seconds: float


async def list_events(
    platform: Platform,
    scope: Scope,
    wanted: EventFilter,
    person_id: UUID | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[StoredEvent]:
    """Events, newest first; those of a person are of all its distinct ids."""
    if person_id is not None:
        async with platform.postgres.transaction(scope) as tx:
            ids = await people.ids_of(tx, [person_id])
        if not ids:
            return []
        keys = [each.own_key for each in ids]
        wanted = msgspec.structs.replace(wanted, person_keys=keys)
    return await events.find(platform.store, scope, wanted, after, limit)


async def list_refusals(
    platform: Platform, scope: Scope, after: RefusalKey | None, limit: int
) -> list[Refusal]:
    """Refusals of the last days by hour and reason, latest first."""
    since = clock.now() - timedelta(days=REFUSED_DAYS)
    async with platform.postgres.transaction(scope) as tx:
        return await refusals.recent(tx, since, after, limit)


def key_of(refusal: Refusal) -> RefusalKey:
    """Where a list of refusals goes on below this one."""
    return RefusalKey(refusal.last_at, refusal.reason, refusal.field, refusal.source)


async def vitals(platform: Platform, scope: Scope) -> Vitals:
    """The tenant's last signs of life, and how far the writer is behind."""
    async with platform.postgres.transaction(scope) as tx:
        keys, used_at = await refusals.keys_used(tx)
        refused = await refusals.count_since(tx, clock.now() - timedelta(hours=1))
    last = await events.last_received(platform.store, scope)
    oldest = await oldest_ms(platform.log)
    lag = 0.0 if oldest is None else max(0.0, clock.now().timestamp() - oldest / 1000)
    return Vitals(keys, used_at, last, refused, lag)
