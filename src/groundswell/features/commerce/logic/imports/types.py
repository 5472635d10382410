"""What an import is told, and what it found."""

from datetime import date
from enum import StrEnum
from pathlib import Path

import msgspec

from groundswell.features.commerce.types import NewOrder


class Format(StrEnum):
    """Layout of a file."""

    CSV = "csv"
    WHITESPACE = "whitespace"
    JSON = "json"


FIELDS = ("customer", "date", "amount", "items", "order_id", "currency")
"""What a row may say of an order; the first three are required."""

REQUIRED = FIELDS[:3]


class ImportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to read a file. Equal options on an equal file are the same import."""

    format: Format | None = None
    columns: tuple[str, ...] = ()
    mapping: dict[str, str] = {}
    currency: str
    timezone: str
    source: str = "import"
    date_format: str | None = None
    shift_to_today: bool = False


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """A file whose form is known. ``fields`` says where each field stands: a column's number, or
    a dotted path of JSON names."""

    path: Path
    format: Format
    encoding: str
    delimiter: str
    has_header: bool
    fields: dict[str, int | str]


class RawRow(msgspec.Struct, frozen=True):
    """A row as it stands in the file: its number among the rows, its line, fields as texts."""

    number: int
    line: int
    values: dict[str, str]


class RowProblem(msgspec.Struct, frozen=True):
    """Why a row was not taken."""

    line: int
    field: str
    reason: str
    text: str


class CheckedRow(msgspec.Struct, frozen=True):
    """A row's order, or what is wrong with it."""

    row: RawRow
    order: NewOrder | None
    problems: tuple[RowProblem, ...] = ()


class Control(msgspec.Struct, kw_only=True):
    """Control totals of a file's good rows; ``money`` is minor units by currency."""

    rows: int = 0
    refused: int = 0
    customers: int = 0
    items: int = 0
    zero: int = 0
    money: dict[str, int] = {}
    first: date | None = None
    last: date | None = None


class Counts(msgspec.Struct, kw_only=True):
    """What became of the rows so far; ``error_bytes`` is how long the error file then was."""

    created: int = 0
    same: int = 0
    conflict: int = 0
    refused: int = 0
    error_bytes: int = 0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The end of an import."""

    control: Control
    counts: Counts
    shift_days: int
    resumed_at: int
    errors: Path | None
    waiting: tuple[str, ...] = ()
