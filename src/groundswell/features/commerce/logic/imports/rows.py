"""From a row's texts to an order, or to all that is wrong with the row."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from groundswell.core import clock
from groundswell.core.errors import FieldError
from groundswell.core.money import MAX_MINOR, is_currency, parse_minor
from groundswell.features.commerce.logic.checks import moment_problems
from groundswell.features.commerce.logic.imports.types import (
    CheckedRow,
    Control,
    ImportOptions,
    Layout,
    RawRow,
    RowProblem,
)
from groundswell.features.commerce.types import NewOrder

_DAY = re.compile(r"\d{8}|\d{4}-\d{2}-\d{2}")
_COMMA_AMOUNT = re.compile(r"-?\d+,\d+")
_COUNT = re.compile(r"\d{1,9}")


class RowReader:
    """Reads rows of one import. A date without a time is the start of the tenant's day, so that
    the day it counts on is the day in the file, whatever the zone."""

    def __init__(self, form: Layout, options: ImportOptions, digest: str, shift: int = 0) -> None:
        self._options = options
        self._zone = ZoneInfo(options.timezone)
        self._comma = form.delimiter == ";"
        self._digest = digest[:16]
        self._shift = timedelta(days=shift)

    def check(self, row: RawRow) -> CheckedRow:
        """The row's order, or every field that is wrong."""
        errors: list[FieldError] = []
        values = row.values
        customer = _text(values, "customer", 400, errors)
        order_id = _text(values, "order_id", 200, errors) if values.get("order_id") else ""
        currency = self._currency(values, errors)
        total = self._amount(values["amount"], currency, errors)
        items = self._items(values.get("items", ""), errors)
        placed_at = self._moment(values["date"], errors)
        if errors or placed_at is None:
            return CheckedRow(row, None, tuple(_problem(row, error) for error in errors))
        order = NewOrder(
            source=self._options.source,
            order_id=order_id or f"{self._digest}-{row.number}",
            distinct_id=customer,
            currency=currency,
            total=total,
            placed_at=placed_at,
            stated_at=placed_at,
            items=items,
            historical=True,
            identifies=True,
        )
        return CheckedRow(row, order)

    def _currency(self, values: dict[str, str], errors: list[FieldError]) -> str:
        code = values.get("currency", "").upper() or self._options.currency
        if not is_currency(code):
            errors.append(FieldError("currency", "is not an ISO 4217 code"))
            return ""
        return code

    def _amount(self, text: str, currency: str, errors: list[FieldError]) -> int:
        if not text:
            errors.append(FieldError("amount", "is missing"))
            return 0
        if self._comma and _COMMA_AMOUNT.fullmatch(text):
            text = text.replace(",", ".")
        try:
            total = parse_minor(text[:100], currency or self._options.currency)
        except (ValueError, ArithmeticError) as error:
            errors.append(FieldError("amount", str(error)[:200] or "is not an amount"))
            return 0
        if not 0 <= total <= MAX_MINOR:
            errors.append(FieldError("amount", "is below 0: refunds are not orders"))
        return total

    def _items(self, text: str, errors: list[FieldError]) -> int:
        if not text:
            return 0
        if not _COUNT.fullmatch(text):
            errors.append(FieldError("items", f"{text[:50]!r} is not a whole number"))
            return 0
        return int(text)

    def _moment(self, text: str, errors: list[FieldError]) -> datetime | None:
        if not text:
            errors.append(FieldError("date", "is missing"))
            return None
        try:
            local = self._parse(text)
            moment = (local + self._shift).astimezone(UTC)
        except (ValueError, OverflowError):
            form = self._options.date_format or "YYYYMMDD or ISO 8601"
            errors.append(FieldError("date", f"{text[:50]!r} is not {form}"))
            return None
        errors.extend(moment_problems(moment, "date"))
        return moment

    def _parse(self, text: str) -> datetime:
        """A local time of the tenant, so that a shift by days keeps the clock's time."""
        if self._options.date_format:
            found = datetime.strptime(text, self._options.date_format)  # noqa: DTZ007
        elif _DAY.fullmatch(text):
            found = datetime.combine(date.fromisoformat(text), datetime.min.time())
        else:
            found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.astimezone(self._zone)
        return found.replace(tzinfo=self._zone)


def control_totals(rows: Iterable[CheckedRow], timezone: str) -> Iterator[Control]:
    """Sums over a file, given out after each row; a set of customers is all that is kept."""
    control = Control()
    customers: set[int] = set()
    for checked in rows:
        control.rows += 1
        if checked.order is None:
            control.refused += 1
        else:
            _add(control, checked.order, timezone)
            customers.add(hash(checked.order.distinct_id))
            control.customers = len(customers)
        yield control


def _add(control: Control, order: NewOrder, timezone: str) -> None:
    control.items += order.items
    control.zero += order.total == 0
    control.money[order.currency] = control.money.get(order.currency, 0) + order.total
    day = clock.day_of(order.placed_at, timezone)
    control.first = min(control.first or day, day)
    control.last = max(control.last or day, day)


def _text(values: dict[str, str], field: str, longest: int, errors: list[FieldError]) -> str:
    text = values.get(field, "")
    if not text:
        errors.append(FieldError(field, "is missing"))
    elif len(text) > longest:
        errors.append(FieldError(field, f"is longer than {longest} characters"))
    elif "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
        errors.append(FieldError(field, "has a character that can't be stored"))
    return text


def _problem(row: RawRow, error: FieldError) -> RowProblem:
    text = " ".join(f"{name}={value}" for name, value in row.values.items())
    return RowProblem(row.line, error.field, error.reason, text[:500])
