"""The writer's loop: ranges of the ingest log into the event store, each event once."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence, Set
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import structlog
from valkey import exceptions
from valkey.asyncio import Valkey

from groundswell.core.db.outbox_drain import Drain
from groundswell.core.errors import UnavailableError
from groundswell.core.metrics import EVENTS_STORED, INGEST_LAG
from groundswell.core.platform import Platform
from groundswell.features.events.adapters.log import STREAM
from groundswell.features.events.logic.apply import Applier
from groundswell.features.events.logic.batch import (
    Batch,
    Entry,
    Item,
    groups_of,
    range_of,
    read_batch,
)
from groundswell.features.events.logic.gate import EventGate
from groundswell.features.events.logic.insert import insert_events
from groundswell.features.events.logic.seen import SeenEvents
from groundswell.features.events.store.ranges import LostShardError, Range, Ranges, hold_shard
from groundswell.features.events.types import EventConsumer

Result = TypeVar("Result")
Checkpoint = Callable[[str], None]

_BATCH_EVENTS = 20_000
_BATCH_BYTES = 24_000_000
_LINGER = 0.2  # seconds a small batch waits for more: every insert is a part to be merged
_WAIT_MS = 300
_PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)
_GROUPS_AT_ONCE = 4
_PURGE_EVERY = 3_600.0

_log = structlog.get_logger(__name__)


def _nothing(_: str) -> None:
    """No checkpoint: only tests stop the writer at named moments."""


class Ingest:
    """One shard's writer. Run it anywhere: it works while it holds the shard's lock."""

    def __init__(
        self,
        platform: Platform,
        consumers: Sequence[EventConsumer],
        checkpoint: Checkpoint = _nothing,
    ) -> None:
        self._platform = platform
        self._log: Valkey = platform.log
        self._checkpoint = checkpoint
        self._seen = SeenEvents(platform.store, platform.settings.dedup_days)
        self._applier = Applier(platform.postgres, consumers, STREAM)
        self._gate = EventGate(self._seen)
        self._drain = Drain(platform.postgres, platform.store, self._gate)
        self._under_way: dict[Range, Set[bytes]] = {}
        self._count = 64

    async def run(self, stop: asyncio.Event) -> None:
        """Store events until ``stop``; engines that are away are waited for."""
        while not stop.is_set():
            try:
                url = self._platform.endpoints.database_system_url
                async with hold_shard(url, STREAM, stop) as ranges:
                    await self._work(ranges, stop)
            except UnavailableError as error:
                if not stop.is_set():
                    _log.warning("writer_waits", reason=error.detail)
                await _sleep(1.0, stop)

    async def _work(self, ranges: Ranges, stop: asyncio.Event) -> None:
        """Prepare a batch while the one before it is being inserted."""
        # Another writer may have stored events while we did not hold the shard.
        self._seen.forget()
        self._under_way.clear()
        loading = asyncio.create_task(self._seen.load())
        tasks = [loading]
        try:
            await self._finish(ranges)
            ready: asyncio.Queue[Batch | None] = asyncio.Queue(maxsize=1)
            tasks += [
                asyncio.create_task(self._drain_forever()),
                asyncio.create_task(self._purge_forever()),
            ]
            work = [
                asyncio.create_task(self._prepare_all(ranges, ready, stop)),
                asyncio.create_task(self._complete_all(ranges, ready)),
            ]
            tasks += work
            await asyncio.gather(*work)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _finish(self, ranges: Ranges) -> None:
        """Complete what a predecessor began, in the order it would have."""
        await _persist(lambda: self._drain.finish("events"))
        for wanted in await ranges.pending():
            _log.info("range_taken_up", first=wanted.first_id, last=wanted.last_id)
            entries = await _persist(partial(self._entries, wanted.first_id, wanted.last_id))
            await self._complete(ranges, await self._prepare(wanted, entries))

    async def _prepare_all(
        self, ranges: Ranges, ready: "asyncio.Queue[Batch | None]", stop: asyncio.Event
    ) -> None:
        last = "0-0"
        while not stop.is_set():
            entries = await _persist(partial(self._next_entries, last))
            if not entries:
                INGEST_LAG.set(0)
                continue
            INGEST_LAG.set(max(0.0, time.time() - _ms_of(entries[0][0]) / 1000))
            wanted = range_of(entries)
            await ranges.fix(wanted)
            self._checkpoint("fixed")
            await ready.put(await self._prepare(wanted, entries))
            last = wanted.last_id
        await ready.put(None)

    async def _complete_all(self, ranges: Ranges, ready: "asyncio.Queue[Batch | None]") -> None:
        while (batch := await ready.get()) is not None:
            async with self._gate:
                await self._complete(ranges, batch)

    async def _next_entries(self, last: str) -> list[Entry]:
        """Entries after ``last``; a few wait a moment for more."""
        entries = await self._entries(f"({last}", "+", self._count)
        if not entries:
            found: Any = await self._log.xread({STREAM: last}, count=1, block=_WAIT_MS)
            if not found:
                return []
        age = time.time() - _ms_of((entries or found[0][1])[0][0]) / 1000
        if len(entries) < self._count and 0 <= age < _LINGER:
            await asyncio.sleep(_LINGER - age)
            entries = await self._entries(f"({last}", "+", self._count)
        self._adapt(entries)
        return entries

    def _adapt(self, entries: Sequence[Entry]) -> None:
        """Read as many entries at once as make a good batch."""
        if entries:
            size = sum(len(fields.get(b"c", b"")) for _, fields in entries) / len(entries)
            fits = _BATCH_BYTES / max(size, 1.0)
            events = _BATCH_EVENTS * 500 / max(size, 1.0)
            self._count = int(max(1, min(fits, events, _BATCH_EVENTS)))

    async def _entries(self, first: str, last: str, count: int | None = None) -> list[Entry]:
        found: list[Entry] = await self._log.xrange(STREAM, first, last, count)
        return found

    async def _prepare(self, wanted: Range, entries: Sequence[Entry]) -> Batch:
        """Decode, drop what is known, apply what is left in PostgreSQL."""
        batch = await _persist(
            lambda: read_batch(wanted, entries, self._seen, self._under_way.values())
        )
        batch.keys = {item.key for item in batch.items}
        self._under_way[wanted] = batch.keys
        batch.items = await self._apply(batch)
        self._checkpoint("applied")
        return batch

    async def _complete(self, ranges: Ranges, batch: Batch) -> None:
        """Insert a batch, remember its events, and let go of its range."""
        kept = await _persist(lambda: self._once(batch.items))
        await _persist(
            lambda: insert_events(self._platform.store, kept, batch.token, self._applier.refuse)
        )
        self._checkpoint("inserted")
        renamed = {_stored_key(i) for i in kept if i.stored_id != i.event.event_id}
        await _persist(lambda: self._seen.add(batch.keys | renamed, f"{batch.token}:seen"))
        self._checkpoint("seen")
        del self._under_way[batch.range]
        await _persist(lambda: self._trim(batch.range))
        self._checkpoint("trimmed")
        await ranges.clear(batch.range)
        EVENTS_STORED.inc(len(kept))

    async def _apply(self, batch: Batch) -> list[Item]:
        limit = asyncio.Semaphore(_GROUPS_AT_ONCE)

        async def one(group: Any) -> list[Item]:
            async with limit:
                return await _persist(lambda: self._applier.apply(group, batch.range.last_id))

        done = await asyncio.gather(*(one(group) for group in groups_of(batch)))
        return sorted((item for part in done for item in part), key=lambda item: item.place)

    async def _once(self, items: Sequence[Item]) -> list[Item]:
        """Drop events that became a thing whose own event is stored already."""
        renamed = {_stored_key(i): i for i in items if i.stored_id != i.event.event_id}
        if not renamed:
            return list(items)
        known = await self._seen.known(renamed.keys())
        kept: dict[bytes, Item] = {}
        for item in items:
            kept.setdefault(_stored_key(item), item)
        return [item for key, item in kept.items() if key not in known]

    async def _trim(self, done: Range) -> None:
        ms, _, number = done.last_id.partition("-")
        await self._log.xtrim(STREAM, minid=f"{ms}-{int(number) + 1}", approximate=False)

    async def _drain_forever(self) -> None:
        pause = 0.25
        while True:
            try:
                moved = await self._drain.run()
                pause = 0.05 if moved else min(1.0, pause * 2)
            except UnavailableError:
                pause = 1.0
            except Exception as error:  # noqa: BLE001 - the outbox waits, the log goes on
                _log.error("outbox_not_carried", exc_info=error)
                pause = 2.0
            await asyncio.sleep(pause)

    async def _purge_forever(self) -> None:
        while True:
            await _persist(self._seen.purge)
            await asyncio.sleep(_PURGE_EVERY)


def _ms_of(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0])


def _stored_key(item: Item) -> bytes:
    return item.chunk.tenant_id + item.stored_id


async def _persist(work: Callable[[], Awaitable[Result]]) -> Result:
    """Do it until it is done: an engine that is away comes back, and nothing is lost meanwhile."""
    attempt = 0
    while True:
        try:
            return await work()
        except LostShardError:
            raise
        except (UnavailableError, exceptions.ValkeyError, OSError) as error:
            _log.warning("writer_retries", attempt=attempt, error=str(error)[:300])
            await asyncio.sleep(_PAUSES[min(attempt, len(_PAUSES) - 1)])
            attempt += 1


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
