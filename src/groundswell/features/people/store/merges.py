"""Merges as rows, and the distinct ids they re-point."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from groundswell.core.db.outbox import mirror
from groundswell.core.db.postgres import ScopedTransaction
from groundswell.features.people.types import Merge


class Undone(msgspec.Struct):
    """What a distinct id tells of the person it returns to."""

    has_name: bool
    first_seen_at: datetime


_INSERT = """
insert into merges (tenant_id, merge_id, winner_id, loser_id, reason, actor_kind, actor_id)
select %s, merge_id, winner_id, loser_id, %s, %s, %s
from unnest(%s::uuid[], %s::uuid[], %s::uuid[]) with ordinality
  as t(merge_id, winner_id, loser_id, n) order by n
"""

_REPOINT = """
update distinct_ids d set person_id = g.root
from unnest(%(from)s::uuid[], %(to)s::uuid[]) as g(person_id, root)
where d.tenant_id = %(tenant)s and d.person_id = g.person_id
returning d.own_key, d.person_id
"""

_REPOINT_BORN = """
update distinct_ids d set person_id = %(to)s
where d.tenant_id = %(tenant)s and d.born_person_id = any(%(born)s)
returning d.own_key, d.person_id
"""

_COLUMNS = "merge_id, winner_id, loser_id, reason, actor_kind, actor_id, merged_at, undone_at"

_GET = f"select {_COLUMNS} from merges where tenant_id = %s and merge_id = %s"  # noqa: S608

_UNDO = "update merges set undone_at = clock_timestamp() where tenant_id = %s and merge_id = %s"

_PATH = """
with recursive up as (
  select person_id, merged_into, 0 as depth from people
  where tenant_id = %(tenant)s and person_id = %(person)s
  union all
  select p.person_id, p.merged_into, up.depth + 1 from people p
  join up on p.person_id = up.merged_into where p.tenant_id = %(tenant)s
)
select person_id from up order by depth
"""

_SUBTREE = """
with recursive down as (
  select %(person)s::uuid as person_id
  union all
  select p.person_id from people p join down on p.merged_into = down.person_id
  where p.tenant_id = %(tenant)s and p.merged_into is not null
)
select person_id from down
"""

_CHILDREN = """
select p.properties from people p
join merges m on m.tenant_id = p.tenant_id and m.loser_id = p.person_id and m.undone_at is null
where p.tenant_id = %s and p.merged_into = %s order by m.merged_at, m.merge_id
"""

_FACTS = """
select bool_or(not is_anonymous) as has_name, min(first_seen_at) as first_seen_at
from distinct_ids where tenant_id = %s and person_id = %s
"""

_OF_PERSON = f"""
select {_COLUMNS} from merges
where tenant_id = %(tenant)s and (winner_id = any(%(people)s) or loser_id = any(%(people)s))
  and (%(at)s::timestamptz is null or (merged_at, merge_id) < (%(at)s, %(merge)s))
order by merged_at desc, merge_id desc limit %(limit)s
"""  # noqa: S608


async def insert(
    tx: ScopedTransaction, reason: str, rows: Sequence[tuple[UUID, UUID, UUID]]
) -> None:
    """Log merges given as (merge, winner, loser), in the order they happened."""
    actor = tx.scope.actor
    columns = [list(column) for column in zip(*rows, strict=True)]
    await tx.execute(_INSERT, (tx.tenant_id, reason, actor.kind.value, actor.id, *columns))


async def repoint(tx: ScopedTransaction, roots: Mapping[UUID, UUID]) -> None:
    """Give the ids of each person to another; their keys are overridden in the event store."""
    moved = await tx.rows(
        _REPOINT,
        {"tenant": tx.tenant_id, "from": list(roots), "to": list(roots.values())},
    )
    await _override(tx, moved)


async def repoint_born(tx: ScopedTransaction, born: Sequence[UUID], to: UUID) -> None:
    """Give the ids that were born with these people to one of them."""
    moved = await tx.rows(_REPOINT_BORN, {"tenant": tx.tenant_id, "born": list(born), "to": to})
    await _override(tx, moved)


async def get(tx: ScopedTransaction, merge_id: UUID) -> Merge | None:
    """One line of the log."""
    return await tx.fetch_one(Merge, _GET, (tx.tenant_id, merge_id))


async def set_undone(tx: ScopedTransaction, merge_id: UUID) -> None:
    """Mark a merge as taken back."""
    await tx.execute(_UNDO, (tx.tenant_id, merge_id))


async def path(tx: ScopedTransaction, person_id: UUID) -> list[UUID]:
    """A person, whom it is merged into, and so on to the root."""
    return await tx.values(_PATH, {"tenant": tx.tenant_id, "person": person_id})


async def subtree(tx: ScopedTransaction, person_id: UUID) -> list[UUID]:
    """A person and all that are merged into it, however indirectly."""
    return await tx.values(_SUBTREE, {"tenant": tx.tenant_id, "person": person_id})


async def merged_properties(tx: ScopedTransaction, person_id: UUID) -> list[dict[str, Any]]:
    """What the people merged directly into this one show, earliest merge first."""
    return await tx.values(_CHILDREN, (tx.tenant_id, person_id))


async def facts(tx: ScopedTransaction, person_id: UUID) -> Undone:
    """What a person's ids say of it."""
    row = await tx.fetch_one(Undone, _FACTS, (tx.tenant_id, person_id))
    assert row is not None
    return row


async def of_people(
    tx: ScopedTransaction,
    person_ids: Sequence[UUID],
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Merge]:
    """The log of these people, newest first."""
    at, merge = before or (None, None)
    return await tx.fetch(
        Merge,
        _OF_PERSON,
        {
            "tenant": tx.tenant_id,
            "people": list(person_ids),
            "at": at,
            "merge": merge,
            "limit": limit,
        },
    )


async def _override(tx: ScopedTransaction, moved: Sequence[tuple[int, UUID]]) -> None:
    keys = await tx.rows(
        "select person_id, person_key from people where tenant_id = %s and person_id = any(%s)",
        (tx.tenant_id, list({person for _, person in moved})),
    )
    key_of = dict(keys)
    await mirror(
        tx,
        "person_overrides",
        [{"person_key": own, "canonical_key": key_of[person]} for own, person in moved],
    )
