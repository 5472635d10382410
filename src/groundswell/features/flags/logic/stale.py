"""Flags that could leave the code: nothing has moved for a month and nothing is left to decide."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from groundswell.core import clock
from groundswell.core.errors import UnavailableError
from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import Scope
from groundswell.features.flags.logic.switch import list_flags
from groundswell.features.flags.store import exposures
from groundswell.features.flags.types import PRODUCTION, Flag, Rules

QUIET = timedelta(days=30)

Staleness = Literal["everybody", "nobody", "unseen"]


class StaleFlag(msgspec.Struct, frozen=True):
    """Why a flag may go: production gives all one thing, gives nobody anything, or never asks."""

    key: str
    name: str
    why: Staleness
    updated_at: datetime
    last_seen_at: datetime | None


async def stale_flags(platform: Platform, scope: Scope) -> list[StaleFlag]:
    """Flags nobody changed for 30 days that decide nothing, the longest unchanged first.

    While the event store is away, only what the rules say is told.
    """
    flags = await list_flags(platform, scope)
    try:
        seen = await exposures.last_called(platform.store, scope)
    except UnavailableError:
        seen = None
    return stale(flags, seen, clock.now())


def stale(
    flags: Sequence[Flag], seen: Mapping[str, datetime] | None, now: datetime
) -> list[StaleFlag]:
    """The same from what is known; ``seen`` None says that nothing is known of exposures.

    A flag without any exposure counts as unseen only where others are reported: who sends no
    exposures at all would be told that everything is stale.
    """
    found = []
    for flag in sorted(flags, key=lambda each: each.updated_at):
        if now - flag.updated_at < QUIET:
            continue
        why = _why(flag.rules(PRODUCTION), unseen=bool(seen) and flag.key not in (seen or {}))
        if why is not None:
            last = (seen or {}).get(flag.key)
            found.append(StaleFlag(flag.key, flag.name, why, flag.updated_at, last))
    return found


def _why(rules: Rules, *, unseen: bool) -> Staleness | None:
    if not rules.enabled or all(group.rollout == 0 for group in rules.groups):
        return "nobody"
    first = rules.groups[0]
    one = first.variant is not None or (not first.split and len(rules.split) <= 1)
    if not first.conditions and first.rollout == 100 and one and not rules.prerequisites:
        return "everybody"
    return "unseen" if unseen else None
