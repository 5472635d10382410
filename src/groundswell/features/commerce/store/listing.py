"""Reading orders: lists, one order, sums."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from groundswell.core import clock
from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.errors import NotFoundError
from groundswell.features.commerce.store import orders, rates
from groundswell.features.commerce.types import (
    CurrencyTotal,
    Line,
    Movement,
    Order,
    OrderDetail,
    OrderFilter,
    Refund,
    Totals,
)

_ORDER = """
select o.order_uid, o.source, o.order_id, o.distinct_id, d.person_id, o.currency, o.total,
       o.refunded, o.reporting_currency,
       case when o.rate is null then null else o.reporting_total end as reporting_total, o.rate,
       o.items, o.placed_at, o.confirmed, o.historical, o.origin
from orders o
join distinct_ids d on d.tenant_id = o.tenant_id and d.distinct_id = o.distinct_id
where o.tenant_id = %(tenant)s
"""

_WANTED = """
  and (%(source)s::text is null or o.source = %(source)s)
  and (%(currency)s::text is null or o.currency = %(currency)s)
  and (%(from)s::timestamptz is null or o.placed_at >= %(from)s)
  and (%(to)s::timestamptz is null or o.placed_at < %(to)s)
  and (%(person)s::uuid is null or o.distinct_id in (
    select distinct_id from distinct_ids where tenant_id = %(tenant)s and person_id = %(person)s))
"""

_LIST = (
    _ORDER
    + _WANTED
    + """
  and (%(at)s::timestamptz is null or (o.placed_at, o.order_uid) < (%(at)s, %(uid)s))
order by o.placed_at desc, o.order_uid desc limit %(limit)s
"""
)

# Refunds count with their order here; on their own day they count in the growth metrics.
_TOTALS = f"""
select o.currency, count(*) as orders, sum(o.total)::bigint as total,
       sum(o.refunded)::bigint as refunded, sum(o.items)::bigint as items,
       sum(o.reporting_total)::bigint as gross,
       count(*) filter (where o.rate is null) as without_rate,
       coalesce(sum(r.amount), 0)::bigint as given_back
from orders o
left join lateral (
  select -sum(l.reporting_amount) as amount from order_lines l
  where o.refunded > 0 and l.tenant_id = o.tenant_id and l.order_uid = o.order_uid
    and l.kind = 'refund'
) r on true
where o.tenant_id = %(tenant)s {_WANTED}
group by o.currency order by o.currency
"""  # noqa: S608

_CUSTOMERS = f"""
select count(distinct d.person_id) from orders o
join distinct_ids d on d.tenant_id = o.tenant_id and d.distinct_id = o.distinct_id
where o.tenant_id = %(tenant)s {_WANTED}
"""  # noqa: S608

# A refund's id in lists is made of its order's and its number, which nothing else has.
_MOVEMENTS = """
with mine as (
  select o.* from orders o
  join distinct_ids d on d.tenant_id = o.tenant_id and d.distinct_id = o.distinct_id
  where o.tenant_id = %(tenant)s and d.tenant_id = %(tenant)s and d.person_id = %(person)s
), moved as (
  select order_uid as entry_id, order_uid, source, order_id, '' as refund_id, currency,
         total as amount, placed_at as at from mine
  union all
  select md5(m.order_uid::text || ':' || l.line_no)::uuid, m.order_uid, m.source, m.order_id,
         l.refund_id, m.currency, l.amount, l.at
  from mine m join order_lines l on l.tenant_id = m.tenant_id and l.order_uid = m.order_uid
  where m.refunded > 0 and l.kind = 'refund'
)
select * from moved
where %(at)s::timestamptz is null or (at, entry_id) < (%(at)s, %(entry)s)
order by at desc, entry_id desc limit %(limit)s
"""

_SOURCES = """
with recursive found as (
  (select source from orders where tenant_id = %(tenant)s order by source limit 1)
  union all
  select (select o.source from orders o where o.tenant_id = %(tenant)s and o.source > f.source
          order by o.source limit 1) from found f where f.source is not null
)
select source from found where source is not null limit 200
"""


class _Sum(msgspec.Struct):
    currency: str
    orders: int
    total: int
    refunded: int
    items: int
    gross: int
    without_rate: int
    given_back: int


async def list_orders(
    tx: ScopedTransaction, wanted: OrderFilter, after: tuple[datetime, UUID] | None, limit: int
) -> list[Order]:
    """Orders by time, newest first."""
    at, uid = after or (None, None)
    params = await _params(tx, wanted)
    return await tx.fetch(Order, _LIST, params | {"at": at, "uid": uid, "limit": limit})


async def get(tx: ScopedTransaction, order_uid: UUID) -> OrderDetail:
    """One order with lines and refunds.

    Raises:
        NotFoundError: there is no such order for this tenant.
    """
    order = await tx.fetch_one(
        Order,
        _ORDER + " and o.order_uid = %(uid)s",
        {"tenant": tx.tenant_id, "uid": order_uid},
    )
    if order is None:
        raise NotFoundError("There is no such order.")
    rows = await orders.lines(tx, [order_uid])
    items = [_line(row) for row in rows if row.kind == "item"]
    refunds = [_refund(row) for row in rows if row.kind == "refund"]
    return OrderDetail(order, items, refunds)


async def totals(tx: ScopedTransaction, wanted: OrderFilter) -> Totals:
    """Sums over the orders of a filter."""
    books = await rates.books(tx)
    params = await _params(tx, wanted)
    sums = await tx.fetch(_Sum, _TOTALS, params)
    gross = sum(each.gross for each in sums)
    given_back = sum(each.given_back for each in sums)
    return Totals(
        orders=sum(each.orders for each in sums),
        customers=int(await tx.value(_CUSTOMERS, params)),
        items=sum(each.items for each in sums),
        currency=books.currency,
        gross=gross,
        refunded=given_back,
        revenue=gross - given_back,
        without_rate=sum(each.without_rate for each in sums),
        by_currency=[CurrencyTotal(s.currency, s.orders, s.total, s.refunded) for s in sums],
    )


async def movements(
    tx: ScopedTransaction, person_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> list[Movement]:
    """A person's orders and refunds, newest first."""
    at, entry = after or (None, None)
    return await tx.fetch(
        Movement,
        _MOVEMENTS,
        {"tenant": tx.tenant_id, "person": person_id, "at": at, "entry": entry, "limit": limit},
    )


async def sources(tx: ScopedTransaction) -> list[str]:
    """The sources orders came from, by a walk along the index."""
    return await tx.values(_SOURCES, {"tenant": tx.tenant_id})


async def _params(tx: ScopedTransaction, wanted: OrderFilter) -> dict[str, Any]:
    zone = (await rates.books(tx)).timezone
    first, last = wanted.first, wanted.last
    return {
        "tenant": tx.tenant_id,
        "person": wanted.person_id,
        "source": wanted.source,
        "currency": wanted.currency,
        "from": clock.day_bounds(first, zone)[0] if first else None,
        "to": clock.day_bounds(last + timedelta(days=1), zone)[0] if last else None,
    }


def _line(row: orders.LineRow) -> Line:
    return Line(
        line_no=row.line_no,
        product_id=row.product_id,
        name=row.name,
        quantity=row.quantity,
        unit_price=row.unit_price,
        amount=row.amount,
        properties=row.properties,
    )


def _refund(row: orders.LineRow) -> Refund:
    return Refund(
        refund_id=row.refund_id,
        amount=-row.amount,
        reporting_amount=-row.reporting_amount,
        refunded_at=row.at,
        reason=str(row.properties.get("reason", "")),
    )
