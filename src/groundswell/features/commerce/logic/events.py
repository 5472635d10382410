"""The events that orders make: one ``Order Completed`` each, one ``Order Refunded`` per refund."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from groundswell.core import clock
from groundswell.core.ids import order_event_id
from groundswell.core.money import decimal_text
from groundswell.features.commerce.store.orders import LineRow, OrderRow
from groundswell.features.people.types import Resolved

COMPLETED = "Order Completed"
REFUNDED = "Order Refunded"


def refund_event_id(tenant_id: UUID, source: str, order_id: str, refund_id: str) -> UUID:
    """The id of a refund's one ``Order Refunded`` event."""
    return uuid5(order_event_id(tenant_id, source, order_id), f"refund\x1f{refund_id}")


def completed_event(
    tenant_id: UUID, row: OrderRow, lines: Sequence[LineRow], people: Mapping[str, Resolved]
) -> dict[str, Any]:
    """A row of the event store's ``events`` for an order that did not come as an event."""
    properties = {
        "order_id": row.order_id,
        "order_source": row.source,
        "currency": row.currency,
        "total": major(row.total, row.currency),
        "items": row.items,
    }
    if lines:
        properties["products"] = [_product(line, row.currency) for line in lines]
    event_id = order_event_id(tenant_id, row.source, row.order_id)
    person = people[row.distinct_id]
    return _event(row, event_id, COMPLETED, properties) | {
        "at": row.placed_at,
        "person_properties": person.properties,
    }


def refunded_event(
    tenant_id: UUID, row: OrderRow, line: LineRow, person: Resolved
) -> dict[str, Any]:
    """A row of ``events`` for a refund that did not come as an event."""
    properties = {
        "order_id": row.order_id,
        "order_source": row.source,
        "refund_id": line.refund_id,
        "currency": row.currency,
        "total": major(-line.amount, row.currency),
    }
    event_id = refund_event_id(tenant_id, row.source, row.order_id, line.refund_id)
    return _event(row, event_id, REFUNDED, properties) | {
        "at": line.at,
        "person_properties": person.properties,
    }


def _event(row: OrderRow, event_id: UUID, name: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "event": name,
        "distinct_id": row.distinct_id,
        "person_key": row.person_key,
        "received_at": clock.now(),
        "properties": properties,
        "source": row.origin,
        "trusted": row.confirmed,
        "historical": row.historical,
    }


def _product(line: LineRow, currency: str) -> dict[str, Any]:
    return {
        "product_id": line.product_id,
        "name": line.name,
        "quantity": line.quantity,
        "price": major(line.unit_price, currency),
    }


def major(amount: int, currency: str) -> float:
    """Major units, as events carry money by convention; for display and filters, never summed."""
    return float(decimal_text(amount, currency))
