"""The small changes people make by one click: on, off, a percentage, a tester, roll-back."""

from collections.abc import Mapping, Sequence

import msgspec

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.errors import FieldError, InvalidError, NotFoundError
from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import Scope
from groundswell.features.flags.logic.change import Edit, Saved, change, get_in
from groundswell.features.flags.store import flags as store
from groundswell.features.flags.types import Flag, FlagContent, Group, Override, Rules, Version

replace = msgspec.structs.replace


def enabling(environment: str, enabled: bool) -> Edit:
    """On or off in an environment; who turns on a flag without groups means everybody."""

    def edit(flag: Flag) -> FlagContent:
        rules = flag.rules(environment)
        groups = rules.groups or ([Group()] if enabled else [])
        return with_rules(flag, environment, replace(rules, enabled=enabled, groups=groups))

    return edit


def rolling_out(environment: str, percentage: float, place: int = 0) -> Edit:
    """Another percentage of one targeting group; a flag without groups gets one for everybody."""

    def edit(flag: Flag) -> FlagContent:
        rules = flag.rules(environment)
        groups = list(rules.groups) or [Group(rollout=0.0)]
        if not 0 <= place < len(groups):
            wrong = FieldError("group", f"must be 0 to {len(groups) - 1}")
            raise InvalidError("There is no such targeting group.", errors=[wrong])
        groups[place] = replace(groups[place], rollout=percentage)
        return with_rules(flag, environment, replace(rules, groups=groups))

    return edit


def overriding(environment: str, override: Override) -> Edit:
    """What one tester gets."""

    def edit(flag: Flag) -> FlagContent:
        rules = flag.rules(environment)
        kept = [each for each in rules.overrides if each.id != override.id]
        return with_rules(flag, environment, replace(rules, overrides=[*kept, override]))

    return edit


def not_overriding(environment: str, unit_id: str) -> Edit:
    """A tester gets again what everybody in their place gets."""

    def edit(flag: Flag) -> FlagContent:
        rules = flag.rules(environment)
        kept = [each for each in rules.overrides if each.id != unit_id]
        if len(kept) == len(rules.overrides):
            raise NotFoundError("There is no such override.")
        return with_rules(flag, environment, replace(rules, overrides=kept))

    return edit


def archiving(archived: bool) -> Edit:
    """Out of use (evaluated as if it did not exist), or back."""
    return lambda flag: replace(flag.content(), archived=archived)


def with_rules(flag: Flag, environment: str, rules: Rules) -> FlagContent:
    """The flag's content with other rules in one environment."""
    content = flag.content()
    if rules == flag.rules(environment):
        return content
    return replace(content, environments={**content.environments, environment: rules})


async def put_rules(
    platform: Platform,
    scope: Scope,
    key: str,
    environment: str,
    rules: Rules,
    *,
    version: int | None = None,
    note: str = "",
) -> Saved:
    """Other rules in one environment."""
    return await change(
        platform,
        scope,
        key,
        lambda flag: with_rules(flag, environment, rules),
        version=version,
        note=note,
    )


async def roll_back(platform: Platform, scope: Scope, key: str, number: int) -> Saved:
    """Make the flag again what an earlier version was, as a new version.

    Raises:
        NotFoundError: no such flag, or it never had this version.
    """
    async with platform.postgres.transaction(scope) as tx:
        old = await _version(tx, key, number)
    return await change(
        platform,
        scope,
        key,
        lambda _flag: old.content,
        action="flag.rolled_back",
        note=f"Back to version {number}",
    )


async def _version(tx: ScopedTransaction, key: str, number: int) -> Version:
    flag = await get_in(tx, key)
    found = await store.version(tx, flag.flag_id, number) if 0 < number < 2**31 - 1 else None
    if found is None:
        raise NotFoundError("The flag has no such version.")
    return found


async def history(
    platform: Platform, scope: Scope, key: str, before: int | None, limit: int
) -> list[Version]:
    """Versions, newest first."""
    async with platform.postgres.transaction(scope) as tx:
        flag = await get_in(tx, key)
        return await store.versions(tx, flag.flag_id, before, limit)


def filtered(flags: Sequence[Flag], search: str, tag: str = "") -> list[Flag]:
    """Flags whose key or name holds the text, and that carry the tag."""
    wanted = search.lower()
    return [
        flag
        for flag in flags
        if (wanted in flag.key.lower() or wanted in flag.name.lower())
        and (not tag or tag in flag.tags)
    ]


async def list_flags(platform: Platform, scope: Scope, *, archived: bool = False) -> list[Flag]:
    """Every flag in use, or every archived one, in order of key."""
    async with platform.postgres.transaction(scope) as tx:
        return await store.all_flags(tx, archived=archived)


def by_key(flags: Sequence[Flag]) -> Mapping[str, Flag]:
    """Flags by their key."""
    return {flag.key: flag for flag in flags}
