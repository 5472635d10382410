"""Our flags as PostHog's definitions, for its SDKs' local evaluation.

Only a flag on which their code can't disagree with ours is offered; of every other, they are
told what makes them ask the server. That is a flag dealt by PostHog's own hashing, or one with
no percentage and no split; without overrides, prerequisites and segments; with operators that
mean the same in both.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from groundswell.features.flags.logic.operators import values_of
from groundswell.features.flags.logic.values import relative_of, text_of
from groundswell.features.flags.types import ON, Condition, Flag, Group, Operator, Rules

_OPERATORS = {
    Operator.IS: "exact",
    Operator.IS_NOT: "is_not",
    Operator.CONTAINS: "icontains",
    Operator.NOT_CONTAINS: "not_icontains",
    Operator.GT: "gt",
    Operator.GTE: "gte",
    Operator.LT: "lt",
    Operator.LTE: "lte",
    Operator.BEFORE: "is_date_before",
    Operator.AFTER: "is_date_after",
    Operator.IS_SET: "is_set",
}


def definitions(flags: Iterable[Flag], environment: str) -> dict[str, Any]:
    """The answer of ``/flags/definitions``."""
    found = [_definition(flag, flag.rules(environment)) for flag in flags]
    return {"flags": found, "group_type_mapping": {}, "cohorts": {}}


def is_offered(flag: Flag, rules: Rules) -> bool:
    """Whether PostHog's SDKs may evaluate the flag by themselves."""
    return _filters(flag, rules) is not None


def _definition(flag: Flag, rules: Rules) -> dict[str, Any]:
    filters = _filters(flag, rules)
    return {
        "id": flag.number,
        "key": flag.key,
        "name": flag.name,
        "active": rules.enabled,
        "deleted": False,
        "version": flag.version,
        # The one field that makes every one of their SDKs ask the server instead.
        "ensure_experience_continuity": filters is None,
        "filters": {"groups": []} if filters is None else filters,
    }


def _filters(flag: Flag, rules: Rules) -> dict[str, Any] | None:
    if not rules.enabled:
        return {"groups": []}
    same_hash = flag.hashing == "posthog"
    if flag.bucket_by != "person" or rules.prerequisites or rules.overrides:
        return None
    groups = [_group(flag, group, same_hash=same_hash) for group in rules.groups]
    if None in groups:
        return None
    payloads = {v.key: msgspec.json.encode(v.payload).decode() for v in flag.variants}
    payloads = {key: text for key, text in payloads.items() if text != "null"}
    if flag.kind == "boolean":
        named = {"true": payloads[ON]} if ON in payloads else {}
        return {"groups": groups, "payloads": named, "multivariate": None}
    if any(group.variant is None for group in rules.groups) and not _is_dealt_alike(flag, rules):
        return None
    weights = {share.variant: share.weight for share in rules.split}
    total = sum(weights.values()) or 1.0
    variants = [
        {"key": v.key, "name": v.name, "rollout_percentage": weights.get(v.key, 0) / total * 100}
        for v in flag.variants
    ]
    return {"groups": groups, "payloads": payloads, "multivariate": {"variants": variants}}


def _is_dealt_alike(flag: Flag, rules: Rules) -> bool:
    """Whether their split, one for the whole flag in order of its variants, is ours."""
    order = [v.key for v in flag.variants]
    ours = [share.variant for share in rules.split]
    same_order = ours == [key for key in order if key in set(ours)] and bool(ours)
    return flag.hashing == "posthog" and same_order


def _group(flag: Flag, group: Group, *, same_hash: bool) -> dict[str, Any] | None:
    if (group.rollout < 100 and not same_hash) or group.split:
        return None
    conditions = [_condition(each) for each in group.conditions]
    if None in conditions or (flag.kind == "boolean" and group.variant not in (None, ON)):
        return None
    variant = group.variant if flag.kind == "multivariate" else None
    return {
        "properties": conditions,
        "rollout_percentage": group.rollout,
        "variant": variant,
    }


def _condition(condition: Condition) -> dict[str, Any] | None:
    operator = _OPERATORS.get(condition.operator)
    if condition.of != "person" or operator is None:
        return None
    value = condition.value
    if condition.operator in (Operator.IS, Operator.IS_NOT):
        value = [text_of(each) for each in values_of(value)]
    elif condition.operator is Operator.IS_SET:
        value = "is_set"
    elif isinstance(value, list) or relative_of(value) is not None:
        return None  # theirs takes one value, and counts months by the calendar
    return {"key": condition.property, "value": value, "operator": operator, "type": "person"}
