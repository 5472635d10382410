"""Exchange rates as rows, and the tenant's currency and days."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.features.commerce.types import Rate


class Books(msgspec.Struct, frozen=True):
    """In what currency and zone a tenant reports, and the source its events' orders belong to."""

    currency: str
    timezone: str
    order_source: str


class Waiting(msgspec.Struct, frozen=True):
    """Orders of a currency that wait for a rate, and since when."""

    currency: str
    orders: int
    first_at: datetime


_FOR_DAYS = """
select t.currency, t.day, r.rate
from unnest(%(currencies)s::text[], %(days)s::date[]) as t(currency, day)
cross join lateral (
  select rate from exchange_rates e
  where e.tenant_id = %(tenant)s and e.currency = t.currency
    and e.reporting_currency = %(reporting)s and e.day <= t.day
  order by e.day desc limit 1
) r
"""

_PUT = """
insert into exchange_rates (tenant_id, currency, reporting_currency, day, rate)
select %s, * from unnest(%s::text[], %s::text[], %s::date[], %s::numeric[])
  as t(currency, reporting_currency, day, rate) order by 1, 2, 3
on conflict (tenant_id, currency, reporting_currency, day) do update set rate = excluded.rate
where exchange_rates.rate <> excluded.rate
"""

_LIST = """
select currency, reporting_currency, day, rate from exchange_rates
where tenant_id = %(tenant)s
  and (%(currency)s::text is null or (currency, reporting_currency, day)
       > (%(currency)s, %(reporting)s, %(day)s))
order by currency, reporting_currency, day limit %(limit)s
"""

# Orders whose rate is no longer the one of their day; same currency counts one for one.
_STALE = """
select o.order_uid from orders o
left join lateral (
  select rate from exchange_rates e
  where e.tenant_id = o.tenant_id and e.currency = o.currency
    and e.reporting_currency = %(reporting)s
    and e.day <= (o.placed_at at time zone %(zone)s)::date
  order by e.day desc limit 1
) r on true
where o.tenant_id = %(tenant)s
  and (%(currencies)s::text[] is null or o.currency = any(%(currencies)s))
  and (o.reporting_currency <> %(reporting)s
       or o.rate is distinct from case when o.currency = %(reporting)s then 1 else r.rate end)
limit %(limit)s
"""

_WAITING = """
select currency, count(*) as orders, min(placed_at) as first_at
from orders where tenant_id = %s and rate is null group by currency order by currency
"""


async def books(tx: ScopedTransaction) -> Books:
    """The tenant's currency, zone and order source."""
    found = await tx.fetch_one(
        Books,
        "select currency, timezone, order_source from tenants where tenant_id = %s",
        (tx.tenant_id,),
    )
    assert found is not None
    return found


async def keep_rates(tx: ScopedTransaction, *, change: bool = False) -> None:
    """Rates stay as they are until the end of the transaction; ``change``: nobody reads them.

    Without it an order that is being recorded while its rate is stored would miss the rate, and
    the recount of that rate would miss the order: it would be worth nothing for good.
    """
    key = f"rates:{tx.tenant_id}"
    if change:
        await tx.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))
    else:
        await tx.execute("select pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", (key,))


async def for_days(
    tx: ScopedTransaction, reporting: str, wanted: Sequence[tuple[str, date]]
) -> dict[tuple[str, date], Decimal]:
    """The rate of each (currency, day): the latest on or before it; missing ones are left out."""
    if not wanted:
        return {}
    rows = await tx.rows(
        _FOR_DAYS,
        {
            "tenant": tx.tenant_id,
            "reporting": reporting,
            "currencies": [currency for currency, _ in wanted],
            "days": [day for _, day in wanted],
        },
    )
    return {(currency, day): rate for currency, day, rate in rows}


async def put(tx: ScopedTransaction, rates: Sequence[Rate]) -> int:
    """Store rates; returns how many are new or changed."""
    columns = [list(c) for c in zip(*map(msgspec.structs.astuple, rates), strict=True)]
    return await tx.execute(_PUT, (tx.tenant_id, *columns))


async def list_rates(tx: ScopedTransaction, after: Rate | None, limit: int) -> list[Rate]:
    """Rates by currency and day."""
    return await tx.fetch(
        Rate,
        _LIST,
        {
            "tenant": tx.tenant_id,
            "currency": after.currency if after else None,
            "reporting": after.reporting_currency if after else None,
            "day": after.day if after else None,
            "limit": limit,
        },
    )


async def stale_orders(
    tx: ScopedTransaction, books: Books, currencies: Sequence[str] | None, limit: int
) -> list[UUID]:
    """Orders that must be counted anew, of some currencies or of all."""
    return await tx.values(
        _STALE,
        {
            "tenant": tx.tenant_id,
            "reporting": books.currency,
            "zone": books.timezone,
            "currencies": None if currencies is None else list(currencies),
            "limit": limit,
        },
    )


async def waiting(tx: ScopedTransaction) -> list[Waiting]:
    """What waits for a rate, by currency."""
    return await tx.fetch(Waiting, _WAITING, (tx.tenant_id,))
