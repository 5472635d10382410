"""Pages of events: what arrived, and why something did not."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, get

from groundswell.core.http.access import requires
from groundswell.core.http.body import read_query
from groundswell.core.http.caller import AnyRequest
from groundswell.core.http.pages import page
from groundswell.core.http.pagination import PageQuery, decode_cursor, page_of
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.events.logic import reading
from groundswell.features.events.logic.cures import checks_of, cure_of
from groundswell.features.events.logic.reading import EventQuery, RefusalKey
from groundswell.features.events.store import events as store
from groundswell.features.events.types import EventFilter
from groundswell.ui.links import Pager, with_query
from groundswell.ui.shell import NavItem

PATH = "/events"


@get(PATH, opt=requires(Permission.EVENTS_READ))
async def show_events(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Stored events, newest first, with filters; before the first one, how to send it."""
    query = read_query(request, EventQuery)
    found = await reading.list_events(
        platform,
        scope,
        EventFilter(query.event, query.distinct_id),
        query.person_id,
        decode_cursor(query.cursor, tuple[datetime, UUID]),
        query.limit + 1,
    )
    listed = page_of(found, query.limit, lambda event: (event.at, event.event_id))
    return await page(
        request,
        "events/events.html",
        events=[(event, _summary(event.properties)) for event in listed.items],
        event_options=[(name, name) for name, _count in await store.names(platform.store, scope)],
        event=query.event,
        distinct_id=query.distinct_id,
        is_filtered=bool(query.event or query.distinct_id or query.person_id or query.cursor),
        pager=_pager(request, PATH, listed.next_cursor),
        address=_address(request, platform),
    )


@get(PATH + "/refused", opt=requires(Permission.EVENTS_READ))
async def show_refused(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Why no event arrived: signs of life, then refusals with the cure for each."""
    query = read_query(request, PageQuery)
    after = decode_cursor(query.cursor, RefusalKey)
    found = await reading.list_refusals(platform, scope, after, query.limit + 1)
    listed = page_of(found, query.limit, reading.key_of)
    return await page(
        request,
        "events/refused.html",
        checks=checks_of(await reading.vitals(platform, scope)),
        refusals=[(each, *cure_of(each)) for each in listed.items],
        pager=_pager(request, PATH + "/refused", listed.next_cursor),
        address=_address(request, platform),
    )


def _summary(properties: dict[str, Any], most: int = 6) -> list[tuple[str, str]]:
    """The first own properties of an event, cut to what a table cell holds."""
    own = [(name, value) for name, value in properties.items() if not name.startswith("$")]
    return [(name[:40], str(value)[:60]) for name, value in own[:most]]


def _pager(request: AnyRequest, path: str, cursor: str | None) -> Pager:
    query = {name: str(value) for name, value in request.query_params.items()}
    first = with_query(path, query, cursor=None) if "cursor" in query else ""
    return Pager(first, with_query(path, query, cursor=cursor) if cursor else "")


def _address(request: AnyRequest, platform: Platform) -> str:
    """The address that SDKs are pointed at."""
    return platform.settings.public_url or str(request.base_url).rstrip("/")


PAGES = (show_events, show_refused)
NAV = (NavItem("Events", PATH, "activity"),)
