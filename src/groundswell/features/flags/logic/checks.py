"""What a flag must be before it is kept; every wrong field is named at once."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from groundswell.core.errors import FieldError, InvalidError
from groundswell.features.flags.logic.condition_checks import condition_errors
from groundswell.features.flags.types import OFF, ON, Flag, FlagContent, Group, Rules, Share

Wrong = Iterator[FieldError]

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,119}", re.ASCII)
RESERVED_KEYS = frozenset({"definitions", "environments", "evaluate", "new", "stale", "stream"})
"""Keys that would be addresses of something else."""
MAX_BYTES = 256_000
MAX_PAYLOAD = 32_000
_MOST = {"groups": 50, "conditions": 50, "overrides": 500, "prerequisites": 20, "variants": 50}


def refuse(*found: Iterable[FieldError]) -> None:
    """Raise InvalidError naming every wrong field, if there is one."""
    errors = [error for each in found for error in each]
    if errors:
        first = errors[0]
        text = f"{first.field} {first.reason}." if len(errors) == 1 else "Some fields are wrong."
        raise InvalidError(text, errors=errors)


def key_errors(key: str) -> Wrong:
    """A key stands in addresses and in code."""
    if not KEY.fullmatch(key):
        yield FieldError("key", "must be letters, digits, dots, dashes and underscores")
    elif key in RESERVED_KEYS:
        yield FieldError("key", "is taken by an address of the API")


def content_errors(
    key: str, content: FlagContent, others: Mapping[str, Flag], environments: Sequence[str]
) -> Wrong:
    """Everything about a version; ``others`` are the workspace's flags by key."""
    if len(content.name) > 200:
        yield FieldError("name", "may be 200 characters long")
    if len(content.description) > 5_000:
        yield FieldError("description", "may be 5,000 characters long")
    if len(content.tags) > 20 or any(not 0 < len(tag) <= 60 for tag in content.tags):
        yield FieldError("tags", "may be 20, each of 1 to 60 characters")
    yield from _variant_errors(content)
    yield from _dealing_errors(content)
    variants = _variants(content)
    for name, rules in content.environments.items():
        path = f"environments.{name[:40]}"
        if name not in environments:
            yield FieldError(path, "is not an environment of this workspace")
            continue
        yield from _rule_errors(path, rules, content, variants)
        yield from _prerequisite_errors(path, key, rules, others)
    if len(msgspec.json.encode(content)) > MAX_BYTES:
        yield FieldError("environments", f"the flag may hold {MAX_BYTES:,} bytes in all")


def _variants(content: FlagContent) -> frozenset[str]:
    if content.kind == "boolean":
        return frozenset({ON, OFF})
    return frozenset(variant.key for variant in content.variants)


def _variant_errors(content: FlagContent) -> Wrong:
    keys = [variant.key for variant in content.variants]
    if len(set(keys)) < len(keys):
        yield FieldError("variants", "must have different keys")
    if content.kind == "boolean":
        if set(keys) - {ON, OFF}:
            yield FieldError("variants", "of a boolean flag are on and off")
        if content.off_variant is not None:
            yield FieldError("off_variant", "is for multivariate flags")
    else:
        if not 1 <= len(keys) <= _MOST["variants"]:
            yield FieldError("variants", f"must be 1 to {_MOST['variants']}")
        if content.off_variant is not None and content.off_variant not in keys:
            yield FieldError("off_variant", "is not one of the variants")
    for place, variant in enumerate(content.variants):
        if not KEY.fullmatch(variant.key):
            reason = "must be letters, digits, dots, dashes and underscores"
            yield FieldError(f"variants[{place}].key", reason)
        if len(variant.name) > 200:
            yield FieldError(f"variants[{place}].name", "may be 200 characters long")
        if len(msgspec.json.encode(variant.payload)) > MAX_PAYLOAD:
            reason = f"may hold {MAX_PAYLOAD:,} bytes"
            yield FieldError(f"variants[{place}].payload", reason)


