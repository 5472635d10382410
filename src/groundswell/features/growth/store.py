"""Questions to the event store, and the table of daily snapshots."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from groundswell.core.clock import day_bounds
from groundswell.core.db.clickhouse import EventStore
from groundswell.core.db.postgres import ScopedTransaction, Transaction
from groundswell.core.tenancy.scope import Scope
from groundswell.features.growth.types import Day

# People are counted by canonical key: merges re-point a key, un-merges point it back.
_CANONICAL = """
(select person_key, argMax(canonical_key, version) as canonical from person_overrides
 where tenant_id = {tenant:UUID} group by person_key)
"""

# Refunds are rows of their own, on the day they happened.
_ORDERS = """
select toDate(at, {zone:String}) as day, countIf(kind = 'order') as orders,
       sumIf(reporting_total, reporting_currency = {currency:String}) as revenue
from orders final
where tenant_id = {tenant:UUID} and not deleted
  and at >= {start:DateTime('UTC')} and at < {end:DateTime('UTC')}
group by day
"""

_FIRSTS = f"""
with firsts as (
  select if(o.canonical = 0, f.person_key, o.canonical) as person, min(f.first_at) as first,
         minIf(f.first_at, f.event = {{activation:String}}) as activated,
         countIf(f.event = {{activation:String}}) > 0 as is_activated
  from (
    select person_key, event, first_at from person_firsts where tenant_id = {{tenant:UUID}}
    union all
    select person_key, '' as event, min(at) as first_at from orders final
    where tenant_id = {{tenant:UUID}} and not deleted and kind = 'order' group by person_key
  ) as f
  left any join {_CANONICAL} as o on o.person_key = f.person_key
  group by person
)
select toDate(pair.2, {{zone:String}}) as day, countIf(pair.1 = 0) as new_users,
       countIf(pair.1 = 1) as activated_users
from (select arrayJoin(if(is_activated, [(0, first), (1, activated)], [(0, first)])) as pair
      from firsts)
where pair.2 >= {{start:DateTime('UTC')}} and pair.2 < {{end:DateTime('UTC')}}
group by day
"""  # noqa: S608 - made of constants

# A bitmap of people per day, merged over each day's window: exact, and each day is read once.
# Person 0 stands in every day so that days without events have their windows too.
_ACTIVE = f"""
select day, bitmapCardinality(people) - 1 as dau,
       groupBitmapMerge(people) over (order by day range between 6 preceding and current row) - 1
         as wau,
       groupBitmapMerge(people) over (order by day range between 29 preceding and current row) - 1
         as mau
from (
  select day, groupBitmapState(person) as people
  from (
    select toDate(a.slot, {{zone:String}}) as day,
           if(o.canonical = 0, a.person_key, o.canonical) as person
    from (select slot, person_key from person_activity
          where tenant_id = {{tenant:UUID}}
            and slot >= {{start:DateTime('UTC')}} and slot < {{end:DateTime('UTC')}}) as a
    left any join {_CANONICAL} as o on o.person_key = a.person_key
    union all
    select {{first:Date}} + toIntervalDay(number) as day, toUInt64(0) as person
    from numbers({{days:UInt32}})
  )
  group by day
)
order by day
"""  # noqa: S608 - made of constants

_ANYTHING = """
select 1 from person_firsts where tenant_id = {tenant:UUID} limit 1
union all
select 1 from orders where tenant_id = {tenant:UUID} limit 1
"""


class Money(msgspec.Struct, frozen=True, array_like=True):
    """Orders placed on a day, and money that came in less refunds of that day."""

    day: date
    orders: int
    revenue: int


class Firsts(msgspec.Struct, frozen=True, array_like=True):
    """People seen for the first time on a day, and activated for the first time on it."""

    day: date
    new_users: int
    activated_users: int


class Active(msgspec.Struct, frozen=True, array_like=True):
    """People active on a day and in the 7 and 30 days that end with it."""

    day: date
    dau: int
    wau: int
    mau: int


async def money(
    store: EventStore, scope: Scope, first: date, last: date, zone: str, currency: str
) -> Mapping[date, Money]:
    """By day of the zone; days without any are left out."""
    params = {**_span(first, last, zone), "currency": currency}
    return {row.day: row for row in await store.fetch(Money, scope, _ORDERS, params)}


async def firsts(
    store: EventStore, scope: Scope, first: date, last: date, zone: str, activation: str
) -> Mapping[date, Firsts]:
    """By day of the zone; days without any are left out."""
    params = {**_span(first, last, zone), "activation": activation}
    return {row.day: row for row in await store.fetch(Firsts, scope, _FIRSTS, params)}


async def active(
    store: EventStore, scope: Scope, first: date, last: date, zone: str
) -> Mapping[date, Active]:
    """By day of the zone, every day from ``first`` to ``last``."""
    begin = first - timedelta(days=29)
    days = (last - begin).days + 1
    params = {**_span(begin, last, zone), "first": begin.isoformat(), "days": days}
    found = await store.fetch(Active, scope, _ACTIVE, params)
    return {row.day: row for row in found if row.day >= first}


async def has_anything(store: EventStore, scope: Scope) -> bool:
    """Whether the tenant ever had an event or an order."""
    return bool(await store.rows(scope, _ANYTHING))


def _span(first: date, last: date, zone: str) -> dict[str, Any]:
    start, end = day_bounds(first, zone)[0], day_bounds(last, zone)[1]
    return {"zone": zone, "start": _utc(start), "end": _utc(end)}


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


_CAPTURE = """
insert into growth_metrics as m (tenant_id, day, currency, new_users, activated_users, orders,
                                 revenue, dau, wau, mau)
select %(tenant)s, d.day, %(currency)s, d.new_users, d.activated_users, d.orders, d.revenue,
       d.dau, d.wau, d.mau
from unnest(%(date)s::date[], %(new_users)s::bigint[], %(activated_users)s::bigint[],
            %(orders)s::bigint[], %(revenue)s::bigint[], %(dau)s::bigint[], %(wau)s::bigint[],
            %(mau)s::bigint[])
     as d(day, new_users, activated_users, orders, revenue, dau, wau, mau)
on conflict (tenant_id, day) do update
set currency = excluded.currency, new_users = excluded.new_users,
    activated_users = excluded.activated_users, orders = excluded.orders,
    revenue = excluded.revenue, dau = excluded.dau, wau = excluded.wau, mau = excluded.mau,
    captured_at = clock_timestamp()
where (m.currency, m.new_users, m.activated_users, m.orders, m.revenue, m.dau, m.wau, m.mau)
  is distinct from (excluded.currency, excluded.new_users, excluded.activated_users,
                    excluded.orders, excluded.revenue, excluded.dau, excluded.wau, excluded.mau)
"""


async def keep_days(tx: ScopedTransaction, currency: str, days: Sequence[Day]) -> int:
    """Write days that are missing or differ; returns how many."""
    columns = {name: [getattr(day, name) for day in days] for name in Day.__struct_fields__}
    return await tx.execute(_CAPTURE, {"tenant": tx.tenant_id, "currency": currency, **columns})


async def first_captured(tx: ScopedTransaction) -> date | None:
    """The earliest day with a snapshot."""
    day: date | None = await tx.value(
        "select min(day) from growth_metrics where tenant_id = %s", (tx.tenant_id,)
    )
    return day


async def last_captured(tx: Transaction) -> dict[UUID, date]:
    """The latest day with a snapshot, by tenant."""
    return dict(await tx.rows("select tenant_id, max(day) from growth_metrics group by tenant_id"))
