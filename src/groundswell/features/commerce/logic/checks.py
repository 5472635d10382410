"""What the types can't say of an order; all that is wrong is told at once."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec

from groundswell.core import clock
from groundswell.core.errors import FieldError, InvalidError
from groundswell.core.money import MAX_MINOR, is_currency
from groundswell.features.commerce.types import NewLine, NewOrder, OrderFilter, PlaceOrder

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
FUTURE = timedelta(days=1)
MAX_PROPERTIES_BYTES = 4_000
"""JSON bytes of one line's properties."""


def problems(order: PlaceOrder) -> list[FieldError]:
    """All that is wrong with an order whose types are right."""
    return list(_problems(order))


def _problems(order: PlaceOrder) -> Iterator[FieldError]:
    if not is_currency(order.currency):
        yield FieldError("currency", f"{order.currency} is not an ISO 4217 code")
    if order.placed_at is not None:
        yield from moment_problems(order.placed_at, "placed_at")
    for index, line in enumerate(order.lines):
        if abs(line.amount) > MAX_MINOR:
            yield FieldError(f"lines[{index}]", "quantity times unit_price is beyond the limit")
        if len(msgspec.json.encode(line.properties)) > MAX_PROPERTIES_BYTES:
            yield FieldError(f"lines[{index}].properties", "is larger than 4,000 bytes")


def moment_problems(moment: datetime, field: str) -> Iterator[FieldError]:
    """Whether money can have moved at that time."""
    if moment < EARLIEST:
        yield FieldError(field, "is before 1970")
    elif moment > clock.now() + FUTURE:
        yield FieldError(field, "is more than a day in the future")


def check_order(order: PlaceOrder) -> NewOrder:
    """The order, ready to be recorded for a trusted caller.

    Raises:
        InvalidError: names every wrong field.
    """
    if errors := problems(order):
        raise InvalidError("The order is not recorded.", errors=errors)
    return new_order(order)


def new_order(order: PlaceOrder) -> NewOrder:
    """A checked order as one to be recorded; without a time it is placed now."""
    stated = order.placed_at.astimezone(UTC) if order.placed_at else None
    return NewOrder(
        source=order.source,
        order_id=order.order_id,
        distinct_id=order.distinct_id,
        currency=order.currency,
        total=order.total,
        placed_at=stated or clock.now(),
        stated_at=stated,
        lines=tuple(order.lines),
    )


def pieces(order: NewOrder) -> int:
    """How many things were bought."""
    return sum(line.quantity for line in order.lines) if order.lines else order.items


def content_hash(order: NewOrder) -> bytes:
    """What must be equal for two posts to be the same order again."""
    content = (
        order.distinct_id,
        order.currency,
        order.total,
        order.stated_at,
        [_line_content(line) for line in order.lines],
        order.items,
    )
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).digest()


def _line_content(line: NewLine) -> tuple[object, ...]:
    return (line.product_id, line.name, line.quantity, line.unit_price, line.properties)


def order_filter(
    person_id: UUID | None,
    source: str | None,
    currency: str | None,
    first: date | None,
    last: date | None,
) -> OrderFilter:
    """A filter of orders; an empty text is no choice.

    Raises:
        InvalidError: days no calendar of ours has, or in the wrong order.
    """
    errors = [
        FieldError(name, "must be between 1970 and 2199")
        for name, day in (("from", first), ("to", last))
        if day is not None and not 1970 <= day.year < 2200
    ]
    if first and last and first > last:
        errors.append(FieldError("to", "is before from"))
    if errors:
        raise InvalidError("The days are wrong.", errors=errors)
    return OrderFilter(
        person_id=person_id,
        source=source or None,
        currency=currency or None,
        first=first,
        last=last,
    )
