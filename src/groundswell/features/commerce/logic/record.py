"""Recording orders: each once by source and order id, whoever brings it and how often."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from groundswell.core import clock
from groundswell.core.audit import audit
from groundswell.core.db.outbox import mirror
from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.errors import InvalidError
from groundswell.core.ids import new_id, order_event_id
from groundswell.core.signals import emit_many
from groundswell.core.tenancy.scope import ActorKind
from groundswell.features.commerce.logic.checks import content_hash, pieces
from groundswell.features.commerce.logic.events import completed_event
from groundswell.features.commerce.logic.rates import Valuation, revalue_lines, valuation
from groundswell.features.commerce.store import orders as store
from groundswell.features.commerce.store.orders import LineRow, OrderRow
from groundswell.features.commerce.store.rates import keep_rates
from groundswell.features.commerce.types import NewOrder, Origin, Outcome, Recorded
from groundswell.features.people import api as people
from groundswell.features.people.types import Resolved, Seen

Key = tuple[str, str]


async def record_orders(
    tx: ScopedTransaction, orders: Sequence[NewOrder], origin: Origin
) -> list[Recorded]:
    """Record checked orders; answers in the order given.

    Writes orders, lines, their mirror, the one ``Order Completed`` event of each that did not
    come as an event itself, signals (not for historical ones), and one audit row for a member's
    or key's batch. The same order again changes nothing; a confirmed order replaces an
    unconfirmed one of the same id.
    """
    answers: dict[int, Recorded] = {}
    if orders:
        await keep_rates(tx)
    todo = list(range(len(orders)))
    while todo:
        # An id that comes twice in one batch is met again in a later round, as if sent later.
        first: dict[Key, int] = {}
        for index in todo:
            first.setdefault(_key(orders[index]), index)
        todo = [index for index in todo if first[_key(orders[index])] != index]
        batch = [orders[index] for index in first.values()]
        answers |= zip(first.values(), await _record(tx, batch, origin), strict=True)
    recorded = [answers[index] for index in range(len(orders))]
    await _audit(tx, recorded, origin)
    return recorded


async def _record(
    tx: ScopedTransaction, orders: Sequence[NewOrder], origin: Origin
) -> list[Recorded]:
    """Record orders of which no two have the same id."""
    resolved = await people.resolve(tx, _seen(orders))
    values = await valuation(tx, [(order.currency, order.placed_at) for order in orders])
    answers: dict[Key, Recorded] = {}
    rows: dict[Key, OrderRow] = {}
    lines: dict[Key, list[LineRow]] = {}
    for order in orders:
        row = _row(order, resolved[order.distinct_id], values, origin)
        try:
            row.reporting_total = values.worth(row.total, row.currency, row.rate)
            lines[row.key] = _lines(order, row)
            rows[row.key] = row
        except InvalidError as error:
            answers[row.key] = Recorded(Outcome.REFUSED, row.order_uid, error.errors[0].reason)
    new = await store.insert(tx, list(rows.values())) if rows else set()
    answers |= {key: Recorded(Outcome.CREATED, row.order_uid) for key, row in rows.items()}
    known = {key: row for key, row in rows.items() if row.order_uid not in new}
    replaced = await _meet(tx, known, answers) if known else []
    created = [row for row in rows.values() if row.order_uid in new]
    await _write(tx, [*created, *replaced], lines)
    if origin is not Origin.EVENT:
        events = [completed_event(tx.tenant_id, row, lines[row.key], resolved) for row in created]
        await mirror(tx, "events", events)
    return [answers[_key(order)] for order in orders]


async def _meet(
    tx: ScopedTransaction, known: dict[Key, OrderRow], answers: dict[Key, Recorded]
) -> list[OrderRow]:
    """Compare orders with those stored under their ids; returns those that replace one."""
    replacing = []
    stored = await store.lock(tx, known)
    for key, row in known.items():
        old = stored[key]
        if row.confirmed and not old.confirmed and _may_replace(row, old):
            row.order_uid, row.refunded = old.order_uid, old.refunded
            replacing.append(row)
            answers[key] = Recorded(Outcome.CREATED, old.order_uid)
        elif difference := _difference(row, old):
            answers[key] = Recorded(Outcome.CONFLICT, old.order_uid, difference)
        else:
            answers[key] = Recorded(Outcome.SAME, old.order_uid)
    if replacing:
        await store.replace(tx, replacing)
        refunds = await store.lines(tx, [row.order_uid for row in replacing])
        revalue_lines({row.order_uid: row for row in replacing}, refunds)
        await store.set_money(tx, replacing, refunds)
        await store.mirror_orders(tx, replacing, refunds)
    return replacing


def _may_replace(new: OrderRow, old: OrderRow) -> bool:
    return old.refunded == 0 or (new.currency == old.currency and new.total >= old.refunded)


def _difference(new: OrderRow, old: OrderRow) -> str:
    """How an order contradicts the stored one; nothing if it is the same again.

    Two posts must say exactly the same. What an event and a post say of one order differs in
    form (times, lines), so that between those the money decides.
    """
    if (new.currency, new.total) != (old.currency, old.total):
        return (
            f"it is stored with total {old.total} {old.currency},"
            f" this says {new.total} {new.currency}"
        )
    exact = Origin.EVENT not in (new.origin, old.origin)
    if exact and new.content_hash != old.content_hash:
        return "it is stored with another distinct_id, placed_at or other lines"
    return ""


async def _write(
    tx: ScopedTransaction, rows: Sequence[OrderRow], lines: dict[Key, list[LineRow]]
) -> None:
    written = []
    for row in rows:
        for line in lines[row.key]:
            line.order_uid = row.order_uid
            written.append(line)
    await store.insert_lines(tx, written)
    await store.mirror_orders(tx, rows, written)
    await emit_many(tx, "order.placed", [_fact(row) for row in rows if not row.historical])


def _key(order: NewOrder) -> Key:
    return order.source, order.order_id


def _seen(orders: Iterable[NewOrder]) -> dict[str, Seen]:
    seen: dict[str, Seen] = {}
    for order in orders:
        old = seen.get(order.distinct_id)
        at = order.placed_at
        seen[order.distinct_id] = Seen(
            min(old.first_at, at) if old else at,
            max(old.last_at, at) if old else at,
            is_anonymous=not order.identifies and (old is None or old.is_anonymous),
            is_vouched=(order.confirmed and not _is_random(order.distinct_id))
            or (old is not None and old.is_vouched),
        )
    return seen


def _is_random(distinct_id: str) -> bool:
    """Whether nobody could guess this id: a guest's, who may still say later who they are."""
    try:
        UUID(distinct_id)
    except ValueError:
        return False
    return True


