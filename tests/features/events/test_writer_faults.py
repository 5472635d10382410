"""One bad row, one bad consumer or a second writer never stops or doubles the others."""

import asyncio
import uuid
from collections.abc import Sequence

import pytest

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.features.events.adapters.log import STREAM, join_chunks
from groundswell.features.events.logic.capture import _encode
from groundswell.features.events.logic.ingest import Ingest
from groundswell.features.events.types import CapturedEvent, Chunk, Consumed, LoggedEvent

from .conftest import wait_until_stored


def sent(event, distinct_id, **more):
    return {"event": event, "distinct_id": distinct_id, "uuid": str(uuid.uuid4()), **more}


async def count(platform, tenant) -> int:
    rows = await platform.store.rows(
        tenant.scope, "select count() from events where tenant_id = {tenant:UUID}"
    )
    return rows[0][0]


async def reasons(platform, tenant) -> list[tuple[str, int]]:
    async with platform.postgres.transaction(tenant.scope) as tx:
        return await tx.rows(
            "select reason, count from refused_events where tenant_id = %s", (tx.tenant_id,)
        )


async def test_rows_that_the_store_refuses_are_found_and_the_others_kept(
    tenant, platform, stored
) -> None:
    """Two poisoned rows among a hundred, past every check of capture."""
    events = []
    for number in range(100):
        raw = b'{"x":1e400}' if number in (17, 60) else b'{"x":1}'
        events.append(LoggedEvent(uuid.uuid4().bytes, "a", "u", 1_790_000_000_000, raw))
    chunk = Chunk(tenant.id.bytes, "k", True, "api", 1_790_000_000_000, False, events)
    await platform.log.xadd(STREAM, {"c": join_chunks([_encode(chunk)])})
    await stored()
    assert await count(platform, tenant) == 98
    assert await reasons(platform, tenant) == [("store", 2)]


async def test_an_entry_that_nobody_wrote_is_passed_over(tenant, platform, send, stored) -> None:
    await platform.log.xadd(STREAM, {"c": b"junk"})
    await platform.log.xadd(STREAM, {"other": b"junk"})
    await send("/api/events", {"events": [sent("a", "u")]}, tenant.secret_key)
    await stored()
    assert await count(platform, tenant) == 1


class Picky:
    """A consumer that can't stand one of its events."""

    names = frozenset({"Odd"})

    def __init__(self) -> None:
        self.took: list[str] = []

    async def consume(self, tx: ScopedTransaction, events: Sequence[CapturedEvent]) -> Consumed:
        if any(event.distinct_id == "bad" for event in events):
            raise ValueError("not this one")
        self.took += [event.distinct_id for event in events]
        await tx.execute("select 1")
        return Consumed()


@pytest.fixture
def picky() -> Picky:
    return Picky()


async def test_an_event_that_a_consumer_chokes_on_is_left_out_alone(
    tenant, platform, send, picky
) -> None:
    events = [sent("Odd", name) for name in ("a", "b", "bad", "c", "d")]
    await send("/api/events", {"events": events}, tenant.secret_key)
    stop = asyncio.Event()
    task = asyncio.create_task(Ingest(platform, [picky]).run(stop))
    await wait_until_stored(platform)
    stop.set()
    await task
    assert await count(platform, tenant) == 4
    assert sorted(set(picky.took)) == ["a", "b", "c", "d"]
    assert await reasons(platform, tenant) == [("store", 1)]


async def test_a_second_writer_waits_and_takes_over(tenant, platform, send) -> None:
    """Two writers at once store each event once; when the first ends the second goes on."""
    stops = [asyncio.Event(), asyncio.Event()]
    tasks = [asyncio.create_task(Ingest(platform, []).run(stop)) for stop in stops]
    for number in range(10):
        batch = [sent("a", f"u{number}") for _ in range(20)]
        await send("/api/events", {"events": batch}, tenant.secret_key)
        if number == 5:
            stops[0].set()
            await tasks[0]
        await asyncio.sleep(0.05)
    await wait_until_stored(platform)
    stops[1].set()
    await tasks[1]
    assert await count(platform, tenant) == 200


async def test_events_are_stored_within_two_seconds_of_their_answer(tenant, platform, send) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(Ingest(platform, []).run(stop))
    await asyncio.sleep(1)
    for number in range(1, 4):
        await send("/api/events", {"events": [sent("a", "u")]}, tenant.secret_key)
        async with asyncio.timeout(2):
            while await count(platform, tenant) < number:
                await asyncio.sleep(0.02)
    stop.set()
    await task
