"""Two people become one, and two again."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from groundswell.core.audit import audit
from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.errors import FieldError, InvalidError, NotFoundError
from groundswell.core.ids import new_id
from groundswell.core.signals import emit, emit_many
from groundswell.core.tenancy.scope import ActorKind
from groundswell.features.people.logic.properties import Layers
from groundswell.features.people.logic.resolve import lock_roots, put, widest
from groundswell.features.people.store import ids, merges, people
from groundswell.features.people.types import (
    Link,
    Linked,
    LinkKind,
    Merge,
    Outcome,
    Seen,
)


class _Forest:
    """Locked people that are merged in memory first and written at once."""

    def __init__(self, locked: dict[UUID, people.PersonRow], vouched: Iterable[UUID] = ()) -> None:
        self.people = locked
        self.vouched = set(vouched)
        self.made: list[tuple[UUID, UUID, UUID]] = []
        self.named: dict[str, Seen] = {}
        self._changed: set[UUID] = set()

    def root(self, person_id: UUID) -> people.PersonRow:
        row = self.people[person_id]
        while row.merged_into is not None:
            row = self.people[row.merged_into]
        return row

    def name(self, row: people.PersonRow, distinct_id: str, at: datetime) -> None:
        """An id is somebody's name, and so its person is identified."""
        self.named[distinct_id] = Seen(at, at, is_anonymous=False)
        if not row.is_identified:
            row.is_identified = True
            self._changed.add(row.person_id)

    def join(self, winner: people.PersonRow, loser: people.PersonRow) -> UUID:
        """Merge one root into another; returns the merge's id."""
        layer = Layers(winner.properties, winner.own_properties, winner.hidden_properties)
        layer.take_in(loser.properties)
        put(winner, layer)
        winner.is_identified = winner.is_identified or loser.is_identified
        winner.created_at = min(winner.created_at, loser.created_at)
        winner.last_seen_at = max(winner.last_seen_at, loser.last_seen_at)
        loser.merged_into = winner.person_id
        if loser.person_id in self.vouched:
            self.vouched.add(winner.person_id)
        merge_id = new_id()
        self.made.append((merge_id, winner.person_id, loser.person_id))
        self._changed |= {winner.person_id, loser.person_id}
        return merge_id

    async def write(self, tx: ScopedTransaction, reason: str) -> None:
        """Write people, the log, the re-pointed ids, audit and signals."""
        await people.save(tx, [self.people[p] for p in sorted(self._changed)])
        if self.named:
            await ids.see_ids(tx, self.named)
        if not self.made:
            return
        await merges.insert(tx, reason, self.made)
        losers = [loser for _, _, loser in self.made]
        await merges.repoint(tx, {loser: self.root(loser).person_id for loser in losers})
        facts = [_fact(*merge) for merge in self.made]
        await emit_many(tx, "person.merged", facts)
        if tx.scope.actor.kind is not ActorKind.SYSTEM:
            for fact in facts:
                await audit(tx, "person.merged", "person", fact["winner_id"], fact)


def _fact(merge_id: UUID, winner_id: UUID, loser_id: UUID) -> dict[str, str]:
    return {"merge_id": str(merge_id), "winner_id": str(winner_id), "loser_id": str(loser_id)}


async def link(tx: ScopedTransaction, links: Sequence[Link]) -> list[Linked]:
    """Apply identify and alias events in the order of their times; answers in the order given.

    A person nobody has identified is merged into the other; two identified people stay two, and
    an untrusted link takes away nobody a trusted caller sold to.
    """
    if not links:
        return []
    root_of, locked = await lock_roots(tx, _seen(links))
    is_all_trusted = tx.scope.trusted and all(each.is_trusted for each in links)
    forest = _Forest(locked, () if is_all_trusted else await ids.vouched(tx, list(locked)))
    answers: dict[int, Linked] = {}
    for index in sorted(range(len(links)), key=lambda i: links[i].at):
        answers[index] = _apply(forest, root_of, links[index], trusted=tx.scope.trusted)
    await forest.write(tx, "identified")
    return [answers[index] for index in range(len(links))]


