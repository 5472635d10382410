"""What there is to ask about: events and properties with how often they came."""

from typing import Any

import msgspec

from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import Scope
from groundswell.features.insights.logic.ask import ask

DAYS = 30
_MOST = 300
_SAMPLE = 20_000

_EVENTS = f"""
select event, count() as n from events
where tenant_id = {{tenant:UUID}} and at >= now() - interval {DAYS} day
group by event order by n desc, event limit {_MOST}
"""  # noqa: S608 - made of constants

# Paths and their values are counted in a sample: enough to choose from, cheap at any size.
_PROPERTIES = f"""
select path, count() as n, arraySlice(groupUniqArray(6)(value), 1, 5) as examples
from (
  select pair.1 as path, substring(trim(both '"' from pair.2), 1, 80) as value
  from (
    select arrayJoin(JSONExtractKeysAndValuesRaw(toString({{column}}))) as pair
    from (select {{column}} from {{table}} where tenant_id = {{{{tenant:UUID}}}} {{where}}
          limit {_SAMPLE})
  )
)
where value not in ('', 'null') group by path order by n desc, path limit {_MOST}
"""  # noqa: S608 - made of constants


class EventName(msgspec.Struct, frozen=True):
    """An event and how often it came in the last 30 days."""

    name: str
    count: int


class PropertyName(msgspec.Struct, frozen=True):
    """A property, the share of the sampled rows that have it, and some of its values."""

    name: str
    of: str
    share: float
    examples: list[str]


class Vocabulary(msgspec.Struct, frozen=True):
    """Everything a builder offers."""

    events: list[EventName]
    properties: list[PropertyName]


async def vocabulary(platform: Platform, scope: Scope, event: str | None = None) -> Vocabulary:
    """Events by volume; properties of events (of one event if named) and of people."""
    events = [EventName(str(n), int(c)) for n, c in await ask(platform, scope, _EVENTS, {})]
    where = f"and at >= now() - interval {DAYS} day"
    params: dict[str, Any] = {}
    if event is not None:
        where += " and event = {event:String}"
        params["event"] = event
    of_events = _PROPERTIES.format(column="properties", table="events", where=where)
    of_people = _PROPERTIES.format(column="properties", table="people", where="")
    properties = [
        *_named(await ask(platform, scope, of_events, params), "event"),
        *_named(await ask(platform, scope, of_people, {}), "current_person"),
    ]
    return Vocabulary(events, properties)


def _named(rows: list[tuple[Any, ...]], of: str) -> list[PropertyName]:
    largest = max((int(row[1]) for row in rows), default=1)
    return [PropertyName(str(n), of, int(c) / largest, [str(e) for e in x]) for n, c, x in rows]
