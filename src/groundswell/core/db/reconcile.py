"""Comparing the truth with its mirror: both engines count and add up the same text per row."""

import asyncio
from typing import LiteralString
from uuid import UUID

import msgspec
import structlog

from groundswell.core.platform import Platform

_ATTEMPTS = 4
_PAUSE = 3.0  # seconds; rows on their way arrive within two

_log = structlog.get_logger(__name__)


class Difference(msgspec.Struct, frozen=True):
    """A table of one tenant that differs; the sums are over the content of its rows."""

    tenant_id: UUID
    table: str
    rows: int
    mirrored_rows: int
    sum: int
    mirrored_sum: int


class _Table(msgspec.Struct, frozen=True):
    """The text that stands for a row, said in each engine's words."""

    name: str
    truth: LiteralString
    mirror: LiteralString


_TABLES = (
    _Table(
        "people",
        """
        select tenant_id, concat_ws(' ', person_key, person_id, is_identified::int,
               (merged_into is not null)::int) as t
        from people
        """,
        """
        select tenant_id, concat(toString(person_key), ' ', toString(person_id), ' ',
               toString(toUInt8(is_identified)), ' ', toString(toUInt8(deleted))) as t
        from people final
        """,
    ),
    _Table(
        "person_overrides",
        """
        select d.tenant_id, concat_ws(' ', d.own_key, p.person_key) as t
        from distinct_ids d
        join people p on p.tenant_id = d.tenant_id and p.person_id = d.person_id
        where p.person_key <> d.own_key
        """,
        """
        select tenant_id, concat(toString(person_key), ' ', toString(canonical_key)) as t
        from person_overrides final where canonical_key != person_key
        """,
    ),
    _Table(
        "orders",
        """
        select tenant_id, concat_ws(' ', order_uid, 'order', person_key, currency, total,
               reporting_currency, reporting_total, items, confirmed::int,
               floor(extract(epoch from placed_at) * 1000)::bigint) as t
        from orders
        union all
        select o.tenant_id, concat_ws(' ', o.order_uid, 'refund:' || l.line_no, o.person_key,
               o.currency, l.amount, o.reporting_currency, l.reporting_amount, 0,
               o.confirmed::int, floor(extract(epoch from l.at) * 1000)::bigint)
        from order_lines l
        join orders o on o.tenant_id = l.tenant_id and o.order_uid = l.order_uid
        where l.kind = 'refund'
        """,
        """
        select tenant_id, concat(toString(order_uid), ' ', movement, ' ', toString(person_key),
               ' ', currency, ' ', toString(total), ' ', reporting_currency, ' ',
               toString(reporting_total), ' ', toString(items), ' ', toString(toUInt8(confirmed)),
               ' ', toString(toUnixTimestamp64Milli(at))) as t
        from orders final where not deleted
        """,
    ),
    _Table(
        "order_lines",
        """
        select l.tenant_id, concat_ws(' ', l.order_uid, l.line_no, l.kind, l.quantity,
               l.unit_price, l.amount, l.reporting_amount, o.person_key) as t
        from order_lines l
        join orders o on o.tenant_id = l.tenant_id and o.order_uid = l.order_uid
        """,
        """
        select tenant_id, concat(toString(order_uid), ' ', toString(line_no), ' ', kind, ' ',
               toString(quantity), ' ', toString(unit_price), ' ', toString(amount), ' ',
               toString(reporting_amount), ' ', toString(person_key)) as t
        from order_lines final where not deleted
        """,
    ),
)

_TRUTH_SUMS: LiteralString = """
select tenant_id, count(*), sum(('x' || left(md5(t), 8))::bit(32)::bigint)::bigint
from ($rows) r group by tenant_id
"""
_MIRROR_SUMS: LiteralString = """
select tenant_id, count(), sum(reinterpretAsUInt32(reverse(substring(MD5(t), 1, 4))))
from ($rows) group by tenant_id
"""

_Sums = dict[UUID, tuple[int, int]]


async def reconcile(platform: Platform, pause: float = _PAUSE) -> list[Difference]:
    """Every table of every tenant that differs; rows on their way get ``pause`` seconds, thrice.

    The events of orders are not compared here: they are made from the orders table.
    """
    found: list[Difference] = []
    for attempt in range(_ATTEMPTS):
        tables = {each.table for each in found} if attempt else {t.name for t in _TABLES}
        found = [d for t in _TABLES if t.name in tables for d in await _differences(platform, t)]
        if not found:
            break
        if attempt + 1 < _ATTEMPTS:
            await asyncio.sleep(pause)
    for each in found:
        _log.error("mirror_differs", **msgspec.to_builtins(each))
    return found


async def _differences(platform: Platform, table: _Table) -> list[Difference]:
    # The store first: what reaches it in between is in the truth already.
    found = await platform.store.system_rows(_MIRROR_SUMS.replace("$rows", table.mirror))
    mirrored: _Sums = {row[0]: (int(row[1]), int(row[2])) for row in found}
    async with platform.postgres.across_tenants("reconcile") as tx:
        rows = await tx.rows(_TRUTH_SUMS.replace("$rows", table.truth))
        tenants = set(await tx.values("select tenant_id from tenants"))
    truth: _Sums = {row[0]: (row[1], row[2]) for row in rows}
    none = (0, 0)
    return [
        Difference(tenant, table.name, *_pairs(truth.get(tenant, none), mirrored.get(tenant, none)))
        for tenant in sorted((truth.keys() | mirrored.keys()) & tenants)
        if truth.get(tenant, none) != mirrored.get(tenant, none)
    ]


def _pairs(truth: tuple[int, int], mirrored: tuple[int, int]) -> tuple[int, int, int, int]:
    return truth[0], mirrored[0], truth[1], mirrored[1]
