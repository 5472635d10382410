"""The builder's form: its fields are the address of the page, so that a link is the question.

Rows of a list are numbered: ``event_0``, ``event_1``; ``add=event`` shows one more.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from groundswell.core.errors import FieldError, InvalidError
from groundswell.core.http.field_errors import collect_errors
from groundswell.features.insights.types import Condition, Query, Series, Trends

KINDS = ("trends", "funnel", "retention", "lifecycle", "stickiness")
_MOST_ROWS = 20
_NUMBERS = ("gt", "gte", "lt", "lte", "between")
_NO_VALUE = ("is_set", "is_not_set")


class Fields:
    """What a form sent: texts by name; nothing sent and nothing typed are the same."""

    def __init__(self, pairs: Mapping[str, str]) -> None:
        self.values = {name: text.strip() for name, text in pairs.items() if text.strip()}

    def text(self, name: str, otherwise: str = "") -> str:
        """A field, or what it is when left out."""
        return self.values.get(name, otherwise)

    def rows(self, name: str) -> list[int]:
        """Numbers of the rows in which a field is filled."""
        return [n for n in range(_MOST_ROWS) if self.text(f"{name}_{n}")]

    def state(self) -> str:
        """The fields as an address has them, without those that only ask for another row."""
        kept = {name: text for name, text in self.values.items() if name not in _NOT_STATE}
        return urlencode(kept)


_NOT_STATE = ("add", "insight", "series", "bucket", "step", "dropped", "state", "by", "cursor")


def fields_of_state(state: str) -> Fields:
    """Fields out of a query string that a form carried along.

    Raises:
        InvalidError: not one of ours.
    """
    try:
        pairs = parse_qsl(state, errors="strict", max_num_fields=200)
    except ValueError:
        wrong = FieldError("state", "is not a question of the builder")
        raise InvalidError("The question can't be read.", errors=[wrong]) from None
    return Fields(dict(pairs))


def question_of(fields: Fields) -> Query:
    """The question that a form asks.

    Raises:
        InvalidError: names every wrong field.
    """
    kind = fields.text("kind", "trends")
    build = _BUILD.get(kind, _trends)
    plain = {"kind": kind if kind in KINDS else "trends", "range": _range(fields), **build(fields)}
    plain = {name: value for name, value in plain.items() if value is not None}
    try:
        found: Query = msgspec.convert(plain, Query)
    except msgspec.ValidationError:
        errors = collect_errors(plain, Query) or [FieldError("", "can't be read")]
        raise InvalidError("The question is wrong.", errors=errors) from None
    return found


def _range(fields: Fields) -> dict[str, Any]:
    if fields.text("from") or fields.text("to"):
        days = {"from": fields.text("from"), "to": fields.text("to")}
        return {name: day for name, day in days.items() if day}
    return {"days": _int(fields.text("days", "30"))}


def _trends(fields: Fields) -> dict[str, Any]:
    numbers = fields.rows("event") or [0]
    return {
        "series": [_series(fields, n) for n in numbers],
        "filters": _filters(fields),
        "breakdown": _breakdown(fields),
        "interval": fields.text("interval", "day"),
        "view": fields.text("view", "interval"),
        "compare": fields.text("compare") == "on",
        "formulas": [fields.text("formula")] if fields.text("formula") else [],
    }


def _series(fields: Fields, number: int) -> dict[str, Any]:
    kind = fields.text(f"measure_{number}", "count")
    event = fields.text(f"event_{number}")
    measure: dict[str, Any] = {"kind": kind}
    if kind not in ("count", "people") and fields.text(f"property_{number}"):
        measure["property"] = fields.text(f"property_{number}")
    if event == ORDERS:
        return {"source": "orders", "measure": measure}
    return {"event": event or None, "measure": measure}


ORDERS = "Orders"
"""What stands for orders in the field of an event's name."""


def _funnel(fields: Fields) -> dict[str, Any]:
    window = {"count": _int(fields.text("window", "14")), "unit": fields.text("unit", "day")}
    return {
        "steps": [{"event": fields.text(f"event_{n}")} for n in fields.rows("event")],
        "order": fields.text("order", "ordered"),
        "window": window,
        "filters": _filters(fields),
        "breakdown": _breakdown(fields),
        "interval": fields.text("interval") or None,
    }


