"""What a batch does in PostgreSQL: people, their properties, and what other features make of it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog

from groundswell.core.db.postgres import Postgres, ScopedTransaction
from groundswell.core.errors import UnavailableError
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Actor, ActorKind, Scope
from groundswell.features.events.logic.batch import Group, Item
from groundswell.features.events.store import applied, refusals
from groundswell.features.events.types import (
    CapturedEvent,
    CountedRefusal,
    EventConsumer,
    Reason,
)
from groundswell.features.people import api as people
from groundswell.features.people.types import (
    Link,
    LinkKind,
    Outcome,
    PropertyChange,
    Resolved,
    Seen,
)

_IDENTIFY = frozenset({"$identify", "identify"})
_MERGE = "$merge_dangerously"
_EVERYTHING = frozenset(Permission)
_WRITER = Actor(ActorKind.SYSTEM, "writer")

_encode = msgspec.json.encode
_log = structlog.get_logger(__name__)


class Applier:
    """Applies groups of events; what was applied before a crash is not applied again."""

    def __init__(self, postgres: Postgres, consumers: Sequence[EventConsumer], shard: str) -> None:
        self._postgres = postgres
        self._consumers = consumers
        self._shard = shard

    async def apply(self, group: Group, last_id: str) -> list[Item]:
        """Apply a group; returns the events to be stored, with their people.

        An event that can't be applied is counted as refused and left out; it does not hold up
        the others.

        Raises:
            UnavailableError: PostgreSQL is away; nothing of the group was done.
        """
        try:
            return await self._apply_whole(group, last_id)
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - one event's surprise must not stop the shard
            _log.error(
                "group_not_applied",
                tenant=str(group.tenant_id),
                events=len(group.items),
                exc_info=error,
            )
            if len(group.items) == 1:
                await self.refuse(group.items[0], f"{type(error).__name__}: {error}")
                return []
        half = len(group.items) // 2
        kept: list[Item] = []
        for part in (group.items[:half], group.items[half:]):
            kept += await self.apply(Group(group.tenant_id, group.is_trusted, part), last_id)
        return kept

    async def _apply_whole(self, group: Group, last_id: str) -> list[Item]:
        part = f"{group.items[0].place}-{group.items[-1].place} {group.is_trusted}"
        async with self._postgres.transaction(_scope_of(group)) as tx:
            if not await applied.tenant_exists(tx):
                _log.warning("events_of_no_tenant", tenant=str(tx.tenant_id))
                return []
            event_ids = await applied.find(tx, self._shard, last_id, part)
            seen = _seen(group.items)
            resolved = await people.resolve(tx, seen)
            if event_ids is None:
                joined = await _join_people(tx, group.items)
                changes = _put_people(group.items, resolved, joined)
                await people.set_properties(tx, changes)
                if joined:
                    resolved = await people.resolve(tx, seen)
                event_ids = await self._consume(tx, group.items, resolved)
                await applied.record(tx, self._shard, last_id, part, event_ids)
            else:
                _put_people(group.items, resolved, set())
        for item in group.items if event_ids else ():
            other = event_ids.get(UUID(bytes=item.event.event_id))
            if other is not None:
                item.stored_id = other.bytes
        return group.items

    async def _consume(
        self, tx: ScopedTransaction, items: Sequence[Item], resolved: dict[str, Resolved]
    ) -> dict[UUID, UUID]:
        event_ids: dict[UUID, UUID] = {}
        for consumer in self._consumers:
            wanted = [
                item
                for item in items
                if item.event.event in consumer.names and item.event.distinct_id in resolved
            ]
            if not wanted:
                continue
            made = await consumer.consume(tx, [_captured(item, resolved) for item in wanted])
            event_ids.update(made.event_ids)
            if made.problems:
                rows = [
                    CountedRefusal(
                        tx.tenant_id, Reason.ORDER.value, p.field[:100], "writer", 1, p.reason[:300]
                    )
                    for p in made.problems
                ]
                await refusals.count(tx, rows)
        return event_ids

    async def refuse(self, item: Item, why: str) -> None:
        """Count an event that no engine takes, so that its tenant can see it."""
        tenant_id = UUID(bytes=item.chunk.tenant_id)
        sample = f"event={item.event.event[:80]!r} {why[:200]}".replace("\x00", "�")
        row = CountedRefusal(tenant_id, Reason.STORE.value, "", item.chunk.source, 1, sample)
        group = Group(tenant_id, item.chunk.is_trusted, [item])
        async with self._postgres.transaction(_scope_of(group)) as tx:
            await refusals.count(tx, [row])


def _scope_of(group: Group) -> Scope:
    return Scope(group.tenant_id, _WRITER, _EVERYTHING, trusted=group.is_trusted)


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


async def _join_people(tx: ScopedTransaction, items: Iterable[Item]) -> set[int]:
    """Identify, alias and merge; returns the places of the events that joined two people."""
    links: list[Link] = []
    places: list[int] = []
    joined: set[int] = set()
    for item in items:
        event = item.event
        if event.other_id is None:
            continue
        if event.event == _MERGE:
            if await _merge(tx, item, event.other_id):
                joined.add(item.place)
            continue
        kind = LinkKind.IDENTIFY if event.event in _IDENTIFY else LinkKind.ALIAS
        links.append(Link(event.other_id, event.distinct_id, _moment(event.at_ms), kind))
        places.append(item.place)
    for place, linked in zip(places, await people.link(tx, links), strict=True):
        if linked.outcome is Outcome.MERGED:
            joined.add(place)
    return joined


async def _merge(tx: ScopedTransaction, item: Item, other_id: str) -> bool:
    """Join two people even when both are identified: the word of a secret key only."""
    if not tx.scope.trusted:
        return False
    at = _moment(item.event.at_ms)
    winner, loser = item.event.distinct_id, other_id
    found = await people.resolve(tx, {winner: Seen(at, at), loser: Seen(at, at)})
    one, other = found[winner].person_id, found[loser].person_id
    if one != other:
        await people.merge(tx, one, other, "merge event")
    return one != other


def _seen(items: Iterable[Item]) -> dict[str, Seen]:
    spans: dict[str, tuple[int, int, bool]] = {}
    for item in items:
        event = item.event
        if event.is_personless:
            continue
        at = event.at_ms
        old = spans.get(event.distinct_id)
        if old is None:
            spans[event.distinct_id] = (at, at, not event.is_identified)
        elif at < old[0] or at > old[1] or (event.is_identified and old[2]):
            is_anonymous = old[2] and not event.is_identified
            spans[event.distinct_id] = (min(at, old[0]), max(at, old[1]), is_anonymous)
        if event.other_id is not None:
            spans.setdefault(event.other_id, (at, at, True))
    return {
        key: Seen(_moment(first), _moment(last), is_anonymous)
        for key, (first, last, is_anonymous) in spans.items()
    }


class _Then:
    """The properties of people as a batch goes by, before anything of it is written."""

    def __init__(self, resolved: Mapping[str, Resolved]) -> None:
        self._resolved = resolved
        self._shown: dict[UUID, dict[str, Any]] = {}
        self._texts: dict[UUID, bytes] = {}
        self._into: dict[UUID, UUID] = {}

    def _person(self, distinct_id: str) -> UUID | None:
        who = self._resolved.get(distinct_id)
        person_id = who.person_id if who else None
        while person_id in self._into:
            person_id = self._into[person_id]
        return person_id

    def _properties(self, person_id: UUID, distinct_id: str) -> dict[str, Any]:
        return self._shown.get(person_id, self._resolved[distinct_id].properties)

    def join(self, distinct_id: str, other_id: str) -> None:
        """Two people are one from here on."""
        one, other = self._person(distinct_id), self._person(other_id)
        if one is None or other is None or one == other:
            return
        of_other = self._properties(other, other_id)
        self._shown[one] = {**of_other, **self._properties(one, distinct_id)}
        self._texts.pop(one, None)
        self._into[other] = one

    def change(self, change: PropertyChange) -> None:
        """Apply a change."""
        person_id = self._person(change.distinct_id)
        if person_id is not None:
            before = self._properties(person_id, change.distinct_id)
            self._shown[person_id] = people.properties_after(before, [change])
            self._texts.pop(person_id, None)

    def text(self, distinct_id: str) -> bytes:
        """JSON of the properties at this point."""
        person_id = self._person(distinct_id)
        assert person_id is not None
        text = self._texts.get(person_id)
        if text is None:
            text = self._texts[person_id] = _encode(self._properties(person_id, distinct_id))
        return text


def _put_people(
    items: Iterable[Item], resolved: Mapping[str, Resolved], joined: Collection[int]
) -> list[PropertyChange]:
    """Give each event its person's key and the properties the person had then."""
    then = _Then(resolved)
    changes: list[PropertyChange] = []
    for item in items:
        event = item.event
        if event.is_personless:
            continue
        item.person_key = resolved[event.distinct_id].own_key
        if item.place in joined and event.other_id is not None:
            then.join(event.distinct_id, event.other_id)
        if event.change is not None:
            changes.append(_change(item))
            then.change(changes[-1])
        item.person_properties = then.text(event.distinct_id)
    return changes


def _change(item: Item) -> PropertyChange:
    event = item.event
    said = msgspec.json.decode(event.change or b"{}")
    return PropertyChange(
        event.distinct_id,
        _moment(event.at_ms),
        set=said.get("set", {}),
        set_once=said.get("set_once", {}),
        unset=tuple(said.get("unset", ())),
    )


def _captured(item: Item, resolved: dict[str, Resolved]) -> CapturedEvent:
    event = item.event
    chunk = item.chunk
    return CapturedEvent(
        event_id=UUID(bytes=event.event_id),
        event=event.event,
        distinct_id=event.distinct_id,
        at=_moment(event.at_ms),
        received_at=_moment(chunk.received_ms),
        properties=msgspec.json.decode(event.properties),
        source=chunk.source,
        is_trusted=chunk.is_trusted,
        is_historical=chunk.is_historical,
        person=resolved[event.distinct_id],
    )
