"""Orders and refunds out of events that follow Segment's e-commerce specification.

Amounts in these events are decimal major units; ``total`` is what was paid.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from uuid import UUID

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.ids import order_event_id
from groundswell.core.money import MAX_MINOR, exponent, is_currency, parse_minor
from groundswell.features.commerce.logic.events import COMPLETED, REFUNDED, refund_event_id
from groundswell.features.commerce.logic.record import record_orders
from groundswell.features.commerce.logic.refunds import record_refunds
from groundswell.features.commerce.store import orders as store
from groundswell.features.commerce.store import rates
from groundswell.features.commerce.store.rates import Books
from groundswell.features.commerce.types import (
    MAX_LINES,
    MAX_QUANTITY,
    MAX_UNCONFIRMED,
    NewLine,
    NewOrder,
    NewRefund,
    Origin,
    Outcome,
)
from groundswell.features.events.types import CapturedEvent, Consumed, Problem

_NOISE = Decimal("0.000001")
_TOTALS = ("total", "revenue", "value")
_REFUNDS = ("amount", "refund", "total", "revenue", "value")


class FieldProblem(ValueError):  # noqa: N818 - never leaves this module
    """A property that can't be used, and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}")
        self.field = field
        self.reason = reason


class OrderConsumer:
    """Turns ``Order Completed`` and ``Order Refunded`` into orders and refunds."""

    names = frozenset({COMPLETED, REFUNDED})

    async def consume(self, tx: ScopedTransaction, events: Sequence[CapturedEvent]) -> Consumed:
        """Record what the events tell; what can't be used is a Problem, its event is kept."""
        books = await rates.books(tx)
        placed = await _consume_orders(tx, books, [e for e in events if e.event == COMPLETED])
        refunded = await _consume_refunds(tx, books, [e for e in events if e.event == REFUNDED])
        return Consumed(
            {**placed.event_ids, **refunded.event_ids}, [*placed.problems, *refunded.problems]
        )


async def _consume_orders(
    tx: ScopedTransaction, books: Books, events: Sequence[CapturedEvent]
) -> Consumed:
    event_ids: dict[UUID, UUID] = {}
    problems: list[Problem] = []
    orders: list[tuple[CapturedEvent, NewOrder]] = []
    for event in events:
        try:
            orders.append((event, order_of(event, books)))
        except FieldProblem as problem:
            problems.append(Problem(event.event_id, problem.field, problem.reason))
    if not orders:
        return Consumed(event_ids, problems)
    recorded = await record_orders(tx, [order for _, order in orders], Origin.EVENT)
    for (event, order), result in zip(orders, recorded, strict=True):
        if result.outcome is not Outcome.REFUSED:
            named = order_event_id(tx.tenant_id, order.source, order.order_id)
            event_ids[event.event_id] = named
        if result.problem:
            problems.append(Problem(event.event_id, "order_id", result.problem))
    return Consumed(event_ids, problems)


async def _consume_refunds(
    tx: ScopedTransaction, books: Books, events: Sequence[CapturedEvent]
) -> Consumed:
    if not events:
        return Consumed()
    problems: list[Problem] = []
    refunds: list[tuple[CapturedEvent, str, NewRefund]] = []
    keys = {(books.order_source, _text(e.properties, "order_id")) for e in events}
    stored = await store.lock(tx, keys)
    for event in events:
        row = stored.get((books.order_source, _text(event.properties, "order_id")))
        try:
            refunds.append((event, row.order_id if row else "", refund_of(event, row)))
        except FieldProblem as problem:
            problems.append(Problem(event.event_id, problem.field, problem.reason))
    event_ids: dict[UUID, UUID] = {}
    done = await record_refunds(tx, [refund for *_, refund in refunds], Origin.EVENT)
    for (event, order_id, refund), result in zip(refunds, done, strict=True):
        if result.problem:
            problems.append(Problem(event.event_id, "total", result.problem))
        if result.outcome is not Outcome.REFUSED:
            event_ids[event.event_id] = refund_event_id(
                tx.tenant_id, books.order_source, order_id, refund.refund_id
            )
    return Consumed(event_ids, problems)


def order_of(event: CapturedEvent, books: Books) -> NewOrder:
    """The order an ``Order Completed`` event tells of.

    Raises:
        FieldProblem: a property can't be used.
    """
    given = event.properties
    currency = _currency(given, books.currency)
    lines = _lines(given.get("products"), currency)
    total = _amount(given, _TOTALS, currency)
    if total is None and lines:
        total = sum(line.amount for line in lines)
    if total is None:
        raise FieldProblem("total", "is missing: send total, revenue or products with prices")
    most = MAX_MINOR if event.is_trusted else MAX_UNCONFIRMED
    if not 0 <= total <= most or any(abs(line.amount) > most for line in lines):
        raise FieldProblem("total", "is below 0 or beyond the limit")
    return NewOrder(
        source=books.order_source,
        order_id=_order_id(given),
        distinct_id=event.distinct_id,
        currency=currency,
        total=total,
        placed_at=event.at,
        lines=lines,
        confirmed=event.is_trusted,
        historical=event.is_historical,
    )


