"""A person's timeline: features tell their part of it, the person's page merges the parts.

A feature exports its sources as ``api.TIMELINE`` and its summaries as ``api.PERSON_SUMMARIES``;
the app hands all of them to the web role.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope

Place = tuple[datetime, UUID]
"""Where a source goes on: below the entry with this time and id."""


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a person.

    ``same_as`` names an entry of another source that tells the same thing and is left out.
    """

    at: datetime
    entry_id: UUID
    kind: str
    title: str
    text: str = ""
    icon: str = "activity"
    href: str = ""
    detail: dict[str, Any] = {}
    same_as: UUID | None = None


class TimelineSource(Protocol):
    """Tells what one feature knows of a person, newest first, in an order of its own for ties.

    Who lacks ``permission`` is told nothing of it.
    """

    name: str
    permission: Permission

    async def entries(
        self, platform: Platform, scope: Scope, person_id: UUID, after: Place | None, limit: int
    ) -> Sequence[TimelineEntry]:
        """At most ``limit`` entries below ``after``."""
        ...


class TimelinePage(msgspec.Struct, frozen=True):
    """Part of a timeline; ``places`` is where each source goes on, None when all are told."""

    entries: list[TimelineEntry]
    places: dict[str, Place] | None


async def read_timeline(
    sources: Sequence[TimelineSource],
    platform: Platform,
    scope: Scope,
    person_id: UUID,
    places: dict[str, Place],
    limit: int,
) -> TimelinePage:
    """Merge what the sources tell, newest first; each goes on at its own place."""
    heads: list[tuple[str, list[TimelineEntry]]] = []
    for source in sources:
        if source.permission not in scope.permissions:
            continue
        after = places.get(source.name)
        found = await source.entries(platform, scope, person_id, after, limit + 1)
        heads.append((source.name, list(found)))
    told = {entry.same_as for _, found in heads for entry in found}
    shown: list[TimelineEntry] = []
    reached = dict(places)
    while waiting := [(name, found) for name, found in heads if found]:
        name, found = max(waiting, key=lambda head: head[1][0].at)
        entry = found[0]
        if entry.entry_id not in told:
            if len(shown) == limit:
                return TimelinePage(shown, reached)
            shown.append(entry)
        del found[0]
        reached[name] = (entry.at, entry.entry_id)
    return TimelinePage(shown, None)


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A few facts of a person, as pairs of a word and a text, with a link to more."""

    title: str
    facts: list[tuple[str, str]]
    href: str = ""
    link: str = ""


class SummarySource(Protocol):
    """Sums up what one feature knows of a person; None if it knows nothing."""

    permission: Permission

    async def summary(
        self, platform: Platform, scope: Scope, person_id: UUID
    ) -> Summary | None: ...


async def read_summaries(
    sources: Sequence[SummarySource], platform: Platform, scope: Scope, person_id: UUID
) -> list[Summary]:
    """What every feature has to say of a person to this reader."""
    allowed = [source for source in sources if source.permission in scope.permissions]
    found = [await source.summary(platform, scope, person_id) for source in allowed]
    return [summary for summary in found if summary is not None]