def _dealing_errors(content: FlagContent) -> Wrong:
    if content.bucket_by == "group" and not 0 < len(content.group_type) <= 100:
        yield FieldError("group_type", "says which group people are dealt by")
    if content.bucket_by != "group" and content.group_type:
        yield FieldError("group_type", "is for flags dealt by group")
    if len(content.salt) > 100:
        yield FieldError("salt", "may be 100 characters long")
    if content.hashing == "posthog" and content.salt:
        yield FieldError("salt", "does not exist in PostHog's hashing")


def _rule_errors(path: str, rules: Rules, content: FlagContent, variants: frozenset[str]) -> Wrong:
    for name in ("groups", "overrides", "prerequisites"):
        if len(getattr(rules, name)) > _MOST[name]:
            yield FieldError(f"{path}.{name}", f"may be {_MOST[name]}")
            return
    yield from _split_errors(f"{path}.split", rules.split, content, variants)
    for place, group in enumerate(rules.groups):
        yield from _group_errors(f"{path}.groups[{place}]", group, content, variants)
    seen: set[str] = set()
    for place, override in enumerate(rules.overrides):
        here = f"{path}.overrides[{place}]"
        if not 0 < len(override.id) <= 400:
            yield FieldError(f"{here}.id", "must be 1 to 400 characters long")
        if override.id in seen:
            yield FieldError(f"{here}.id", "has another override already")
        seen.add(override.id)
        if override.variant not in variants:
            yield FieldError(f"{here}.variant", "is not one of the variants")


def _group_errors(path: str, group: Group, content: FlagContent, variants: frozenset[str]) -> Wrong:
    if not (math.isfinite(group.rollout) and 0 <= group.rollout <= 100):
        yield FieldError(f"{path}.rollout", "must be 0 to 100")
    if group.variant is not None and group.variant not in variants:
        yield FieldError(f"{path}.variant", "is not one of the variants")
    if group.variant is not None and group.split:
        yield FieldError(f"{path}.split", "can't stand beside one variant for all")
    if len(group.name) > 200:
        yield FieldError(f"{path}.name", "may be 200 characters long")
    if len(group.conditions) > _MOST["conditions"]:
        yield FieldError(f"{path}.conditions", f"may be {_MOST['conditions']}")
        return
    yield from _split_errors(f"{path}.split", group.split, content, variants)
    for place, condition in enumerate(group.conditions):
        yield from condition_errors(f"{path}.conditions[{place}]", condition)


def _split_errors(
    path: str, split: list[Share], content: FlagContent, variants: frozenset[str]
) -> Wrong:
    if not split:
        return
    if content.kind == "boolean":
        yield FieldError(path, "is for multivariate flags")
        return
    if len({share.variant for share in split}) < len(split):
        yield FieldError(path, "names a variant twice")
    for place, share in enumerate(split):
        if share.variant not in variants:
            yield FieldError(f"{path}[{place}].variant", "is not one of the variants")
        if not (math.isfinite(share.weight) and 0 <= share.weight <= 1e6):
            yield FieldError(f"{path}[{place}].weight", "must be 0 to 1,000,000")
    if not any(share.weight > 0 for share in split):
        yield FieldError(path, "must give some variant a weight")


def _prerequisite_errors(path: str, key: str, rules: Rules, others: Mapping[str, Flag]) -> Wrong:
    environment = path.partition(".")[2]
    for place, wanted in enumerate(rules.prerequisites):
        here = f"{path}.prerequisites[{place}]"
        other = others.get(wanted.flag)
        if wanted.flag == key or _reaches(wanted.flag, key, others, environment):
            yield FieldError(f"{here}.flag", "would need this flag itself, in a circle")
        elif other is None or other.archived:
            yield FieldError(f"{here}.flag", "is not a flag in use")
        elif not wanted.variants or set(wanted.variants) - set(other.variant_keys()):
            yield FieldError(f"{here}.variants", "must be variants of that flag")


def _reaches(start: str, goal: str, flags: Mapping[str, Flag], environment: str) -> bool:
    """Whether a flag's prerequisites lead to another, in one environment."""
    todo, seen = [start], {start}
    while todo:
        flag = flags.get(todo.pop())
        found = flag.rules(environment).prerequisites if flag else []
        for each in found:
            if each.flag == goal:
                return True
            if each.flag not in seen:
                seen.add(each.flag)
                todo.append(each.flag)
    return False
