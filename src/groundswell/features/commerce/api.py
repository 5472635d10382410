"""Commerce, for other features: everything here works in the caller's transaction."""

from datetime import datetime
from uuid import UUID

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.features.commerce.logic.consumer import OrderConsumer
from groundswell.features.commerce.logic.imports.run import ImportRun, Progress, Scan, scan
from groundswell.features.commerce.logic.imports.types import (
    Control,
    Counts,
    Format,
    ImportOptions,
    Report,
)
from groundswell.features.commerce.logic.rate_files import read_rates
from groundswell.features.commerce.logic.rates import recount, set_rates
from groundswell.features.commerce.logic.record import record_orders
from groundswell.features.commerce.logic.refunds import record_refunds
from groundswell.features.commerce.logic.timeline import OrderSummary, OrderTimeline
from groundswell.features.commerce.store import listing, rates
from groundswell.features.commerce.store.rates import Books
from groundswell.features.commerce.types import Order, OrderDetail, OrderFilter, Rate, Totals

__all__ = [
    "EVENT_CONSUMERS",
    "PERSON_SUMMARIES",
    "TIMELINE",
    "Books",
    "Control",
    "Counts",
    "Format",
    "ImportOptions",
    "ImportRun",
    "Progress",
    "Report",
    "Scan",
    "get_order",
    "import_books",
    "list_orders",
    "list_rates",
    "read_rates",
    "record_orders",
    "record_refunds",
    "recount",
    "scan",
    "set_rates",
    "totals",
]

EVENT_CONSUMERS = (OrderConsumer(),)
"""What the writer hands events to."""

TIMELINE = (OrderTimeline(),)
"""What this feature tells of a person."""

PERSON_SUMMARIES = (OrderSummary(),)
"""What the person's page sums up."""


async def get_order(tx: ScopedTransaction, order_uid: UUID) -> OrderDetail:
    """One order with its lines and refunds; raises NotFoundError."""
    return await listing.get(tx, order_uid)


async def list_orders(
    tx: ScopedTransaction,
    wanted: OrderFilter,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[Order]:
    """Orders, newest first; ``after`` goes on below that one."""
    return await listing.list_orders(tx, wanted, after, limit)


async def totals(tx: ScopedTransaction, wanted: OrderFilter) -> Totals:
    """Sums over the orders a list would show."""
    return await listing.totals(tx, wanted)


async def import_books(tx: ScopedTransaction) -> Books:
    """The currency and zone an import assumes where a file says nothing."""
    return await rates.books(tx)


async def list_rates(tx: ScopedTransaction, after: Rate | None, limit: int) -> list[Rate]:
    """Exchange rates by currency and day; ``after`` goes on behind that one."""
    return await rates.list_rates(tx, after, limit)
