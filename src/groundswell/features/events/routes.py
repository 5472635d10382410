"""The JSON API of events: what was stored and what was refused. Capture is in front of it."""

from datetime import datetime
from uuid import UUID

from litestar import get

from groundswell.core.http.access import requires
from groundswell.core.http.body import read_query
from groundswell.core.http.caller import AnyRequest
from groundswell.core.http.pagination import Page, PageQuery, decode_cursor, page_of
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.events.logic import reading
from groundswell.features.events.logic.reading import EventQuery, RefusalKey
from groundswell.features.events.types import EventFilter, Refusal, StoredEvent


@get(
    "/api/events",
    opt=requires(
        Permission.EVENTS_READ,
        query=EventQuery,
        answers={200: Page[StoredEvent]},
        summary="Stored events, newest first.",
    ),
)
async def list_events(request: AnyRequest, platform: Platform, scope: Scope) -> Page[StoredEvent]:
    """Stored events, newest first; an event is here within two seconds of its 202."""
    query = read_query(request, EventQuery)
    found = await reading.list_events(
        platform,
        scope,
        EventFilter(query.event, query.distinct_id),
        query.person_id,
        decode_cursor(query.cursor, tuple[datetime, UUID]),
        query.limit + 1,
    )
    return page_of(found, query.limit, lambda event: (event.at, event.event_id))


@get(
    "/api/events/refused",
    opt=requires(
        Permission.EVENTS_READ,
        query=PageQuery,
        answers={200: Page[Refusal]},
        summary="Refused events of the last seven days by hour and reason.",
    ),
)
async def list_refused(request: AnyRequest, platform: Platform, scope: Scope) -> Page[Refusal]:
    """Refused events by hour, reason and field, with the latest sample."""
    query = read_query(request, PageQuery)
    after = decode_cursor(query.cursor, RefusalKey)
    found = await reading.list_refusals(platform, scope, after, query.limit + 1)
    return page_of(found, query.limit, reading.key_of)


ROUTES = (list_events, list_refused)
