"""Why does this person get what they get: the evaluation, told step by step."""

from typing import Any

import msgspec

from groundswell.features.flags.logic.context import Context
from groundswell.features.flags.logic.evaluate import FlagSet
from groundswell.features.flags.logic.operators import compile_condition
from groundswell.features.flags.types import Answer, Condition, Flag, Group, Operator
from groundswell.stats.bucketing import Purpose, bucket
from groundswell.stats.posthog_bucketing import posthog_hash


class ConditionStep(msgspec.Struct, frozen=True):
    """A condition, the value found for it (None: not known), and whether it holds."""

    property: str
    operator: Operator
    value: Any
    found: Any
    holds: bool | None


class GroupStep(msgspec.Struct, frozen=True):
    """A targeting group; ``place`` (0 to 100) is the id's place, in if below ``rollout``."""

    name: str
    conditions: list[ConditionStep]
    rollout: float
    place: float | None
    admits: bool


class Explanation(msgspec.Struct, frozen=True):
    """The answer, the id it was dealt by, and each targeting group. Groups end at the first in."""

    answer: Answer
    unit: str
    groups: list[GroupStep]


def explain(flag: Flag, flags: FlagSet, context: Context) -> Explanation | None:
    """The story of one answer; None if the flag is not among the flags."""
    outcome = flags.outcome(flag.key, context)
    if outcome is None:
        return None
    unit = _unit(flag, context)
    groups = [_group(flag, group, unit, context) for group in flag.rules(flags.environment).groups]
    return Explanation(outcome.answer, unit, groups)


def _unit(flag: Flag, context: Context) -> str:
    if flag.bucket_by == "device":
        return context.device
    return context.groups.get(flag.group_type, "") if flag.bucket_by == "group" else context.person


def _group(flag: Flag, group: Group, unit: str, context: Context) -> GroupStep:
    conditions = [_condition(condition, context) for condition in group.conditions]
    place = 100 * _place(flag, unit) if unit else None
    inside = group.rollout >= 100 or (place is not None and place < group.rollout)
    holds = all(condition.holds is True for condition in conditions)
    return GroupStep(group.name, conditions, group.rollout, place, holds and inside)


def _place(flag: Flag, unit: str) -> float:
    if flag.hashing == "posthog":
        return posthog_hash(f"{flag.key}.", unit)
    return bucket(Purpose.ROLLOUT, flag.key, unit, flag.salt)


def _condition(condition: Condition, context: Context) -> ConditionStep:
    found = None
    if condition.of == "person":
        found = context.property(condition.property)
    elif condition.of == "group":
        found = context.group_property(condition.group_type, condition.property)
    holds = compile_condition(condition)(context)
    return ConditionStep(condition.property, condition.operator, condition.value, found, holds)
