"""An answer as CSV or JSON lines."""

import csv
import io
from typing import Literal

import msgspec

from groundswell.features.insights.types import Result

Form = Literal["json", "csv", "jsonl"]
MEDIA = {"csv": "text/csv", "jsonl": "application/x-ndjson", "json": "application/json"}
_RISKY = ("=", "+", "-", "@", "\t", "\r")


def form_of(accept: str, wanted: Form | None) -> Form:
    """What to answer with: ``format`` if given, else by the Accept header."""
    if wanted:
        return wanted
    if "text/csv" in accept:
        return "csv"
    return "jsonl" if "ndjson" in accept or "jsonl" in accept else "json"


def export(result: Result, form: Form) -> bytes:
    """The table form of an answer; the whole answer as JSON."""
    if form == "csv":
        return _csv(result)
    if form == "jsonl":
        keys = [column.key for column in result.columns]
        encode = msgspec.json.encode
        lines = [encode(dict(zip(keys, row, strict=True))) for row in result.rows]
        return b"".join(line + b"\n" for line in lines)
    return msgspec.json.encode(result)


def _csv(result: Result) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_safe(column.label) for column in result.columns])
    writer.writerows([[_safe(cell) for cell in row] for row in result.rows])
    return out.getvalue().encode()


def _safe(cell: str | float | int | None) -> str | float | int | None:
    """A text that a spreadsheet would run as a formula gets a quote before it."""
    if isinstance(cell, str) and cell.startswith(_RISKY):
        return "'" + cell
    return cell
