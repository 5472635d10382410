"""What changed between two versions, path by path."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from groundswell.features.flags.types import Change, FlagContent, Rules, Version

_DECIDES = (
    "kind",
    "variants",
    "off_variant",
    "bucket_by",
    "group_type",
    "hashing",
    "salt",
    "archived",
)


def changes(before: FlagContent, after: FlagContent) -> list[Change]:
    """Every difference, in the order of the fields; lists are compared place by place."""
    names = {*before.environments, *after.environments}
    return list(_compare("", _whole(before, names), _whole(after, names)))


def touched(before: FlagContent, after: FlagContent) -> set[str]:
    """The environments in which the two may answer differently."""
    names = {*before.environments, *after.environments}
    if any(getattr(before, name) != getattr(after, name) for name in _DECIDES):
        return {name for name in names if _rules(before, name) != Rules()} | {
            name for name in names if _rules(after, name) != Rules()
        }
    return {name for name in names if _rules(before, name) != _rules(after, name)}


def is_kill(before: FlagContent, after: FlagContent, environment: str) -> bool:
    """Whether all that happens in an environment is that the flag is switched off."""
    was = _rules(before, environment)
    same = all(getattr(before, name) == getattr(after, name) for name in _DECIDES)
    off = msgspec.structs.replace(was, enabled=False)
    return same and was.enabled and _rules(after, environment) == off


def _whole(content: FlagContent, names: set[str]) -> Any:
    """As JSON values; an environment without rules is one that is off."""
    rules = {name: _rules(content, name) for name in sorted(names)}
    return msgspec.to_builtins(msgspec.structs.replace(content, environments=rules))


def _rules(content: FlagContent, environment: str) -> Rules:
    return content.environments.get(environment) or Rules()


def _compare(path: str, before: Any, after: Any) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            below = f"{path}.{name}" if path else name
            yield from _compare(below, before.get(name), after.get(name))
    elif isinstance(before, list) and isinstance(after, list) and _nested(before, after):
        for place in range(max(len(before), len(after))):
            yield from _compare(f"{path}[{place}]", _at(before, place), _at(after, place))
    else:
        yield Change(path, before, after)


def _nested(before: list[Any], after: list[Any]) -> bool:
    return any(isinstance(each, dict) for each in (*before, *after))


def _at(values: list[Any], place: int) -> Any:
    return values[place] if place < len(values) else None


def with_changes(versions: Sequence[Version], limit: int) -> list[tuple[Version, list[Change]]]:
    """Versions, newest first, each with what it changed; one more than ``limit`` may be given."""
    older = [*versions[1:], None]
    pairs = zip(versions, older, strict=True)
    return [
        (version, changes(before.content, version.content) if before else [])
        for version, before in list(pairs)[:limit]
    ]
