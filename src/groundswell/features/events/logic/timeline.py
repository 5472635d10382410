"""Events as part of a person's timeline."""

from collections.abc import Sequence
from uuid import UUID

from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.core.timeline import Place, TimelineEntry
from groundswell.features.events.store import events as store
from groundswell.features.events.types import EventFilter, StoredEvent
from groundswell.features.people import api as people

_WHERE = ("$current_url", "url", "path", "$screen_name")


class EventTimeline:
    """Tells what a person did, by all of its distinct ids."""

    name = "events"
    permission = Permission.EVENTS_READ

    async def entries(
        self, platform: Platform, scope: Scope, person_id: UUID, after: Place | None, limit: int
    ) -> Sequence[TimelineEntry]:
        """Events, newest first."""
        async with platform.postgres.transaction(scope) as tx:
            ids = await people.ids_of(tx, [person_id])
        if not ids:
            return []
        wanted = EventFilter(person_keys=[each.own_key for each in ids])
        found = await store.find(platform.store, scope, wanted, after, limit)
        return [_entry(event) for event in found]


def _entry(event: StoredEvent) -> TimelineEntry:
    where = next((event.properties[name] for name in _WHERE if name in event.properties), "")
    return TimelineEntry(
        at=event.at,
        entry_id=event.event_id,
        kind="event",
        title=event.event,
        text=where[:200] if isinstance(where, str) else "",
        detail=event.properties,
    )
