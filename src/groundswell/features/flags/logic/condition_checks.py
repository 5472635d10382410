"""What a condition must be: its operator decides what its value may be."""

from collections.abc import Iterator
from typing import Any

from groundswell.core.errors import FieldError
from groundswell.features.flags.logic import semver
from groundswell.features.flags.logic.operators import values_of
from groundswell.features.flags.logic.patterns import MAX_PATTERN, search_of
from groundswell.features.flags.logic.values import moment_of, number_of, relative_of
from groundswell.features.flags.types import Condition, Operator

MAX_VALUES = 1_000

_NUMBERS = {Operator.GT, Operator.GTE, Operator.LT, Operator.LTE}
_DATES = {Operator.BEFORE, Operator.AFTER}
_PATTERNS = {Operator.REGEX, Operator.NOT_REGEX}
_NOTHING = {Operator.IS_SET, Operator.IS_NOT_SET}
_SEGMENT = {Operator.IN_SEGMENT, Operator.NOT_IN_SEGMENT}


def condition_errors(path: str, condition: Condition) -> Iterator[FieldError]:
    """Everything wrong with one condition."""
    if not 0 < len(condition.property) <= 200:
        yield FieldError(f"{path}.property", "must be 1 to 200 characters long")
    if (condition.of == "segment") != (condition.operator in _SEGMENT):
        yield FieldError(f"{path}.operator", "in_segment and not_in_segment are for segments")
        return
    if condition.of == "group" and not 0 < len(condition.group_type) <= 100:
        yield FieldError(f"{path}.group_type", "says whose property it is")
    if condition.operator not in _SEGMENT | _NOTHING:
        reason = _wrong_value(condition.operator, condition.value)
        if reason:
            yield FieldError(f"{path}.value", reason)


def _wrong_value(operator: Operator, value: Any) -> str:
    if operator in _NUMBERS:
        return "" if number_of(value) is not None else "must be a number"
    if operator in _DATES:
        known = relative_of(value) is not None or moment_of(value) is not None
        return "" if known else "must be a date such as 2026-11-30, or so long ago such as -30d"
    if operator in _PATTERNS:
        known = isinstance(value, str) and search_of(value) is not None
        text = "must be a regular expression without look-around and back-references"
        return "" if known else f"{text}, of {MAX_PATTERN} characters at most"
    if operator.value.startswith("semver"):
        return "" if semver.parse(value) else "must be a version such as 2.10.3"
    return _wrong_values(value)


def _wrong_values(value: Any) -> str:
    values = values_of(value)
    if not 0 < len(values) <= MAX_VALUES:
        return f"must be 1 to {MAX_VALUES:,} values"
    for each in values:
        if each is None or not isinstance(each, str | int | float | bool):
            return "must be texts, numbers, true or false"
        if isinstance(each, str) and not 0 < len(each) <= 1_000:
            return "must be 1 to 1,000 characters long"
    return ""
