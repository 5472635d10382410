"""Refunds: negative lines, each once by its id, together never more than the order."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from groundswell.core.audit import audit
from groundswell.core.db.outbox import mirror
from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.money import decimal_text
from groundswell.core.signals import emit_many
from groundswell.core.tenancy.scope import ActorKind
from groundswell.features.commerce.logic.events import refunded_event
from groundswell.features.commerce.logic.rates import refund_value
from groundswell.features.commerce.store import orders as store
from groundswell.features.commerce.store.orders import LineRow, OrderRow
from groundswell.features.commerce.types import MAX_LINES, NewRefund, Origin, Outcome, Refunded
from groundswell.features.people import api as people
from groundswell.features.people.types import Seen


async def record_refunds(
    tx: ScopedTransaction, refunds: Sequence[NewRefund], origin: Origin
) -> list[Refunded]:
    """Record refunds of existing orders; answers in the order given.

    The same refund again changes nothing. Refused: an unknown order, more than is left of it.
    """
    locked = await store.lock_uids(tx, {refund.order_uid for refund in refunds})
    lines: dict[UUID, list[LineRow]] = {uid: [] for uid in locked}
    for line in await store.lines(tx, list(locked)):
        lines[line.order_uid].append(line)
    answers: list[Refunded] = []
    made: list[tuple[NewRefund, LineRow]] = []
    for refund in refunds:
        row = locked.get(refund.order_uid)
        if row is None:
            answers.append(Refunded(Outcome.REFUSED, 0, "there is no such order"))
            continue
        answer, new = _refund(row, lines[row.order_uid], refund)
        answers.append(answer)
        if new is not None:
            lines[row.order_uid].append(new)
            made.append((refund, new))
    if made:
        await _write(tx, locked, made, origin)
    return answers


def _refund(
    row: OrderRow, lines: Sequence[LineRow], refund: NewRefund
) -> tuple[Refunded, LineRow | None]:
    old = next((line for line in lines if _is(line, refund.refund_id)), None)
    if old is not None:
        if refund.amount in (None, -old.amount):
            return Refunded(Outcome.SAME, -old.amount), None
        stored = f"it is stored with amount {-old.amount}, this says {refund.amount}"
        return Refunded(Outcome.CONFLICT, -old.amount, stored), None
    left = row.total - row.refunded
    amount = left if refund.amount is None else refund.amount
    if amount > left or amount < 1:
        text = f"only {decimal_text(left, row.currency)} {row.currency} of the order is left"
        return Refunded(Outcome.REFUSED, amount, text), None
    # Refunds are numbered above all items, which may still be replaced by a confirmed order's.
    number = max([MAX_LINES, *(line.line_no for line in lines)]) + 1
    line = _line(row, number, amount, refund)
    row.refunded += amount
    return Refunded(Outcome.CREATED, amount), line


def _is(line: LineRow, refund_id: str) -> bool:
    return line.kind == "refund" and line.refund_id == refund_id


def _line(row: OrderRow, number: int, amount: int, refund: NewRefund) -> LineRow:
    return LineRow(
        order_uid=row.order_uid,
        line_no=number,
        kind="refund",
        product_id="",
        name="",
        quantity=0,
        unit_price=0,
        amount=-amount,
        reporting_amount=refund_value(row, row.refunded, amount),
        at=refund.at,
        refund_id=refund.refund_id,
        properties={"reason": refund.reason} if refund.reason else {},
    )


async def _write(
    tx: ScopedTransaction,
    locked: Mapping[UUID, OrderRow],
    made: Sequence[tuple[NewRefund, LineRow]],
    origin: Origin,
) -> None:
    rows = list({line.order_uid: locked[line.order_uid] for _, line in made}.values())
    lines = [line for _, line in made]
    await store.insert_lines(tx, lines)
    await store.set_money(tx, rows)
    await store.mirror_orders(tx, rows, lines)
    if origin is not Origin.EVENT:
        await _tell_events(tx, locked, lines)
    facts = [_fact(locked[line.order_uid], line) for refund, line in made if not refund.historical]
    await emit_many(tx, "order.refunded", facts)
    if tx.scope.actor.kind is not ActorKind.SYSTEM:
        for line in lines:
            detail = {"refund_id": line.refund_id, "amount": -line.amount}
            await audit(tx, "order.refunded", "order", line.order_uid, detail)


async def _tell_events(
    tx: ScopedTransaction, locked: Mapping[UUID, OrderRow], lines: Sequence[LineRow]
) -> None:
    seen = {locked[line.order_uid].distinct_id: Seen(line.at, line.at) for line in lines}
    resolved = await people.resolve(tx, seen)
    events = []
    for line in lines:
        row = locked[line.order_uid]
        events.append(refunded_event(tx.tenant_id, row, line, resolved[row.distinct_id]))
    await mirror(tx, "events", events)


def _fact(row: OrderRow, line: LineRow) -> dict[str, object]:
    return {
        "order_uid": row.order_uid,
        "refund_id": line.refund_id,
        "currency": row.currency,
        "amount": -line.amount,
        "reporting_currency": row.reporting_currency,
        "reporting_amount": -line.reporting_amount,
        "refunded_at": line.at,
    }
