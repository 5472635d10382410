"""Exposures (``$feature_flag_called``) in the event store: who saw what, and when last."""

from datetime import UTC, datetime

import msgspec

from groundswell.core.db.clickhouse import EventStore
from groundswell.core.tenancy.scope import Scope
from groundswell.features.events.api import CANONICAL_PERSON, person_join

DAYS = 30
"""How far back exposures are looked at."""

_SEEN = f"""
select {CANONICAL_PERSON} as person, toString(e.properties.`$feature_flag_response`) as variant,
       min(e.at) as first_at, count() as times, any(e.distinct_id) as distinct_id
from events as e {person_join()}
where e.tenant_id = {{tenant:UUID}} and e.event = '$feature_flag_called' and e.person_key != 0
  and e.at >= now() - interval {DAYS} day
  and toString(e.properties.`$feature_flag`) = {{flag:String}}
  and toString(e.properties.`$feature_flag_response`) not in ('', 'false', 'null')
group by person, variant
"""  # noqa: S608 - constants of ours
_COUNTS = f"""
select count(), countIf(variants > 1) from
(select person, uniqExact(variant) as variants from ({_SEEN}) group by person)
"""  # noqa: S608 - constants of ours
_SEVERAL = f"""
select any(distinct_id), groupArray(variant), toUnixTimestamp(min(first_at)),
       toUnixTimestamp(max(first_at))
from (select * from ({_SEEN}) order by first_at)
group by person having count() > 1 order by max(first_at) desc limit {{limit:UInt32}}
"""  # noqa: S608 - constants of ours
_LAST = f"""
select toString(properties.`$feature_flag`) as flag, max(at) from events
where tenant_id = {{tenant:UUID}} and event = '$feature_flag_called'
  and at >= now() - interval {DAYS} day
group by flag
"""  # noqa: S608 - constants of ours


class Conflicted(msgspec.Struct, frozen=True):
    """A person who saw several variants, in the order of the first sight of each."""

    distinct_id: str
    variants: list[str]
    first_at: datetime
    changed_at: datetime


async def counts(store: EventStore, scope: Scope, flag: str) -> tuple[int, int]:
    """People who saw a flag, and those of them who saw more than one variant."""
    rows = await store.rows(scope, _COUNTS, {"flag": flag})
    return int(rows[0][0]), int(rows[0][1])


async def conflicted(store: EventStore, scope: Scope, flag: str, limit: int) -> list[Conflicted]:
    """People who saw more than one variant, the latest first."""
    rows = await store.rows(scope, _SEVERAL, {"flag": flag, "limit": limit})
    return [
        Conflicted(
            str(row[0]),
            [str(each) for each in row[1]],
            datetime.fromtimestamp(int(row[2]), UTC),
            datetime.fromtimestamp(int(row[3]), UTC),
        )
        for row in rows
    ]


async def last_called(store: EventStore, scope: Scope) -> dict[str, datetime]:
    """When each flag was last reported as seen."""
    rows = await store.rows(scope, _LAST)
    return {str(row[0]): _aware(row[1]) for row in rows}


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
