"""Events as they are read back; questions to the event store for one tenant."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from groundswell.core import clock
from groundswell.core.db.clickhouse import EventStore
from groundswell.core.tenancy.scope import Scope
from groundswell.features.events.types import EventFilter, StoredEvent

_END = (datetime(2200, 1, 1, tzinfo=UTC), UUID(int=(1 << 128) - 1))
# Most lists are about the last days; a wider look is taken only when these don't fill the page.
_WINDOWS = (timedelta(days=2), timedelta(days=62), timedelta(days=365 * 200))

_COLUMNS = """
select event_id, event, distinct_id, person_key, at, received_at,
       toJSONString(properties), toJSONString(person_properties), source, trusted
from events
where tenant_id = {tenant:UUID}
  and at >= {since:DateTime64(3, 'UTC')} and at <= {at:DateTime64(3, 'UTC')}
  and (at, event_id) < ({at:DateTime64(3, 'UTC')}, {id:UUID})
"""
_ORDER = " order by at desc, event_id desc limit {limit:UInt32}"
_BY_EVENT = " and event = {event:String}"
_BY_ID = " and distinct_id = {distinct_id:String}"
_BY_KEYS = " and person_key in {keys:Array(UInt64)}"

_NAMES = """
select event, count() as n from events
where tenant_id = {tenant:UUID} and at >= now() - interval 30 day
group by event order by n desc, event limit 200
"""
_LAST = """
select max(received_at) from events
where tenant_id = {tenant:UUID} and at >= {since:DateTime64(3, 'UTC')}
"""


async def find(
    store: EventStore,
    scope: Scope,
    wanted: EventFilter,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[StoredEvent]:
    """Events, newest first; ``after`` goes on below that one."""
    at, event_id = after or _END
    sql = _COLUMNS
    params: dict[str, object] = {"at": _text(at), "id": str(event_id), "limit": limit}
    if wanted.event:
        sql += _BY_EVENT
        params["event"] = wanted.event
    if wanted.distinct_id:
        sql += _BY_ID
        params["distinct_id"] = wanted.distinct_id
    if wanted.person_keys is not None:
        sql += _BY_KEYS
        params["keys"] = list(wanted.person_keys)
    start = min(at, clock.now())
    for window in _WINDOWS:
        since = max(start - window, datetime(1970, 1, 2, tzinfo=UTC))
        rows = await store.rows(scope, sql + _ORDER, {**params, "since": _text(since)})
        if len(rows) == limit:
            break
    return [_stored(row) for row in rows]


async def names(store: EventStore, scope: Scope) -> list[tuple[str, int]]:
    """Event names of the last 30 days with how often they came, most frequent first."""
    return [(str(row[0]), int(row[1])) for row in await store.rows(scope, _NAMES)]


async def last_received(store: EventStore, scope: Scope) -> datetime | None:
    """When the latest event of the last 90 days was received."""
    since = clock.now() - timedelta(days=90)
    rows = await store.rows(scope, _LAST, {"since": _text(since)})
    found: datetime = _aware(rows[0][0])
    return found if found.year > 1970 else None


def _stored(row: Sequence[object]) -> StoredEvent:
    event_id, event, distinct_id, key, at, received, properties, person, source, trusted = row
    return StoredEvent(
        event_id=UUID(str(event_id)),
        event=str(event),
        distinct_id=str(distinct_id),
        person_key=int(str(key)),
        at=_aware(at),
        received_at=_aware(received),
        properties=msgspec.json.decode(str(properties)),
        person_properties=msgspec.json.decode(str(person)),
        source=str(source),
        trusted=bool(trusted),
    )


def _aware(moment: object) -> datetime:
    assert isinstance(moment, datetime)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
