"""Events, for other features and the app."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import Scope
from groundswell.features.events.adapters.log import oldest_ms
from groundswell.features.events.logic.timeline import EventTimeline
from groundswell.features.events.store import events as store
from groundswell.features.events.types import EventConsumer, EventFilter, StoredEvent
from groundswell.features.people import api as people

__all__ = [
    "CANONICAL_PERSON",
    "CAPTURE",
    "INGEST_LAG",
    "TIMELINE",
    "capture_doors",
    "events_of_person",
    "ingest_lag",
    "person_join",
    "store_events",
]

CAPTURE_PATHS = {
    "/api/events": "api",
    "/batch/": "posthog",
    "/batch": "posthog",
    "/capture/": "posthog",
    "/e/": "posthog",
    "/i/v0/e/": "posthog",
}
"""Paths that take events, and the protocol each speaks."""

CANONICAL_PERSON = "if(o.canonical_key = 0, e.person_key, o.canonical_key)"
"""The person an event ``e`` counts for, next to :func:`person_join`."""


_OVERRIDES = """
(select person_key, argMax(canonical_key, version) as canonical_key
 from person_overrides where tenant_id = {tenant:UUID} group by person_key)
"""


def person_join(alias: str = "o", events: str = "e") -> str:
    """SQL that joins merges to ``events``: ``… from events as e`` + this, grouped by person."""
    return f" left any join {_OVERRIDES} as {alias} on {alias}.person_key = {events}.person_key "


@asynccontextmanager
async def capture_doors(platform: Platform) -> AsyncIterator[Mapping[str, Any]]:
    """ASGI callables by path, for POST and OPTIONS; other methods belong to the app behind."""
    # The writer and commands import this module and need none of HTTP.
    from groundswell.features.events.logic.doors import open_doors

    async with open_doors(platform, CAPTURE_PATHS) as doors:
        yield doors


async def store_events(
    platform: Platform, consumers: Sequence[EventConsumer], stop: asyncio.Event
) -> None:
    """The writer's work: from the ingest log and the outbox to the event store, until ``stop``."""
    from groundswell.features.events.logic.ingest import Ingest
    from groundswell.features.events.logic.refused import count_refusals

    async with asyncio.TaskGroup() as group:
        group.create_task(Ingest(platform, consumers).run(stop), name="ingest")
        group.create_task(count_refusals(platform, stop), name="refusals")


async def ingest_lag(platform: Platform) -> float:
    """Seconds since the oldest event that is acknowledged and not yet stored; 0 if none waits."""
    found = await oldest_ms(platform.log)
    return 0.0 if found is None else max(0.0, time.time() - found / 1000)


async def events_of_person(
    platform: Platform,
    scope: Scope,
    person_id: UUID,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[StoredEvent]:
    """What the person behind all its distinct ids did, newest first."""
    async with platform.postgres.transaction(scope) as tx:
        ids = await people.ids_of(tx, [person_id])
    if not ids:
        return []
    wanted = EventFilter(person_keys=[each.own_key for each in ids])
    return await store.find(platform.store, scope, wanted, after, limit)


async def latest_event(platform: Platform, scope: Scope) -> StoredEvent | None:
    """The newest stored event; None before the first."""
    found = await store.find(platform.store, scope, EventFilter(), None, 1)
    return found[0] if found else None


async def event_names(platform: Platform, scope: Scope) -> Sequence[tuple[str, int]]:
    """Event names of the last 30 days with how often they came."""
    return await store.names(platform.store, scope)


CAPTURE = (capture_doors,)
INGEST_LAG = (ingest_lag,)
TIMELINE = (EventTimeline(),)


def __getattr__(name: str) -> Any:
    # Only the web role asks for it, and it draws in the framework.
    if name == "CAPTURE_ROUTES":
        from groundswell.features.events.logic.doors import capture_routes

        return capture_routes(CAPTURE_PATHS)
    raise AttributeError(name)