def _retention(fields: Fields) -> dict[str, Any]:
    return {
        "start": {"event": fields.text("event_0") or None},
        "back": {"event": fields.text("event_1") or None},
        "period": fields.text("interval", "week"),
        "first_time": fields.text("cohorts", "first") == "first",
        "rolling": fields.text("back") == "rolling",
        "filters": _filters(fields),
    }


def _activity(fields: Fields) -> dict[str, Any]:
    return {
        "event": fields.text("event_0") or None,
        "interval": fields.text("interval", "day"),
        "filters": _filters(fields),
    }


_BUILD: dict[str, Callable[[Fields], dict[str, Any]]] = {
    "trends": _trends,
    "funnel": _funnel,
    "retention": _retention,
    "lifecycle": _activity,
    "stickiness": _activity,
}


def _breakdown(fields: Fields) -> list[dict[str, str]]:
    return [
        {"property": fields.text(f"by_{n}"), "of": fields.text(f"by_of_{n}", "event")}
        for n in fields.rows("by")
    ][:3]


def _filters(fields: Fields) -> list[dict[str, Any]]:
    return [
        {
            "property": fields.text(f"filter_{n}"),
            "of": fields.text(f"filter_of_{n}", "event"),
            "op": (op := fields.text(f"filter_op_{n}", "equals")),
            "value": _value(op, fields.text(f"filter_value_{n}")),
        }
        for n in fields.rows("filter")
    ]


def _value(op: str, text: str) -> Any:
    if op in _NO_VALUE:
        return None
    if op in ("in", "not_in"):
        return [part.strip() for part in text.split(",") if part.strip()]
    if op in _NUMBERS:
        numbers = [_number(part) for part in text.replace("…", ",").split(",")]
        return numbers if op == "between" else numbers[0]
    return text


def _number(text: str) -> float | str:
    try:
        return float(text.strip())
    except ValueError:
        return text


def _int(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else text


def state_of(query: Query) -> str:
    """The address of the builder for a question, as far as its form can ask it."""
    return urlencode({name: text for name, text in _pairs(query) if text})


def _pairs(query: Query) -> Iterator[tuple[str, str]]:
    plain = msgspec.to_builtins(query)
    kind = plain["kind"]
    yield "kind", kind
    for name in ("days", "from", "to"):
        yield name, str(plain["range"].get(name) or "")
    yield "interval", str(plain.get("interval") or plain.get("period") or "")
    if isinstance(query, Trends):
        yield from _series_pairs(query.series)
        yield from (("view", query.view), ("compare", "on" if query.compare else ""))
        yield "formula", query.formulas[0] if query.formulas else ""
    elif kind == "funnel":
        for n, step in enumerate(plain["steps"]):
            yield f"event_{n}", step["event"] or ""
        yield from (("order", plain["order"]), ("unit", plain["window"]["unit"]))
        yield "window", str(plain["window"]["count"])
    elif kind == "retention":
        yield from (("event_0", plain["start"]["event"]), ("event_1", plain["back"]["event"]))
        yield "cohorts", "first" if plain["first_time"] else "every"
        yield "back", "rolling" if plain["rolling"] else ""
    else:
        yield "event_0", plain["event"] or ""
    for n, each in enumerate(plain.get("breakdown", [])):
        yield from ((f"by_{n}", each["property"]), (f"by_of_{n}", each["of"]))
    yield from _filter_pairs(query.filters)


def _series_pairs(series: list[Series]) -> Iterator[tuple[str, str]]:
    for n, each in enumerate(series):
        yield f"event_{n}", ORDERS if each.source == "orders" else each.event or ""
        yield f"measure_{n}", each.measure.kind
        yield f"property_{n}", each.measure.property or ""


def _filter_pairs(filters: list[Condition]) -> Iterator[tuple[str, str]]:
    for n, each in enumerate(filters):
        values = each.value if isinstance(each.value, list) else [each.value]
        yield f"filter_{n}", each.property
        yield from ((f"filter_of_{n}", each.of), (f"filter_op_{n}", each.op))
        yield f"filter_value_{n}", ", ".join("" if v is None else str(v) for v in values)


def is_asked(fields: Fields) -> bool:
    """Whether a form says enough to answer; an empty builder asks nothing."""
    wanted = 2 if fields.text("kind") == "funnel" else 1
    return len(fields.rows("event")) >= wanted or fields.text("ask") == "any"


def shown_days(fields: Fields, first: date, last: date) -> dict[str, Any]:
    """What the range filter shows."""
    return {"first": first, "last": last, "errors": {}, "current": bool(fields.text("from"))}
