"""Orders and their lines as rows, each change mirrored to the event store."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from groundswell.core.db.outbox import mirror
from groundswell.core.db.postgres import ScopedTransaction


class OrderRow(msgspec.Struct, kw_only=True):
    """A row of orders. ``person_key`` is the own key of its distinct id."""

    order_uid: UUID
    source: str
    order_id: str
    distinct_id: str
    person_key: int
    currency: str
    total: int
    reporting_currency: str
    reporting_total: int
    rate: Decimal | None
    items: int
    refunded: int
    placed_at: datetime
    content_hash: bytes
    origin: str
    confirmed: bool
    historical: bool

    @property
    def key(self) -> tuple[str, str]:
        """What makes an order the same order."""
        return self.source, self.order_id


class LineRow(msgspec.Struct, kw_only=True):
    """A row of order_lines: an item, or a refund with a negative amount."""

    order_uid: UUID
    line_no: int
    kind: str
    product_id: str
    name: str
    quantity: int
    unit_price: int
    amount: int
    reporting_amount: int
    at: datetime
    refund_id: str
    properties: dict[str, Any]


_COLUMNS = """
order_uid, source, order_id, distinct_id, person_key, currency, total, reporting_currency,
reporting_total, rate, items, refunded, placed_at, content_hash, origin, confirmed, historical
"""

_GIVEN = """
unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::bigint[],
       %s::text[], %s::bigint[], %s::numeric[], %s::bigint[], %s::bigint[], %s::timestamptz[],
       %s::bytea[], %s::text[], %s::boolean[], %s::boolean[])
"""

_INSERT = f"""
insert into orders (tenant_id, {_COLUMNS})
select %s, * from {_GIVEN} as t({_COLUMNS}) order by source, order_id
on conflict (tenant_id, source, order_id) do nothing
returning order_uid
"""  # noqa: S608

_REPLACE = f"""
update orders o
set distinct_id = g.distinct_id, person_key = g.person_key, currency = g.currency,
    total = g.total, reporting_currency = g.reporting_currency,
    reporting_total = g.reporting_total, rate = g.rate, items = g.items,
    placed_at = g.placed_at, content_hash = g.content_hash, origin = g.origin,
    confirmed = g.confirmed, historical = g.historical
from {_GIVEN} as g({_COLUMNS})
where o.tenant_id = %s and o.order_uid = g.order_uid
"""  # noqa: S608

_LOCK = f"""
select {_COLUMNS} from orders o
where tenant_id = %s
  and (source, order_id) in (select * from unnest(%s::text[], %s::text[]))
order by source, order_id for no key update
"""  # noqa: S608

_LOCK_UIDS = f"""
select {_COLUMNS} from orders
where tenant_id = %s and order_uid = any(%s) order by source, order_id for no key update
"""  # noqa: S608

_LINE_COLUMNS = """
order_uid, line_no, kind, product_id, name, quantity, unit_price, amount, reporting_amount, at,
refund_id, properties
"""

_INSERT_LINES = f"""
insert into order_lines (tenant_id, {_LINE_COLUMNS})
select %s, order_uid, line_no, kind, product_id, name, quantity, unit_price, amount,
       reporting_amount, at, refund_id, properties::jsonb
from unnest(%s::uuid[], %s::int[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[],
            %s::bigint[], %s::bigint[], %s::timestamptz[], %s::text[], %s::text[])
  as t({_LINE_COLUMNS})
"""  # noqa: S608

_LINES = f"""
select {_LINE_COLUMNS} from order_lines
where tenant_id = %s and order_uid = any(%s) order by order_uid, line_no
"""  # noqa: S608

_SET_MONEY = """
update orders o set reporting_currency = g.reporting_currency,
                    reporting_total = g.reporting_total, rate = g.rate, refunded = g.refunded
from unnest(%s::uuid[], %s::text[], %s::bigint[], %s::numeric[], %s::bigint[])
  as g(order_uid, reporting_currency, reporting_total, rate, refunded)
where o.tenant_id = %s and o.order_uid = g.order_uid
"""

_SET_LINE_MONEY = """
update order_lines l set reporting_amount = g.reporting_amount
from unnest(%s::uuid[], %s::int[], %s::bigint[]) as g(order_uid, line_no, reporting_amount)
where l.tenant_id = %s and l.order_uid = g.order_uid and l.line_no = g.line_no
"""


async def insert(tx: ScopedTransaction, rows: Sequence[OrderRow]) -> set[UUID]:
    """Insert orders; returns those that are new. Another transaction's are waited for."""
    return set(await tx.values(_INSERT, (tx.tenant_id, *_columns(rows))))


async def replace(tx: ScopedTransaction, rows: Sequence[OrderRow]) -> None:
    """Give locked orders another content; their old lines are removed, in the mirror too."""
    uids = [row.order_uid for row in rows]
    await tx.execute(_REPLACE, (*_columns(rows), tx.tenant_id))
    old = [line for line in await lines(tx, uids) if line.kind == "item"]
    keys = {row.order_uid: row.person_key for row in rows}
    await mirror(tx, "order_lines", [_line_mirror(line, keys, deleted=True) for line in old])
    await tx.execute(
        "delete from order_lines where tenant_id = %s and order_uid = any(%s) and kind = 'item'",
        (tx.tenant_id, uids),
    )


async def lock(
    tx: ScopedTransaction, keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], OrderRow]:
    """Lock orders by source and order id, in that order."""
    pairs = sorted(keys)
    sources, ids = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    rows = await tx.fetch(OrderRow, _LOCK, (tx.tenant_id, sources, ids))
    return {row.key: row for row in rows}