def _apply(forest: _Forest, root_of: dict[str, UUID], link: Link, *, trusted: bool) -> Linked:
    named = forest.root(root_of[link.distinct_id])
    other = forest.root(root_of[link.anonymous_id])
    name = link.distinct_id
    if link.kind is LinkKind.ALIAS and other.is_identified and not named.is_identified:
        named, other, name = other, named, link.anonymous_id
    stolen = other.person_id in forest.vouched and not (trusted and link.is_trusted)
    refused = named is not other and (other.is_identified or stolen)
    if not (refused and link.kind is LinkKind.ALIAS):
        forest.name(named, name, link.at)
    if refused:
        return Linked(Outcome.REFUSED, named.person_id)
    if named is other:
        return Linked(Outcome.ALREADY, named.person_id)
    return Linked(Outcome.MERGED, named.person_id, forest.join(named, other))


def _seen(links: Sequence[Link]) -> dict[str, Seen]:
    # Who is identified is decided link by link, in order: a later one must not count before.
    seen: dict[str, Seen] = {}
    for each in links:
        for key in (each.anonymous_id, each.distinct_id):
            seen[key] = widest(seen.get(key), Seen(each.at, each.at))
    return seen


async def merge(
    tx: ScopedTransaction, winner_id: UUID, loser_id: UUID, reason: str
) -> tuple[Linked, UUID]:
    """Merge two people on somebody's word; returns what became of it and the person left.

    Raises:
        NotFoundError: one of them does not exist.
        InvalidError: a person can't be merged with itself.
    """
    if winner_id == loser_id:
        why = "is the same person"
        raise InvalidError("Name two people.", errors=[FieldError("person_id", why)])
    locked = await _lock_pair(tx, winner_id, loser_id)
    forest = _Forest(locked)
    roots = [person for person in locked.values() if person.merged_into is None]
    winner = forest.root(await _root(tx, winner_id))
    if len(roots) == 1:
        return Linked(Outcome.ALREADY, winner.person_id), winner.person_id
    loser = next(person for person in roots if person is not winner)
    merge_id = forest.join(winner, loser)
    await forest.write(tx, reason)
    return Linked(Outcome.MERGED, winner.person_id, merge_id), winner.person_id


async def _root(tx: ScopedTransaction, person_id: UUID) -> UUID:
    root = await people.root_of(tx, person_id)
    if root is None:
        raise NotFoundError("There is no such person.")
    return root


async def _lock_pair(tx: ScopedTransaction, one: UUID, other: UUID) -> dict[UUID, people.PersonRow]:
    """Lock both roots; if one was merged while we waited, its new root too."""
    while True:
        roots = {await _root(tx, one), await _root(tx, other)}
        locked = await people.lock(tx, roots)
        if all(row.merged_into is None for row in locked.values()):
            return locked


async def unmerge(tx: ScopedTransaction, merge_id: UUID) -> Merge:
    """Take a merge back, exactly, also when others were made or taken back since.

    Taking it back again changes nothing. Raises NotFoundError for an unknown merge.
    """
    found = await _get(tx, merge_id)
    if found.undone_at is not None:
        return found
    path = await _lock_path(tx, found.loser_id)
    found = await _get(tx, merge_id)
    if found.undone_at is not None:
        return found
    loser = path[0]
    loser.merged_into = None
    await merges.set_undone(tx, merge_id)
    await people.save(tx, [loser])
    for row in path[1:]:
        layer = Layers(row.properties, row.own_properties, row.hidden_properties)
        layer.rebuild(await merges.merged_properties(tx, row.person_id))
        put(row, layer)
        await people.save(tx, [row])
    await merges.repoint_born(tx, await merges.subtree(tx, loser.person_id), loser.person_id)
    await _restore_facts(tx, [loser, path[-1]])
    fact = _fact(merge_id, found.winner_id, found.loser_id)
    await emit(tx, "person.unmerged", fact)
    await audit(tx, "person.unmerged", "person", found.winner_id, fact)
    return await _get(tx, merge_id)


async def _get(tx: ScopedTransaction, merge_id: UUID) -> Merge:
    found = await merges.get(tx, merge_id)
    if found is None:
        raise NotFoundError("There is no such merge.")
    return found


async def _lock_path(tx: ScopedTransaction, person_id: UUID) -> list[people.PersonRow]:
    """Lock a person and all above it; the path may have changed while we waited."""
    while True:
        path = await merges.path(tx, person_id)
        locked = await people.lock(tx, path)
        if await merges.path(tx, person_id) == path:
            return [locked[person] for person in path]


async def _restore_facts(tx: ScopedTransaction, roots: Sequence[people.PersonRow]) -> None:
    for row in roots:
        facts = await merges.facts(tx, row.person_id)
        row.is_identified = facts.has_name
        row.created_at = facts.first_seen_at
    await people.save(tx, roots)
