"""What callers give and get."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypedDict

Properties = Mapping[str, Any]
"""Names and anything JSON can say; dates, decimals, uuids, enums and sets are put into words."""

Money = Decimal | int | str
"""An amount in major units, such as ``Decimal("19.90")``."""

Overflow = Literal["drop_newest", "drop_oldest", "block"]
"""What happens to an event when the queue is full."""


class Event(TypedDict, total=False):
    """An event as it is sent."""

    uuid: str
    event: str
    distinct_id: str
    timestamp: str
    properties: dict[str, Any]


class Product(TypedDict, total=False):
    """A line of an order; ``price`` is of one piece, in major units."""

    product_id: str
    sku: str
    name: str
    category: str
    brand: str
    price: Money
    quantity: int


@dataclass(frozen=True)
class Failure:
    """Events that were lost, and why.

    ``status`` is the answer's, 0 when there was none or the events were not sent.
    """

    reason: str
    events: Sequence[Event]
    status: int = 0


OnError = Callable[[Failure], None]
"""Called from the sending thread or task; what it raises is logged."""
