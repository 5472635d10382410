"""People, for other features: everything here works in the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.errors import NotFoundError
from groundswell.features.people.logic.merges import link, merge, unmerge
from groundswell.features.people.logic.properties import Layers
from groundswell.features.people.logic.resolve import resolve, set_properties
from groundswell.features.people.logic.timeline import MergeTimeline
from groundswell.features.people.store import ids, merges, people
from groundswell.features.people.types import (
    DistinctId,
    Link,
    Linked,
    Merge,
    Person,
    PersonCursor,
    PersonFilter,
    PropertyChange,
)

__all__ = [
    "TIMELINE",
    "get",
    "identify",
    "ids_of",
    "ids_of_each",
    "link",
    "list_people",
    "merge",
    "merges_of",
    "properties_after",
    "resolve",
    "root_of",
    "set_properties",
    "unmerge",
]

TIMELINE = (MergeTimeline(),)
"""What this feature tells of a person."""


async def identify(
    tx: ScopedTransaction, anonymous_id: str, distinct_id: str, at: datetime
) -> Linked:
    """``distinct_id`` names whoever ``anonymous_id`` was; for many at once use ``link``."""
    return (await link(tx, [Link(anonymous_id, distinct_id, at)]))[0]


async def get(tx: ScopedTransaction, person_id: UUID) -> Person:
    """The person, or whom it is merged into.

    Raises:
        NotFoundError: there is no such person for this tenant.
    """
    root = await people.root_of(tx, person_id)
    found = await people.get(tx, root) if root else None
    if found is None:
        raise NotFoundError("There is no such person.")
    return found


async def root_of(tx: ScopedTransaction, distinct_id: str) -> UUID | None:
    """The person a distinct id belongs to; None if nobody has seen it."""
    row = (await ids.find(tx, [distinct_id])).get(distinct_id)
    return row.person_id if row else None


async def ids_of(
    tx: ScopedTransaction, person_ids: Sequence[UUID], limit: int = 10_000
) -> list[DistinctId]:
    """Distinct ids of people (roots), oldest first."""
    return await ids.of_people(tx, person_ids, limit)


async def ids_of_each(
    tx: ScopedTransaction, person_ids: Sequence[UUID]
) -> dict[UUID, list[DistinctId]]:
    """Up to 100 distinct ids of every person, oldest first."""
    return await ids.of_each(tx, person_ids)


async def list_people(
    tx: ScopedTransaction,
    wanted: PersonFilter,
    after: PersonCursor | None = None,
    limit: int = 50,
) -> list[Person]:
    """People by last sight, newest first; ``after`` goes on below that one."""
    return await people.list_people(tx, wanted, after, limit)


async def merges_of(
    tx: ScopedTransaction,
    person_id: UUID,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[Merge]:
    """The merge log of a person and of all that are merged into it, newest first."""
    return await merges.of_people(tx, await merges.subtree(tx, person_id), before, limit)


def properties_after(
    properties: dict[str, object], changes: Sequence[PropertyChange]
) -> dict[str, object]:
    """What properties become by changes in the order given; nothing is stored."""
    layers = Layers(properties)
    for change in changes:
        layers.change(change)
    return layers.shown
