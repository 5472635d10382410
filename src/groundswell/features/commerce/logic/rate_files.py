"""Exchange rates out of a CSV file with the columns currency, day and rate."""

import csv
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from groundswell.core.errors import FieldError, InvalidError

_NAMES = {"currency": ("currency",), "day": ("day", "date"), "rate": ("rate",)}
_MOST = 100_000


def read_rates(path: Path) -> list[tuple[str, date, Decimal]]:
    """The rates of a file.

    Raises:
        InvalidError: names every wrong line; nothing of such a file is stored.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read(csv.reader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidError(f"{path.name} can't be read: {error}.") from None


def _read(rows: Any) -> list[tuple[str, date, Decimal]]:
    header = [name.strip().lower() for name in next(rows, [])]
    at = {
        field: next((header.index(name) for name in names if name in header), -1)
        for field, names in _NAMES.items()
    }
    if -1 in at.values():
        raise InvalidError("The file needs a header with the columns currency, day and rate.")
    found: list[tuple[str, date, Decimal]] = []
    errors: list[FieldError] = []
    for cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        place = f"line {rows.line_num}"
        if len(found) == _MOST:
            raise InvalidError(f"The file has more than {_MOST} rates.")
        try:
            currency, day, rate = (cells[at[name]].strip() for name in ("currency", "day", "rate"))
            found.append((currency.upper(), date.fromisoformat(day), Decimal(rate)))
        except IndexError:
            errors.append(FieldError(place, "has too few columns"))
        except ValueError:
            errors.append(FieldError(place, "the day is not YYYY-MM-DD"))
        except InvalidOperation:
            errors.append(FieldError(place, "the rate is not a decimal number"))
    if errors:
        raise InvalidError("The rates are not stored.", errors=errors[:100])
    return found