def _row(order: NewOrder, person: Resolved, values: Valuation, origin: Origin) -> OrderRow:
    return OrderRow(
        order_uid=new_id(),
        source=order.source,
        order_id=order.order_id,
        distinct_id=order.distinct_id,
        person_key=person.own_key,
        currency=order.currency,
        total=order.total,
        reporting_currency=values.books.currency,
        reporting_total=0,
        rate=values.rate(order.currency, order.placed_at),
        items=pieces(order),
        refunded=0,
        placed_at=order.placed_at,
        content_hash=content_hash(order),
        origin=origin,
        confirmed=order.confirmed,
        historical=order.historical,
    )


def _lines(order: NewOrder, row: OrderRow) -> list[LineRow]:
    lines = [
        LineRow(
            order_uid=row.order_uid,
            line_no=number,
            kind="item",
            product_id=line.product_id,
            name=line.name,
            quantity=line.quantity,
            unit_price=line.unit_price,
            amount=line.amount,
            reporting_amount=0,
            at=row.placed_at,
            refund_id="",
            properties=line.properties,
        )
        for number, line in enumerate(order.lines, start=1)
    ]
    revalue_lines({row.order_uid: row}, lines)
    return lines


def _fact(row: OrderRow) -> dict[str, object]:
    return {
        "order_uid": row.order_uid,
        "source": row.source,
        "order_id": row.order_id,
        "distinct_id": row.distinct_id,
        "currency": row.currency,
        "total": row.total,
        "reporting_currency": row.reporting_currency,
        "reporting_total": row.reporting_total,
        "placed_at": row.placed_at,
        "confirmed": row.confirmed,
    }


async def _audit(tx: ScopedTransaction, recorded: Sequence[Recorded], origin: Origin) -> None:
    created = [each.order_uid for each in recorded if each.outcome is Outcome.CREATED]
    if not created or tx.scope.actor.kind is ActorKind.SYSTEM:
        return
    detail = {"count": len(created), "origin": origin, "at": clock.now()}
    if len(created) == 1:
        await audit(tx, "order.recorded", "order", created[0], detail)
    else:
        detail |= {"orders": created[:100]}
        await audit(tx, "orders.recorded", "tenant", tx.tenant_id, detail)


def event_id_of(tenant_id: UUID, order: NewOrder) -> UUID:
    """The id of an order's one ``Order Completed`` event."""
    return order_event_id(tenant_id, order.source, order.order_id)
