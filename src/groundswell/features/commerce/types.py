"""What an order is. Money is integer minor units with an ISO 4217 code."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec

from groundswell.core.money import MAX_MINOR

MAX_LINES = 1_000
MAX_QUANTITY = 1_000_000
MAX_BATCH = 1_000
MAX_UNCONFIRMED = 10**10
"""Largest amount in minor units that a publishable key is believed: anybody may hold one, and a
few thousand of the largest amounts would make every sum overflow."""

MAX_REPORTING = 10**18
"""Largest amount after conversion; a sum of these still fits the stores' 64 bits only a few
times, which is why rates are bounded too."""

Amount = Annotated[int, msgspec.Meta(ge=0, le=MAX_MINOR)]
SignedAmount = Annotated[int, msgspec.Meta(ge=-MAX_MINOR, le=MAX_MINOR)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Origin(StrEnum):
    """How an order reached us."""

    API = "api"
    EVENT = "event"
    IMPORT = "import"


class Outcome(StrEnum):
    """What became of an order or refund that was sent. ``conflict``: it contradicts what is stored;
    ``refused``: it can't be true by itself."""

    CREATED = "created"
    SAME = "same"
    CONFLICT = "conflict"
    REFUSED = "refused"


class NewLine(msgspec.Struct, frozen=True, kw_only=True):
    """One product of an order; ``unit_price`` in minor units, below 0 for a discount."""

    product_id: Annotated[str, msgspec.Meta(max_length=200)] = ""
    name: Annotated[str, msgspec.Meta(max_length=500)] = ""
    quantity: Annotated[int, msgspec.Meta(ge=1, le=MAX_QUANTITY)]
    unit_price: SignedAmount
    properties: dict[str, Any] = {}

    @property
    def amount(self) -> int:
        """Minor units of the whole line."""
        return self.quantity * self.unit_price


class PlaceOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it is posted. The total is what was paid: shipping and taxes make it differ
    from the sum of the lines."""

    source: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    order_id: Text
    distinct_id: Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    total: Amount
    placed_at: Moment | None = None
    lines: Annotated[list[NewLine], msgspec.Meta(max_length=MAX_LINES)] = []


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A checked order on its way to be recorded.

    ``stated_at`` is when its sender said it was placed, None if it said nothing; ``items`` counts
    pieces where there are no lines to count.
    """

    source: str
    order_id: str
    distinct_id: str
    currency: str
    total: int
    placed_at: datetime
    stated_at: datetime | None = None
    lines: tuple[NewLine, ...] = ()
    items: int = 0
    confirmed: bool = True
    historical: bool = False
    identifies: bool = False


class Recorded(msgspec.Struct, frozen=True):
    """What became of one order; ``problem`` says what is wrong with one that was not taken."""

    outcome: Outcome
    order_uid: UUID
    problem: str = ""


class NewRefund(msgspec.Struct, frozen=True, kw_only=True):
    """Money given back on an order, in minor units of its currency. ``amount`` None: the rest."""

    order_uid: UUID
    refund_id: str
    amount: int | None
    at: datetime
    reason: str = ""
    historical: bool = False


class PlaceRefund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund as it is posted."""

    refund_id: Text
    amount: Annotated[int, msgspec.Meta(ge=1, le=MAX_MINOR)]
    refunded_at: Moment | None = None
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Refunded(msgspec.Struct, frozen=True):
    """What became of a refund."""

    outcome: Outcome
    amount: int
    problem: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order as others see it. ``reporting_total`` is None while no exchange rate is known."""

    order_uid: UUID
    source: str
    order_id: str
    distinct_id: str
    person_id: UUID
    currency: str
    total: int
    refunded: int
    reporting_currency: str
    reporting_total: int | None
    rate: Decimal | None
    items: int
    placed_at: datetime
    confirmed: bool
    historical: bool
    origin: str


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a stored order."""

    line_no: int
    product_id: str
    name: str
    quantity: int
    unit_price: int
    amount: int
    properties: dict[str, Any]


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund of a stored order; ``amount`` is positive."""

    refund_id: str
    amount: int
    reporting_amount: int
    refunded_at: datetime
    reason: str


class OrderDetail(msgspec.Struct, frozen=True):
    """An order with its lines and refunds."""

    order: Order
    lines: list[Line]
    refunds: list[Refund]


class OrderFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders; days are the tenant's, both included."""

    person_id: UUID | None = None
    source: str | None = None
    currency: str | None = None
    first: date | None = None
    last: date | None = None


class CurrencyTotal(msgspec.Struct, frozen=True):
    """Money of one currency, in its minor units."""

    currency: str
    orders: int
    total: int
    refunded: int


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over orders. ``revenue`` is net of refunds, in the reporting currency; orders without a
    rate are counted in ``without_rate`` and add nothing to it."""

    orders: int
    customers: int
    items: int
    currency: str
    gross: int
    refunded: int
    revenue: int
    without_rate: int
    by_currency: list[CurrencyTotal]


class Rate(msgspec.Struct, frozen=True):
    """Units of the reporting currency for one unit of ``currency``, from ``day`` on."""

    currency: str
    reporting_currency: str
    day: date
    rate: Decimal


class Movement(msgspec.Struct, frozen=True):
    """Money that moved: an order, or a refund with a negative amount."""

    entry_id: UUID
    order_uid: UUID
    source: str
    order_id: str
    refund_id: str
    currency: str
    amount: int
    at: datetime
