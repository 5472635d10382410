"""What money is worth in the tenant's currency, by the rate of its day."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from uuid import UUID

from groundswell.core import clock
from groundswell.core.audit import audit
from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.errors import FieldError, InvalidError
from groundswell.core.money import convert, is_currency
from groundswell.core.signals import emit
from groundswell.features.commerce.store import orders, rates
from groundswell.features.commerce.store.orders import LineRow, OrderRow
from groundswell.features.commerce.types import MAX_REPORTING, Rate

MAX_RATE = Decimal(10) ** 9
BATCH = 1_000
INLINE_BATCHES = 5
"""Orders counted anew in the transaction of a rate: the rest is a job's."""


class Valuation:
    """Rates of the days that some orders need."""

    def __init__(self, books: rates.Books, known: dict[tuple[str, date], Decimal]) -> None:
        self.books = books
        self._known = known

    def rate(self, currency: str, at: datetime) -> Decimal | None:
        """Units of the reporting currency for one of ``currency``; None: nobody said."""
        if currency == self.books.currency:
            return Decimal(1)
        return self._known.get((currency, clock.day_of(at, self.books.timezone)))

    def worth(self, amount: int, currency: str, rate: Decimal | None) -> int:
        """Minor units of the reporting currency; 0 while the rate is not known.

        Raises:
            InvalidError: beyond what sums can hold.
        """
        return value_in(amount, currency, self.books.currency, rate)


def value_in(amount: int, currency: str, reporting: str, rate: Decimal | None) -> int:
    """Minor units of ``reporting`` for an amount; 0 while the rate is not known."""
    if rate is None:
        return 0
    try:
        value = convert(amount, currency, reporting, rate)
    except InvalidOperation:  # more digits than money ever has
        value = MAX_REPORTING + 1
    if abs(value) > MAX_REPORTING:
        why = f"is beyond the limit in {reporting}"
        raise InvalidError("The amount is too large.", errors=[FieldError("total", why)])
    return value


async def valuation(tx: ScopedTransaction, moments: Iterable[tuple[str, datetime]]) -> Valuation:
    """The rates that money of these currencies and times needs."""
    books = await rates.books(tx)
    wanted = {
        (currency, clock.day_of(at, books.timezone))
        for currency, at in moments
        if currency != books.currency
    }
    return Valuation(books, await rates.for_days(tx, books.currency, sorted(wanted)))


async def set_rates(tx: ScopedTransaction, given: Sequence[tuple[str, date, Decimal]]) -> bool:
    """Store rates and count the orders they touch anew; False if some orders are left for a job.

    Raises:
        InvalidError: names every wrong rate.
    """
    await rates.keep_rates(tx, change=True)
    books = await rates.books(tx)
    if errors := _problems(given, books.currency):
        raise InvalidError("The rates are not stored.", errors=errors)
    # A day named twice keeps what was said last.
    last = {(currency, day): rate for currency, day, rate in given}
    rows = [Rate(c, books.currency, day, rate) for (c, day), rate in sorted(last.items())]
    changed = await rates.put(tx, rows)
    if changed:
        detail = {"count": changed, "rates": [_told(row) for row in rows[:50]]}
        await audit(tx, "exchange_rates.set", "tenant", tx.tenant_id, detail)
        await emit(tx, "exchange_rates.set", {"currencies": sorted({r.currency for r in rows})})
    currencies = sorted({row.currency for row in rows})
    for _ in range(INLINE_BATCHES):
        if not await recount(tx, currencies):
            return True
    return False


def _told(rate: Rate) -> dict[str, str]:
    return {"currency": rate.currency, "day": rate.day.isoformat(), "rate": str(rate.rate)}


def _problems(given: Sequence[tuple[str, date, Decimal]], reporting: str) -> list[FieldError]:
    errors = []
    for index, (currency, _, rate) in enumerate(given):
        place = f"rates[{index}]"
        if not is_currency(currency):
            errors.append(FieldError(f"{place}.currency", "is not an ISO 4217 code"))
        elif currency == reporting:
            errors.append(FieldError(f"{place}.currency", "is the reporting currency itself"))
        if not rate.is_finite() or not 0 < rate <= MAX_RATE:
            errors.append(FieldError(f"{place}.rate", "must be above 0 and at most 1000000000"))
        elif len(rate.as_tuple().digits) > 30 or abs(rate.adjusted()) > 18:
            errors.append(FieldError(f"{place}.rate", "has too many digits"))
    return errors


async def recount(tx: ScopedTransaction, currencies: Sequence[str] | None = None) -> int:
    """Give up to BATCH orders the rate of their day; returns how many needed it."""
    # Before any order is locked, as recording does: the other way round two would wait in a ring.
    await rates.keep_rates(tx)
    books = await rates.books(tx)
    stale = await rates.stale_orders(tx, books, currencies, BATCH)
    if not stale:
        return 0
    locked = await orders.lock_uids(tx, stale)
    rows = list(locked.values())
    values = await valuation(tx, [(row.currency, row.placed_at) for row in rows])
    lines = await orders.lines(tx, stale)
    for row in rows:
        row.reporting_currency = books.currency
        row.rate = values.rate(row.currency, row.placed_at)
        row.reporting_total = values.worth(row.total, row.currency, row.rate)
    revalue_lines(locked, lines)
    await orders.set_money(tx, rows, lines)
    await orders.mirror_orders(tx, rows, lines)
    return len(stale)


def revalue_lines(of: Mapping[UUID, OrderRow], lines: Sequence[LineRow]) -> None:
    """What lines are worth; refunds so that together they never differ from the order's share."""
    refunded: dict[UUID, int] = {}
    for line in lines:
        row = of[line.order_uid]
        if line.kind == "refund":
            before = refunded.get(line.order_uid, 0)
            refunded[line.order_uid] = before - line.amount
            line.reporting_amount = refund_value(row, before, -line.amount)
        else:
            line.reporting_amount = value_in(
                line.amount, row.currency, row.reporting_currency, row.rate
            )


def refund_value(row: OrderRow, before: int, amount: int) -> int:
    """The negative worth of a refund after ``before`` was refunded: parts sum to the whole."""

    def worth(value: int) -> int:
        return value_in(value, row.currency, row.reporting_currency, row.rate)

    return worth(before) - worth(before + amount)
