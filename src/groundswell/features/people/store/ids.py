"""Distinct ids: finding them, creating them with a person each, remembering what was seen."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.ids import new_id
from groundswell.features.people.types import DistinctId, Seen


class IdRow(msgspec.Struct):
    """A distinct id with the person it belongs to now."""

    distinct_id: str
    own_key: int
    is_anonymous: bool
    is_vouched: bool
    first_seen_at: datetime
    person_id: UUID
    person_key: int
    properties: dict[str, Any]
    is_identified: bool
    created_at: datetime
    last_seen_at: datetime


class BornRow(msgspec.Struct):
    """A distinct id just created."""

    distinct_id: str
    own_key: int
    person_id: UUID


_FIND = """
select d.distinct_id, d.own_key, d.is_anonymous, d.is_vouched, d.first_seen_at, p.person_id,
       p.person_key, p.properties, p.is_identified, p.created_at, p.last_seen_at
from distinct_ids d
join people p on p.tenant_id = d.tenant_id and p.person_id = d.person_id
where d.tenant_id = %s and d.distinct_id = any(%s)
"""

# The foreign key is checked when the whole statement ends, so the person may come second.
_CREATE = """
with given as materialized (
  select * from unnest(%(ids)s::text[], %(people)s::uuid[], %(first)s::timestamptz[],
                       %(last)s::timestamptz[], %(anonymous)s::boolean[],
                       %(vouched)s::boolean[])
    as t(distinct_id, person_id, first_at, last_at, is_anonymous, is_vouched)
), fresh as (
  insert into distinct_ids
    (tenant_id, distinct_id, own_key, person_id, born_person_id, is_anonymous, is_vouched,
     first_seen_at)
  select %(tenant)s, distinct_id, nextval('person_key_sequence'), person_id, person_id,
         is_anonymous, is_vouched, first_at
  from given order by distinct_id collate "C"
  on conflict do nothing
  returning distinct_id, own_key, person_id
), born as (
  insert into people (tenant_id, person_id, person_key, is_identified, created_at, last_seen_at)
  select %(tenant)s, f.person_id, f.own_key, not g.is_anonymous, g.first_at, g.last_at
  from fresh f join given g using (distinct_id)
)
select distinct_id, own_key, person_id from fresh
"""

_SEE_IDS = """
update distinct_ids d
set is_anonymous = d.is_anonymous and g.is_anonymous,
    is_vouched = d.is_vouched or g.is_vouched,
    first_seen_at = least(d.first_seen_at, g.first_at)
from unnest(%(ids)s::text[], %(anonymous)s::boolean[], %(vouched)s::boolean[],
            %(first)s::timestamptz[]) as g(distinct_id, is_anonymous, is_vouched, first_at),
     (select distinct_id from distinct_ids
      where tenant_id = %(tenant)s and distinct_id = any(%(ids)s)
      order by distinct_id for no key update) locked
where d.tenant_id = %(tenant)s and d.distinct_id = g.distinct_id
  and locked.distinct_id = d.distinct_id
"""

_SEE_PEOPLE = """
update people p
set is_identified = p.is_identified or g.identified,
    created_at = least(p.created_at, g.first_at),
    last_seen_at = greatest(p.last_seen_at, g.last_at)
from unnest(%(people)s::uuid[], %(identified)s::boolean[], %(first)s::timestamptz[],
            %(last)s::timestamptz[]) as g(person_id, identified, first_at, last_at),
     (select person_id from people
      where tenant_id = %(tenant)s and person_id = any(%(people)s) and merged_into is null
      order by person_id for no key update) locked
where p.tenant_id = %(tenant)s and p.person_id = g.person_id and locked.person_id = p.person_id
returning p.person_id
"""

_OF_EACH = """
select p.person_id, d.distinct_id, d.own_key, d.is_anonymous, d.first_seen_at
from unnest(%s::uuid[]) as p(person_id)
cross join lateral (
  select distinct_id, own_key, is_anonymous, first_seen_at from distinct_ids
  where tenant_id = %s and person_id = p.person_id
  order by first_seen_at, distinct_id limit %s
) d
"""

_VOUCHED = """
select distinct person_id from distinct_ids
where tenant_id = %s and person_id = any(%s) and is_vouched
"""

_OF_PERSON = """
select distinct_id, own_key, is_anonymous, first_seen_at from distinct_ids
where tenant_id = %s and person_id = any(%s) order by first_seen_at, distinct_id limit %s
"""


async def find(tx: ScopedTransaction, distinct_ids: Sequence[str]) -> dict[str, IdRow]:
    """The ids that exist."""
    rows = await tx.fetch(IdRow, _FIND, (tx.tenant_id, list(distinct_ids)))
    return {row.distinct_id: row for row in rows}


async def create(tx: ScopedTransaction, seen: Mapping[str, Seen]) -> list[BornRow]:
    """Create ids with a person each; those that another transaction made first are left out."""
    ids = sorted(seen)
    return await tx.fetch(
        BornRow,
        _CREATE,
        {
            "tenant": tx.tenant_id,
            "ids": ids,
            "people": [new_id() for _ in ids],
            "first": [seen[i].first_at for i in ids],
            "last": [seen[i].last_at for i in ids],
            "anonymous": [seen[i].is_anonymous for i in ids],
            "vouched": [seen[i].is_vouched for i in ids],
        },
    )


async def see_ids(tx: ScopedTransaction, seen: Mapping[str, Seen]) -> None:
    """Remember an earlier first sight, and that an id names somebody."""
    ids = sorted(seen)
    await tx.execute(
        _SEE_IDS,
        {
            "tenant": tx.tenant_id,
            "ids": ids,
            "anonymous": [seen[i].is_anonymous for i in ids],
            "vouched": [seen[i].is_vouched for i in ids],
            "first": [seen[i].first_at for i in ids],
        },
    )


async def see_people(tx: ScopedTransaction, seen: Mapping[UUID, Seen]) -> set[UUID]:
    """Widen what people show of when they were seen; returns those still on their own."""
    people = sorted(seen)
    return set(
        await tx.values(
            _SEE_PEOPLE,
            {
                "tenant": tx.tenant_id,
                "people": people,
                "identified": [not seen[p].is_anonymous for p in people],
                "first": [seen[p].first_at for p in people],
                "last": [seen[p].last_at for p in people],
            },
        )
    )


async def of_each(
    tx: ScopedTransaction, person_ids: Sequence[UUID], each: int = 100
) -> dict[UUID, list[DistinctId]]:
    """Up to ``each`` ids of every person, oldest first."""
    rows = await tx.rows(_OF_EACH, (list(person_ids), tx.tenant_id, each))
    found: dict[UUID, list[DistinctId]] = {}
    for person_id, *values in rows:
        found.setdefault(person_id, []).append(DistinctId(*values))
    return found


async def vouched(tx: ScopedTransaction, person_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these people have an id that a trusted caller vouched for."""
    return set(await tx.values(_VOUCHED, (tx.tenant_id, list(person_ids))))


async def of_people(
    tx: ScopedTransaction, person_ids: Sequence[UUID], limit: int = 10_000
) -> list[DistinctId]:
    """The ids of people, oldest first."""
    return await tx.fetch(DistinctId, _OF_PERSON, (tx.tenant_id, list(person_ids), limit))
