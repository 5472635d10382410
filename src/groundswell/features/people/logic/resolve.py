"""From distinct ids to people: those that are missing are made, at once and exactly once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.features.people.logic.properties import Layers
from groundswell.features.people.store import ids, people
from groundswell.features.people.types import PropertyChange, Resolved, Seen

SEEN_STEP = timedelta(seconds=60)
"""``last_seen_at`` moves in steps of at least this, sparing a write per batch."""


async def resolve(tx: ScopedTransaction, seen: Mapping[str, Seen]) -> dict[str, Resolved]:
    """Whom each distinct id stands for; missing ids are made, each with a person of its own."""
    if not seen:
        return {}
    found = await ids.find(tx, list(seen))
    missing = {key: seen[key] for key in seen.keys() - found.keys()}
    known = dict(found)
    answer: dict[str, Resolved] = {}
    if missing:
        born = await ids.create(tx, missing)
        await people.mirror_born(tx, [(row, missing[row.distinct_id]) for row in born])
        answer = {row.distinct_id: _born(row, missing[row.distinct_id]) for row in born}
        # What another transaction made meanwhile is committed now, so it is there to be read.
        late = await ids.find(tx, list(missing.keys() - answer.keys()))
        known |= late
    await _refresh(tx, seen, known)
    return answer | {key: _known(row, seen[key]) for key, row in known.items()}


async def _refresh(
    tx: ScopedTransaction, seen: Mapping[str, Seen], known: Mapping[str, ids.IdRow]
) -> None:
    """Remember what is new about ids and people that exist; mostly there is nothing."""
    new_ids = {
        key: seen[key]
        for key, row in known.items()
        if seen[key].first_at < row.first_seen_at
        or (row.is_anonymous and not seen[key].is_anonymous)
        or (seen[key].is_vouched and not row.is_vouched)
    }
    stale = [key for key, row in known.items() if _is_news(row, seen[key])]
    if stale:
        await _see_people(tx, stale, seen, known)
    if new_ids:
        await ids.see_ids(tx, new_ids)


async def _see_people(
    tx: ScopedTransaction,
    stale: Sequence[str],
    seen: Mapping[str, Seen],
    known: Mapping[str, ids.IdRow],
) -> None:
    news: dict[UUID, Seen] = {}
    shown_differs: set[UUID] = set()
    for key in stale:
        row = known[key]
        news[row.person_id] = widest(news.get(row.person_id), seen[key])
        if (not row.is_identified and not seen[key].is_anonymous) or (
            seen[key].first_at < row.created_at
        ):
            shown_differs.add(row.person_id)
    done = await ids.see_people(tx, news)
    if shown_differs & done:
        await people.mirror_people(tx, shown_differs & done)
    # Merged between our reading and our lock: the news belongs to whom they were merged into.
    if moved := [key for key in stale if known[key].person_id not in done]:
        await _see_people(tx, moved, seen, await ids.find(tx, moved))


def _is_news(row: ids.IdRow, seen: Seen) -> bool:
    return (
        (not row.is_identified and not seen.is_anonymous)
        or seen.first_at < row.created_at
        or seen.last_at >= row.last_seen_at + SEEN_STEP
    )


def widest(one: Seen | None, other: Seen) -> Seen:
    """Both sights of one id as one."""
    if one is None:
        return other
    return Seen(
        min(one.first_at, other.first_at),
        max(one.last_at, other.last_at),
        one.is_anonymous and other.is_anonymous,
        one.is_vouched or other.is_vouched,
    )


def _born(row: ids.BornRow, seen: Seen) -> Resolved:
    return Resolved(
        row.distinct_id, row.own_key, row.person_id, row.own_key, {}, not seen.is_anonymous
    )


def _known(row: ids.IdRow, seen: Seen) -> Resolved:
    return Resolved(
        row.distinct_id,
        row.own_key,
        row.person_id,
        row.person_key,
        row.properties,
        row.is_identified or not seen.is_anonymous,
    )


async def set_properties(
    tx: ScopedTransaction, changes: Sequence[PropertyChange]
) -> dict[UUID, dict[str, object]]:
    """Apply changes in the order of their times; returns the properties of each person touched.

    Ids nobody has seen are made first, as named by these changes.
    """
    if not changes:
        return {}
    ordered = sorted(changes, key=lambda change: change.at)
    root_of, locked = await lock_roots(tx, seen_in(ordered))
    layers: dict[UUID, Layers] = {}
    for change in ordered:
        row = locked[root_of[change.distinct_id]]
        layer = layers.setdefault(
            row.person_id, Layers(row.properties, row.own_properties, row.hidden_properties)
        )
        layer.change(change)
    changed = []
    for person_id, layer in layers.items():
        row = locked[person_id]
        if layer.shown != row.properties or layer.own != row.own_properties:
            put(row, layer)
            changed.append(row)
    await people.save(tx, changed)
    return {person_id: layer.shown for person_id, layer in layers.items()}


def put(row: people.PersonRow, layer: Layers) -> None:
    """Write a layer back into its row."""
    row.properties = layer.shown
    row.own_properties = layer.own
    row.hidden_properties = sorted(layer.hidden)


def seen_in(changes: Iterable[PropertyChange]) -> dict[str, Seen]:
    """When the ids of these changes were seen."""
    seen: dict[str, Seen] = {}
    for change in changes:
        seen[change.distinct_id] = widest(seen.get(change.distinct_id), Seen(change.at, change.at))
    return seen


async def lock_roots(
    tx: ScopedTransaction, seen: Mapping[str, Seen]
) -> tuple[dict[str, UUID], dict[UUID, people.PersonRow]]:
    """Lock the people behind ids; who was merged while we waited is followed to the new root."""
    resolved = await resolve(tx, seen)
    root_of = {key: found.person_id for key, found in resolved.items()}
    locked: dict[UUID, people.PersonRow] = {}
    while wanted := set(root_of.values()) - locked.keys():
        rows = await people.lock(tx, wanted)
        locked |= {key: row for key, row in rows.items() if row.merged_into is None}
        moved = [key for key, person in root_of.items() if person not in locked]
        if moved:
            found = await ids.find(tx, moved)
            root_of |= {key: found[key].person_id for key in moved}
    return root_of, locked
