"""What no type says about a question: every wrong field at once, each with its place."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from groundswell.core.errors import FieldError
from groundswell.features.insights.logic.compiler.scan import ORDER_NUMBERS, ORDER_TEXTS
from groundswell.features.insights.logic.formulas import problem_of
from groundswell.features.insights.types import (
    Breakdown,
    Condition,
    Exclusion,
    Funnel,
    Lifecycle,
    Measure,
    Query,
    Retention,
    Selection,
    Stickiness,
    Trends,
)

_FORBIDDEN = re.compile(r"[`\\\x00-\x1f\x7f]")
_ORDER = {*ORDER_TEXTS, *ORDER_NUMBERS}
_NEEDS_NO_PROPERTY = ("count", "people")
_LONGEST_WINDOW_MS = 366 * 86_400_000
_LONGEST_REGEX = 200
_NOT_RE2 = re.compile(r"\(\?[=!<]|\\[1-9]|\(\?P[=>]")


def problems(query: Query) -> list[FieldError]:
    """Every problem of a question."""
    match query:
        case Trends():
            return list(_trends(query))
        case Funnel():
            return list(_funnel(query))
        case Retention():
            found = [*_selection(query.start, "start"), *_selection(query.back, "back")]
            return [*found, *_conditions(query.filters, "filters")]
        case Lifecycle() | Stickiness():
            return [*_name(query.event, "event"), *_conditions(query.filters, "filters")]


def _trends(query: Trends) -> Iterator[FieldError]:
    orders = {series.source == "orders" for series in query.series}
    yield from _conditions(query.filters, "filters", None if len(orders) > 1 else orders.pop())
    for number, series in enumerate(query.series):
        place, is_order = f"series[{number}]", series.source == "orders"
        if is_order and series.event is not None:
            yield FieldError(f"{place}.event", "is left out when orders are counted")
        yield from _name(series.event, f"{place}.event")
        yield from _measure(series.measure, f"{place}.measure", is_order)
        yield from _conditions(series.filters, f"{place}.filters", is_order)
        for index, each in enumerate(query.breakdown):
            yield from _owner(each, f"breakdown[{index}]", is_order)
    for index, formula in enumerate(query.formulas):
        yield from problem_of(formula, len(query.series), f"formulas[{index}]")


def _measure(measure: Measure, place: str, is_order: bool) -> Iterator[FieldError]:
    name, field = measure.property, f"{place}.property"
    if name is None:
        if measure.kind not in (*_NEEDS_NO_PROPERTY, "per_person"):
            yield FieldError(field, f"is missing: {measure.kind} is taken of a property")
    elif measure.kind in _NEEDS_NO_PROPERTY:
        yield FieldError(field, f"is left out with {measure.kind}")
    elif is_order and name not in _ORDER:
        yield FieldError(field, f"is one of {', '.join(sorted(_ORDER))}")
    else:
        yield from _name(name, field)


def _funnel(query: Funnel) -> Iterator[FieldError]:
    for number, step in enumerate(query.steps):
        yield from _selection(step, f"steps[{number}]")
    yield from _conditions(query.filters, "filters")
    if query.window.milliseconds > _LONGEST_WINDOW_MS:
        yield FieldError("window", "must be at most 366 days")
    if query.exclusions and query.order != "ordered":
        yield FieldError("exclusions", "need ordered steps")
    for number, each in enumerate(query.exclusions):
        yield from _exclusion(each, f"exclusions[{number}]", len(query.steps))
    for index, split in enumerate(query.breakdown):
        yield from _owner(split, f"breakdown[{index}]", False)
    if query.breakdown and query.interval:
        yield FieldError("interval", "can't be combined with a breakdown")


def _exclusion(each: Exclusion, place: str, steps: int) -> Iterator[FieldError]:
    yield from _selection(Selection(event=each.event, filters=each.filters), place)
    before = each.before or steps
    if before > steps:
        yield FieldError(f"{place}.before", f"there are {steps} steps")
    elif each.after >= before:
        yield FieldError(f"{place}.after", "must be less than before")


def _selection(selection: Selection, place: str) -> Iterator[FieldError]:
    yield from _name(selection.event, f"{place}.event")
    yield from _conditions(selection.filters, f"{place}.filters")


def _conditions(
    conditions: Iterable[Condition], place: str, is_order: bool | None = False
) -> Iterator[FieldError]:
    for index, each in enumerate(conditions):
        where = f"{place}[{index}]"
        yield from _owner(each, where, is_order)
        reason = _value_problem(each)
        if reason:
            yield FieldError(f"{where}.value", reason)


def _owner(each: Condition | Breakdown, place: str, is_order: bool | None) -> Iterator[FieldError]:
    """``is_order``: whether orders are read; None: both orders and events are."""
    yield from _name(each.property, f"{place}.property")
    if each.of == "order" and is_order is not True:
        yield FieldError(f"{place}.of", "is order only where nothing but orders is counted")
    elif each.of == "order" and each.property not in _ORDER:
        yield FieldError(f"{place}.property", f"is one of {', '.join(sorted(_ORDER))}")
    elif each.of in ("event", "person") and is_order is not False:
        yield FieldError(f"{place}.of", "is order or current_person where orders are counted")


def _name(name: str | None, field: str) -> Iterator[FieldError]:
    if name and _FORBIDDEN.search(name):
        yield FieldError(field, "holds a backtick, a backslash or a control character")


def _value_problem(each: Condition) -> str:
    """Why a value does not fit its operator; empty if it does."""
    value = each.value
    match each.op:
        case "is_set" | "is_not_set":
            return "" if value is None else "is left out with this operator"
        case "in" | "not_in":
            return "" if isinstance(value, list) and value else "must be a list with a value"
        case "between":
            return "" if _two_numbers(value) else "must be two numbers, the smaller first"
        case "gt" | "gte" | "lt" | "lte":
            return "" if _is_number(value) else "must be a number"
        case "before" | "on" | "after":
            return "" if _is_day(value) else "must be a day such as 2026-03-01"
        case "contains" | "not_contains":
            return "" if isinstance(value, str) and value else "must be a text that is not empty"
        case "regex":
            return _regex_problem(value)
        case _:
            return "must be a text, a number, true or false" if _is_many(value) else ""


def _is_many(value: Any) -> bool:
    return value is None or isinstance(value, list)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _two_numbers(value: Any) -> bool:
    is_pair = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2
    return is_pair and all(map(_is_number, value)) and value[0] <= value[1]


def _is_day(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return 1970 <= date.fromisoformat(value).year <= 2200
    except ValueError:
        return False


def _regex_problem(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_REGEX:
        return f"must be a pattern of at most {_LONGEST_REGEX} characters"
    if _NOT_RE2.search(value):
        return "uses a look-around or a back reference, which RE2 has not"
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is not a pattern: {error}"
    return ""
