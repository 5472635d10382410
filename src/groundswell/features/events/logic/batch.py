"""A batch: the entries of one range, decoded, each event once."""

import hashlib
from collections.abc import Iterable, Sequence, Set
from uuid import UUID

import msgspec
import structlog

from groundswell.core.metrics import EVENTS_REPEATED
from groundswell.features.events.logic.seen import SeenEvents
from groundswell.features.events.store.ranges import Range
from groundswell.features.events.types import Chunk, LoggedEvent

_decode = msgspec.msgpack.Decoder(list[Chunk]).decode
_log = structlog.get_logger(__name__)

Entry = tuple[bytes, dict[bytes, bytes]]
"""An entry of the log: its id and fields."""


class Item(msgspec.Struct, gc=False):
    """One event of a batch. ``place`` is its number in the range, whatever else is dropped."""

    place: int
    chunk: Chunk
    event: LoggedEvent
    key: bytes
    stored_id: bytes
    person_key: int = 0
    person_properties: bytes = b"{}"


class Batch(msgspec.Struct):
    """The events of a range that are not stored yet. ``token`` is of the range and its bytes."""

    range: Range
    token: str
    items: list[Item]
    keys: Set[bytes] = frozenset()


class Group(msgspec.Struct):
    """Events of one tenant that are applied in one transaction."""

    tenant_id: UUID
    is_trusted: bool
    items: list[Item]


def token_of(wanted: Range, entries: Sequence[Entry]) -> str:
    """The deduplication token: the same range with the same bytes, or another token."""
    digest = hashlib.blake2b(f"{wanted.first_id} {wanted.last_id}".encode(), digest_size=20)
    for entry_id, fields in entries:
        digest.update(entry_id)
        digest.update(fields.get(b"c", b""))
    return digest.hexdigest()


def range_of(entries: Sequence[Entry]) -> Range:
    """The range that holds exactly these entries."""
    return Range(entries[0][0].decode(), entries[-1][0].decode())


async def read_batch(
    wanted: Range, entries: Sequence[Entry], seen: SeenEvents, under_way: Iterable[Set[bytes]] = ()
) -> Batch:
    """The batch of a range: repeated events are dropped, the first of each uuid stays.

    ``under_way``: keys of the batches before this one that are not in ``seen`` yet.
    """
    items = _items(entries)
    first: dict[bytes, Item] = {}
    for item in items:
        first.setdefault(item.key, item)
    known = await seen.known(first.keys())
    for keys in under_way:
        known |= keys & first.keys()
    kept = [item for item in first.values() if item.key not in known]
    if len(kept) < len(items):
        EVENTS_REPEATED.inc(len(items) - len(kept))
    return Batch(wanted, token_of(wanted, entries), kept)


def _items(entries: Sequence[Entry]) -> list[Item]:
    items: list[Item] = []
    for entry_id, fields in entries:
        try:
            chunks = _decode(fields[b"c"])
        except (KeyError, msgspec.MsgspecError):
            # Not written by capture: nobody was promised anything about it.
            _log.error("foreign_log_entry", entry=entry_id.decode())
            continue
        for chunk in chunks:
            tenant_id = chunk.tenant_id
            for event in chunk.events:
                event_id = event.event_id
                items.append(Item(len(items), chunk, event, tenant_id + event_id, event_id))
    return items


def groups_of(batch: Batch) -> list[Group]:
    """The batch by tenant and trust, each in order of arrival."""
    found: dict[tuple[bytes, bool], Group] = {}
    for item in batch.items:
        key = (item.chunk.tenant_id, item.chunk.is_trusted)
        group = found.get(key)
        if group is None:
            group = found[key] = Group(UUID(bytes=key[0]), key[1], [])
        group.items.append(item)
    return list(found.values())
