"""People as rows: locking, changing, listing."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from groundswell.core.db.outbox import mirror
from groundswell.core.db.postgres import ScopedTransaction
from groundswell.features.people.store.ids import BornRow
from groundswell.features.people.types import Person, PersonCursor, PersonFilter, Seen


class PersonRow(msgspec.Struct):
    """A person with its layers, locked for a change."""

    person_id: UUID
    person_key: int
    properties: dict[str, Any]
    own_properties: dict[str, Any] | None
    hidden_properties: list[str]
    is_identified: bool
    merged_into: UUID | None
    created_at: datetime
    last_seen_at: datetime


_LOCK = """
select person_id, person_key, properties, own_properties, hidden_properties, is_identified,
       merged_into, created_at, last_seen_at
from people where tenant_id = %s and person_id = any(%s)
order by person_id for no key update
"""

_SAVE = """
update people p
set properties = g.properties::jsonb, own_properties = g.own::jsonb,
    hidden_properties = array(select jsonb_array_elements_text(g.hidden::jsonb)),
    is_identified = g.is_identified, merged_into = g.merged_into,
    created_at = g.created_at, last_seen_at = g.last_seen_at
from unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::boolean[], %s::uuid[],
            %s::timestamptz[], %s::timestamptz[])
  as g(person_id, properties, own, hidden, is_identified, merged_into, created_at, last_seen_at)
where p.tenant_id = %s and p.person_id = g.person_id
"""

# The whole row goes to the mirror; a merged person is kept there as deleted until un-merged.
_MIRRORED = """
select person_key, person_id, properties, is_identified, created_at,
       merged_into is not null as deleted
from people where tenant_id = %s and person_id = any(%s) order by person_id
"""

_ROOT = """
with recursive up as (
  select person_id, merged_into from people where tenant_id = %(tenant)s and person_id = %(person)s
  union all
  select p.person_id, p.merged_into from people p join up on p.person_id = up.merged_into
  where p.tenant_id = %(tenant)s
)
select person_id from up where merged_into is null
"""

_GET = """
select person_id, person_key, email, name, properties, is_identified, created_at, last_seen_at
from people where tenant_id = %s and person_id = %s
"""

# starts_with is leakproof, so that it may use the index below row-level security.
_LIST = """
select person_id, person_key, email, name, properties, is_identified, created_at, last_seen_at
from people p
where tenant_id = %(tenant)s and merged_into is null
  and (%(identified)s::boolean is null or is_identified = %(identified)s)
  and (%(seen)s::timestamptz is null or (last_seen_at, person_id) < (%(seen)s, %(person)s))
order by last_seen_at desc, person_id desc limit %(limit)s
"""

_SEARCH = """
with found as (
  select person_id from distinct_ids
  where tenant_id = %(tenant)s and starts_with(distinct_id, %(search)s)
  union
  select person_id from people
  where tenant_id = %(tenant)s and email is not null and starts_with(email, %(email)s)
)
select p.person_id, person_key, email, name, properties, is_identified, created_at, last_seen_at
from people p join found on found.person_id = p.person_id
where tenant_id = %(tenant)s and merged_into is null
  and (%(identified)s::boolean is null or is_identified = %(identified)s)
  and (%(seen)s::timestamptz is null or (last_seen_at, p.person_id) < (%(seen)s, %(person)s))
order by last_seen_at desc, p.person_id desc limit %(limit)s
"""

_COUNT = "select count(*) from people where tenant_id = %s and merged_into is null"


async def lock(tx: ScopedTransaction, person_ids: Iterable[UUID]) -> dict[UUID, PersonRow]:
    """Lock people in the order of their ids, which every change keeps to."""
    rows = await tx.fetch(PersonRow, _LOCK, (tx.tenant_id, sorted(set(person_ids))))
    return {row.person_id: row for row in rows}


async def save(tx: ScopedTransaction, people: Sequence[PersonRow]) -> None:
    """Write locked people back and mirror them."""
    if not people:
        return
    await tx.execute(
        _SAVE,
        (
            [p.person_id for p in people],
            [_text(p.properties) for p in people],
            [None if p.own_properties is None else _text(p.own_properties) for p in people],
            [_text(sorted(p.hidden_properties)) for p in people],
            [p.is_identified for p in people],
            [p.merged_into for p in people],
            [p.created_at for p in people],
            [p.last_seen_at for p in people],
            tx.tenant_id,
        ),
    )
    await mirror_people(tx, [p.person_id for p in people])


async def mirror_people(tx: ScopedTransaction, person_ids: Iterable[UUID]) -> None:
    """Send people as they are now to the event store."""
    rows = await tx.fetch(_Mirrored, _MIRRORED, (tx.tenant_id, list(person_ids)))
    await mirror(tx, "people", [msgspec.structs.asdict(row) for row in rows])


async def mirror_born(tx: ScopedTransaction, born: Sequence[tuple[BornRow, Seen]]) -> None:
    """Send people just made, without reading them again."""
    await mirror(
        tx,
        "people",
        [
            {
                "person_key": row.own_key,
                "person_id": row.person_id,
                "properties": {},
                "is_identified": not seen.is_anonymous,
                "created_at": seen.first_at,
                "deleted": False,
            }
            for row, seen in born
        ],
    )


async def root_of(tx: ScopedTransaction, person_id: UUID) -> UUID | None:
    """The person this one is merged into, in the end; itself if it stands alone; None: unknown."""
    found: UUID | None = await tx.value(_ROOT, {"tenant": tx.tenant_id, "person": person_id})
    return found


async def get(tx: ScopedTransaction, person_id: UUID) -> Person | None:
    """One person's row as it shows itself."""
    return await tx.fetch_one(Person, _GET, (tx.tenant_id, person_id))


async def list_people(
    tx: ScopedTransaction, wanted: PersonFilter, after: PersonCursor | None, limit: int
) -> list[Person]:
    """People by last sight, newest first."""
    return await tx.fetch(
        Person,
        _SEARCH if wanted.search else _LIST,
        {
            "tenant": tx.tenant_id,
            "search": wanted.search,
            "email": wanted.search.lower(),
            "identified": wanted.identified,
            "seen": after.last_seen_at if after else None,
            "person": after.person_id if after else None,
            "limit": limit,
        },
    )


async def count(tx: ScopedTransaction) -> int:
    """How many people there are."""
    return int(await tx.value(_COUNT, (tx.tenant_id,)))


class _Mirrored(msgspec.Struct):
    person_key: int
    person_id: UUID
    properties: dict[str, Any]
    is_identified: bool
    created_at: datetime
    deleted: bool


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