def refund_of(event: CapturedEvent, row: store.OrderRow | None) -> NewRefund:
    """The refund an ``Order Refunded`` event tells of; without an amount it is all that is left.

    Raises:
        FieldProblem: a property can't be used, or the order is unknown.
    """
    given = event.properties
    order_id = _order_id(given)
    if not event.is_trusted:
        raise FieldProblem("order_id", "a publishable key can't refund: send it with a secret key")
    if row is None:
        raise FieldProblem("order_id", f"there is no order {order_id} of this source")
    if _currency(given, row.currency) != row.currency:
        raise FieldProblem("currency", f"the order is in {row.currency}")
    amount = _amount(given, _REFUNDS, row.currency)
    return NewRefund(
        order_uid=row.order_uid,
        refund_id=_text(given, "refund_id") or str(event.event_id),
        amount=None if amount is None else abs(amount),
        at=event.at,
        reason=_text(given, "reason", 500),
        historical=event.is_historical,
    )


def _order_id(given: Mapping[str, Any]) -> str:
    found = _text(given, "order_id")
    if not found:
        raise FieldProblem("order_id", "is missing, or longer than 200 characters")
    return found


def _text(given: Mapping[str, Any], name: str, longest: int = 200) -> str:
    """A text or whole number as text; nothing if it is neither, or too long."""
    value = given.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = str(value).strip()
    return text if len(text) <= longest and "\x00" not in text else ""


def _currency(given: Mapping[str, Any], default: str) -> str:
    value = given.get("currency")
    if value is None or value == "":
        return default
    code = value.strip().upper() if isinstance(value, str) else ""
    if not is_currency(code):
        raise FieldProblem("currency", "is not an ISO 4217 code")
    return code


def _amount(given: Mapping[str, Any], names: Sequence[str], currency: str) -> int | None:
    """Minor units of the first of these properties that is there."""
    for name in names:
        value = given.get(name)
        if value is not None and value != "":
            return minor_units(value, currency, name)
    return None


def minor_units(value: object, currency: str, field: str) -> int:
    """Minor units of a decimal text or JSON number in major units.

    A number may be off by what binary fractions are off (0.1 + 0.2); else a part finer than the
    minor unit is refused. Raises FieldProblem.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise FieldProblem(field, "is not an amount")
    text = value if isinstance(value, str) else repr(value)
    try:
        if isinstance(value, float):
            text = str(_without_noise(Decimal(text), currency))
        return parse_minor(text, currency)
    except (ValueError, ArithmeticError) as error:
        reason = str(error) if isinstance(error, ValueError) else "is beyond the limit"
        raise FieldProblem(field, reason[:200]) from None


def _without_noise(value: Decimal, currency: str) -> Decimal:
    step = Decimal(1).scaleb(-exponent(currency))
    near = value.quantize(step, ROUND_HALF_EVEN)
    return near if abs(near - value) <= step * _NOISE else value


def _lines(products: object, currency: str) -> tuple[NewLine, ...]:
    if products is None:
        return ()
    if not isinstance(products, list):
        raise FieldProblem("products", "is not a list")
    if len(products) > MAX_LINES:
        raise FieldProblem("products", f"has more than {MAX_LINES} entries")
    return tuple(_line(item, f"products[{i}]", currency) for i, item in enumerate(products))


def _line(item: object, place: str, currency: str) -> NewLine:
    if not isinstance(item, dict):
        raise FieldProblem(place, "is not an object")
    price = item.get("price")
    line = NewLine(
        product_id=_text(item, "product_id") or _text(item, "sku"),
        name=_text(item, "name", 500),
        quantity=_quantity(item.get("quantity"), f"{place}.quantity"),
        unit_price=0 if price is None else _price(price, currency, f"{place}.price"),
    )
    if abs(line.amount) > MAX_MINOR:
        raise FieldProblem(place, "price times quantity is beyond the limit")
    return line


def _price(value: object, currency: str, field: str) -> int:
    """A unit price, rounded to the minor unit: only the order's total must be exact."""
    if isinstance(value, float):
        try:
            step = Decimal(1).scaleb(-exponent(currency))
            value = str(Decimal(repr(value)).quantize(step, ROUND_HALF_EVEN))
        except ArithmeticError:
            raise FieldProblem(field, "is beyond the limit") from None
    return minor_units(value, currency, field)


def _quantity(value: object, field: str) -> int:
    if value is None:
        return 1
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value.strip()[:10])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_QUANTITY:
        raise FieldProblem(field, f"must be a whole number from 1 to {MAX_QUANTITY}")
    return value