async def lock_uids(tx: ScopedTransaction, uids: Iterable[UUID]) -> dict[UUID, OrderRow]:
    """Lock orders by their own ids, in order of source and order id."""
    rows = await tx.fetch(OrderRow, _LOCK_UIDS, (tx.tenant_id, list(uids)))
    return {row.order_uid: row for row in rows}


async def insert_lines(tx: ScopedTransaction, rows: Sequence[LineRow]) -> None:
    """Insert lines (not mirrored here: see ``mirror_lines``)."""
    if rows:
        values = [_line_values(row) for row in rows]
        await tx.execute(
            _INSERT_LINES, (tx.tenant_id, *[list(c) for c in zip(*values, strict=True)])
        )


async def lines(tx: ScopedTransaction, uids: Sequence[UUID]) -> list[LineRow]:
    """Lines of orders, items and refunds."""
    return await tx.fetch(LineRow, _LINES, (tx.tenant_id, list(uids)))


async def set_money(
    tx: ScopedTransaction, rows: Sequence[OrderRow], line_rows: Sequence[LineRow] = ()
) -> None:
    """Write what orders and lines are worth in the reporting currency, and what was refunded."""
    await tx.execute(
        _SET_MONEY,
        (
            [row.order_uid for row in rows],
            [row.reporting_currency for row in rows],
            [row.reporting_total for row in rows],
            [row.rate for row in rows],
            [row.refunded for row in rows],
            tx.tenant_id,
        ),
    )
    if line_rows:
        await tx.execute(
            _SET_LINE_MONEY,
            (
                [row.order_uid for row in line_rows],
                [row.line_no for row in line_rows],
                [row.reporting_amount for row in line_rows],
                tx.tenant_id,
            ),
        )


async def mirror_orders(
    tx: ScopedTransaction, rows: Sequence[OrderRow], line_rows: Sequence[LineRow]
) -> None:
    """Send orders and these lines of theirs to the event store; refunds are movements too."""
    of = {row.order_uid: row for row in rows}
    movements = [_order_mirror(row) for row in rows]
    movements += [
        _refund_mirror(of[line.order_uid], line) for line in line_rows if _is_refund(line)
    ]
    await mirror(tx, "orders", movements)
    keys = {row.order_uid: row.person_key for row in rows}
    await mirror(tx, "order_lines", [_line_mirror(line, keys, deleted=False) for line in line_rows])


def _is_refund(line: LineRow) -> bool:
    return line.kind == "refund"


def _order_mirror(row: OrderRow) -> dict[str, Any]:
    return {
        "order_uid": row.order_uid,
        "movement": "order",
        "kind": "order",
        "source": row.source,
        "order_id": row.order_id,
        "person_key": row.person_key,
        "distinct_id": row.distinct_id,
        "at": row.placed_at,
        "currency": row.currency,
        "total": row.total,
        "reporting_currency": row.reporting_currency,
        "reporting_total": row.reporting_total,
        "items": row.items,
        "confirmed": row.confirmed,
        "historical": row.historical,
        "deleted": False,
    }


def _refund_mirror(row: OrderRow, line: LineRow) -> dict[str, Any]:
    return _order_mirror(row) | {
        "movement": f"refund:{line.line_no}",
        "kind": "refund",
        "at": line.at,
        "total": line.amount,
        "reporting_total": line.reporting_amount,
        "items": 0,
    }


def _line_mirror(line: LineRow, keys: dict[UUID, int], *, deleted: bool) -> dict[str, Any]:
    return {
        "order_uid": line.order_uid,
        "line_no": line.line_no,
        "kind": line.kind,
        "product_id": line.product_id,
        "name": line.name,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "amount": line.amount,
        "reporting_amount": line.reporting_amount,
        "person_key": keys[line.order_uid],
        "at": line.at,
        "deleted": deleted,
    }


def _columns(rows: Sequence[OrderRow]) -> list[list[Any]]:
    return [list(column) for column in zip(*map(msgspec.structs.astuple, rows), strict=True)]


def _line_values(row: LineRow) -> tuple[Any, ...]:
    *values, properties = msgspec.structs.astuple(row)
    return (*values, msgspec.json.encode(properties).decode())
