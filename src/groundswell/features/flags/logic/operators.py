"""Conditions as functions: compiled when a flag is loaded, called for each question.

A property that is not known meets no condition but the negative ones (``is_not``,
``not_contains``, ``not_regex``, ``semver_neq``, ``is_not_set``).
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec

from groundswell.features.flags.logic import semver
from groundswell.features.flags.logic.context import Context
from groundswell.features.flags.logic.patterns import search_of
from groundswell.features.flags.logic.values import moment_of, number_of, relative_of, text_of
from groundswell.features.flags.types import Condition, Operator

Predicate = Callable[[Any], bool]
"""Of a property's value; None is a property that is not known."""
Test = Callable[[Context], bool | None]
"""Of a person; None: memory can't tell (a segment it does not hold)."""

_NEGATIVE = {
    Operator.IS_NOT: Operator.IS,
    Operator.NOT_CONTAINS: Operator.CONTAINS,
    Operator.NOT_REGEX: Operator.REGEX,
    Operator.SEMVER_NEQ: Operator.SEMVER_EQ,
    Operator.IS_NOT_SET: Operator.IS_SET,
}


_compiled: dict[bytes, Test] = {}
_MOST_COMPILED = 20_000


def compile_condition(condition: Condition) -> Test:
    """The condition as a function; equal conditions are one function, so a person is asked once.

    What validation refuses compiles to "never".
    """
    key = msgspec.json.encode(condition)
    found = _compiled.get(key)
    if found is None:
        if len(_compiled) >= _MOST_COMPILED:
            _compiled.clear()
        found = _compiled[key] = _compile(condition)
    return found


def _compile(condition: Condition) -> Test:
    name = condition.property
    if condition.of == "segment":
        return _segment(name, negative=condition.operator is Operator.NOT_IN_SEGMENT)
    if condition.operator in (Operator.BEFORE, Operator.AFTER):
        return _date(condition)
    holds = predicate(condition.operator, condition.value)
    if condition.of == "group":
        kind = condition.group_type
        return lambda context: holds(context.group_property(kind, name))
    return lambda context: holds(context.property(name))


def predicate(operator: Operator, value: Any) -> Predicate:
    """The comparison of a property's value with the condition's."""
    positive = _NEGATIVE.get(operator)
    if positive is not None:
        holds = predicate(positive, value)
        return lambda found: not holds(found)
    if operator is Operator.IS_SET:
        return lambda found: found is not None
    if operator is Operator.IS:
        return _is(value)
    if operator in (Operator.CONTAINS, Operator.STARTS_WITH, Operator.ENDS_WITH):
        return _part(operator, value)
    if operator is Operator.REGEX:
        return _regex(value)
    if operator in _ORDERS:
        return _order(_ORDERS[operator], number_of(value))
    return _semver(operator, value)


def values_of(value: Any) -> list[Any]:
    """A condition's value as a list: one value means a list of one."""
    return value if isinstance(value, list) else [value]


def _is(value: Any) -> Predicate:
    wanted = frozenset(text_of(each) for each in values_of(value))

    def holds(found: Any) -> bool:
        if isinstance(found, list):
            return any(text_of(each) in wanted for each in found if each is not None)
        return found is not None and text_of(found) in wanted

    return holds


def _part(operator: Operator, value: Any) -> Predicate:
    wanted = tuple(text_of(each) for each in values_of(value))

    def holds(found: Any) -> bool:
        if found is None:
            return False
        text = text_of(found)
        if operator is Operator.STARTS_WITH:
            return text.startswith(wanted)
        if operator is Operator.ENDS_WITH:
            return text.endswith(wanted)
        return any(each in text for each in wanted)

    return holds


def _regex(value: Any) -> Predicate:
    search = search_of(value) if isinstance(value, str) else None
    if search is None:
        return _never
    found_in = search  # mypy keeps no narrowing in a closure

    def holds(found: Any) -> bool:
        if found is None:
            return False
        return found_in(found if isinstance(found, str) else text_of(found))

    return holds


Compare = Callable[[Any, Any], bool]
_ORDERS: dict[Operator, Compare] = {
    Operator.GT: lambda a, b: a > b,
    Operator.GTE: lambda a, b: a >= b,
    Operator.LT: lambda a, b: a < b,
    Operator.LTE: lambda a, b: a <= b,
}
_SEMVERS: dict[Operator, Compare] = {
    Operator.SEMVER_EQ: lambda a, b: a == b,
    Operator.SEMVER_GT: lambda a, b: a > b,
    Operator.SEMVER_GTE: lambda a, b: a >= b,
    Operator.SEMVER_LT: lambda a, b: a < b,
    Operator.SEMVER_LTE: lambda a, b: a <= b,
    Operator.SEMVER_TILDE: lambda a, b: semver.tilde(b, a),
    Operator.SEMVER_CARET: lambda a, b: semver.caret(b, a),
}


def _order(compare: Compare, wanted: float | None) -> Predicate:
    if wanted is None:
        return _never

    def holds(found: Any) -> bool:
        number = number_of(found)
        return number is not None and compare(number, wanted)

    return holds


def _semver(operator: Operator, value: Any) -> Predicate:
    wanted = semver.parse(value)
    compare = _SEMVERS.get(operator)
    if wanted is None or compare is None:
        return _never

    def holds(found: Any) -> bool:
        version = semver.parse(found)
        return version is not None and compare(version, wanted)

    return holds


def _date(condition: Condition) -> Test:
    name, kind = condition.property, condition.group_type
    of_group = condition.of == "group"
    before = condition.operator is Operator.BEFORE
    ago = relative_of(condition.value)
    fixed = None if ago is not None else moment_of(condition.value)

    def test(context: Context) -> bool:
        found = context.group_property(kind, name) if of_group else context.property(name)
        moment = moment_of(found)
        limit = fixed if ago is None else context.now - ago / timedelta(seconds=1)
        if moment is None or limit is None:
            return False
        return moment < limit if before else moment > limit

    return test


def _segment(segment: str, *, negative: bool) -> Test:
    def test(context: Context) -> bool | None:
        found = context.segments(segment, context.distinct_id)
        return found if found is None or not negative else not found

    return test


def _never(_found: Any) -> bool:
    return False
