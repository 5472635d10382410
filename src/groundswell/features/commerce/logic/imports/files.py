"""Files as rows: format, encoding and header are found out; memory stays constant."""

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from groundswell.core.errors import FieldError, InvalidError
from groundswell.features.commerce.logic.imports.types import (
    FIELDS,
    REQUIRED,
    Format,
    ImportOptions,
    Layout,
    RawRow,
)

_CHUNK = 1 << 20
_LARGEST_OBJECT = 16 << 20
_DELIMITERS = ",;\t|"

_NAMES = {
    "customer": ("customer", "customer_id", "distinct_id", "user_id", "userid", "email"),
    "date": ("date", "placed_at", "order_date", "created_at", "timestamp", "time", "datetime"),
    "amount": ("amount", "total", "value", "revenue", "order_total", "price"),
    "items": ("items", "quantity", "qty", "units", "item_count"),
    "order_id": ("order_id", "orderid", "order", "order_number", "invoice", "id"),
    "currency": ("currency", "currency_code"),
}


def digest(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def layout(path: Path, options: ImportOptions) -> Layout:
    """Find out how a file is written.

    Raises:
        InvalidError: empty, or a required field can't be found in it; the text says what is there.
    """
    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        head = file.read(64_000)
    if not head.strip():
        raise InvalidError(f"{path.name} is empty.")
    kind = options.format or _sniff(path, head)
    delimiter = _delimiter(head) if kind is Format.CSV else ""
    form = Layout(
        path=path,
        format=kind,
        encoding=encoding,
        delimiter=delimiter,
        has_header=kind is not Format.JSON and not options.columns,
        fields={},
    )
    names = list(options.columns) or _names_in(form)
    fields = _fields(names, options, is_json=kind is Format.JSON)
    return Layout(
        path=path,
        format=kind,
        encoding=encoding,
        delimiter=delimiter,
        has_header=form.has_header,
        fields=fields,
    )


def rows(form: Layout) -> Iterator[RawRow]:
    """The rows of a file, one at a time; blank lines are no rows.

    Raises:
        InvalidError: the file can't be read on; the text says where.
    """
    with form.path.open(encoding=form.encoding, newline="") as file:
        for number, (line, record) in enumerate(_records(form, file), start=1):
            yield RawRow(number, line, _pick(form, record))


def _encoding(path: Path) -> str:
    """UTF-8 if all of the file is, with or without a mark at its start; else Latin-1."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            while file.read(_CHUNK):
                pass
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _sniff(path: Path, head: str) -> Format:
    if path.suffix.lower() in (".json", ".jsonl", ".ndjson") or head.lstrip()[0] in "[{":
        return Format.JSON
    first = head.strip().splitlines()[0]
    return Format.CSV if any(mark in first for mark in _DELIMITERS) else Format.WHITESPACE


def _delimiter(head: str) -> str:
    first = head.lstrip("\r\n").splitlines()[0]
    bare = "".join(part for i, part in enumerate(first.split('"')) if i % 2 == 0)
    return max(_DELIMITERS, key=bare.count)


def _names_in(form: Layout) -> list[str]:
    """Names of the columns, or of the fields of the first JSON object."""
    with form.path.open(encoding=form.encoding, newline="") as file:
        if form.format is Format.JSON:
            first: Any = next((record for _, record in _objects(file)), {})
            return [str(name) for name in first] if isinstance(first, dict) else []
        _, header = next(_lines(form, file))
        return [name.strip() for name in header]


def _fields(names: list[str], options: ImportOptions, *, is_json: bool) -> dict[str, int | str]:
    """Where each field stands: as mapped, else under one of its usual names."""
    where: dict[str, int | str] = {}
    lower = {name.lower().replace(" ", "_"): i for i, name in reversed(list(enumerate(names)))}
    for field in FIELDS:
        wanted = options.mapping.get(field)
        if wanted is not None and (is_json or wanted in names):
            where[field] = wanted if is_json else names.index(wanted)
        elif wanted is None:
            found = next((name for name in _NAMES[field] if name in lower), None)
            if found is not None:
                where[field] = names[lower[found]] if is_json else lower[found]
    missing = [f for f in FIELDS if f not in where and (f in REQUIRED or f in options.mapping)]
    if missing:
        there = ", ".join(names)[:500]
        errors = [FieldError(f, f"has no column; use --map {f}=COLUMN") for f in missing]
        # Figures among the names: the first row is data.
        hint = " If that is data, name the columns with --columns." if _has_figures(names) else ""
        raise InvalidError(f"The first row names these columns: {there}.{hint}", errors=errors)
    return where


def _has_figures(names: Sequence[str]) -> bool:
    return any(name.strip()[:1].isdigit() for name in names)


def _records(form: Layout, file: TextIO) -> Iterator[tuple[int, Any]]:
    if form.format is Format.JSON:
        yield from _objects(file)
        return
    lines = _lines(form, file)
    if form.has_header:
        next(lines, None)
    yield from lines


def _lines(form: Layout, file: TextIO) -> Iterator[tuple[int, list[str]]]:
    if form.format is Format.WHITESPACE:
        for number, text in enumerate(file, start=1):
            if cells := text.split():
                yield number, cells
        return
    reader = csv.reader(file, delimiter=form.delimiter)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error as error:
        where = f"{form.path.name}, line {reader.line_num}"
        raise InvalidError(f"{where} can't be read: {error}.") from None


def _objects(file: TextIO) -> Iterator[tuple[int, Any]]:
    """Values of a JSON array or of JSON lines, with the line each begins on."""
    decoder = json.JSONDecoder(parse_float=Decimal)
    buffer, line, end = "", 1, False
    while True:
        bare = buffer.lstrip(" \t\r\n,[]" if line else "")
        line += buffer.count("\n", 0, len(buffer) - len(bare))
        buffer = bare
        try:
            value, size = decoder.raw_decode(buffer)
            # A number at the end of what was read may go on; objects end by themselves.
            if not isinstance(value, dict) and size == len(buffer) and not end:
                raise json.JSONDecodeError("more is needed", buffer, size)
        except (json.JSONDecodeError, RecursionError) as error:
            if end and not buffer:
                return
            if end or len(buffer) > _LARGEST_OBJECT or isinstance(error, RecursionError):
                raise InvalidError(f"Line {line} is not valid JSON: {error}.") from None
            more = file.read(_CHUNK)
            buffer, end = buffer + more, not more
            continue
        yield line, value
        line += buffer.count("\n", 0, size)
        buffer = buffer[size:]


def _pick(form: Layout, record: Any) -> dict[str, str]:
    if form.format is Format.JSON:
        return {field: _text(_at(record, str(path))) for field, path in form.fields.items()}
    return {
        field: record[index].strip() if isinstance(index, int) and index < len(record) else ""
        for field, index in form.fields.items()
    }


def _at(record: Any, path: str) -> Any:
    if isinstance(record, Mapping) and path in record:
        return record[path]
    for name in path.split("."):
        record = record.get(name) if isinstance(record, Mapping) else None
    return record


def _text(value: Any) -> str:
    if value is None or isinstance(value, dict | list | bool):
        return ""
    return str(value).strip()
