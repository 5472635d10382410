"""Every acknowledged event is in the store exactly once, whatever is killed when."""

import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from groundswell.core.config import load_settings
from groundswell.core.db.migrations import migrate
from groundswell.core.db.outbox import mirror
from groundswell.core.engines.embedded import engines
from groundswell.core.platform import Platform, encryption_of, open_platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Actor, ActorKind, Scope
from groundswell.features.access.api import create_key, create_tenant
from groundswell.features.events.api import capture_doors

from .conftest import Sender, running_writer, wait_until_stored

POINTS = ("fixed", "applied", "inserted", "seen", "trimmed")
SCRIPT = Path(__file__).with_name("writer_process.py")


class Shop:
    """An installation of its own whose processes may be killed, with one sending tenant."""

    def __init__(self, home: Path, platform: Platform, send: Sender, scope: Scope, key: str):
        self.home = home
        self.platform = platform
        self.send = send
        self.scope = scope
        self.key = key
        self.acknowledged: set[str] = set()
        self.sending = True

    async def load(self, size: int, again: float = 0.1) -> None:
        """Send batches until told to stop, each until it is acknowledged, some of them twice."""
        chance = random.Random(size)
        old: list[dict[str, object]] = []
        while self.sending:
            batch = [event(chance) for _ in range(size)]
            if old and chance.random() < again:
                batch += chance.sample(old, min(3, len(old)))
            while True:
                answer = await self.send("/api/events", {"events": batch}, self.key)
                if answer.status == 202:
                    break
                assert answer.status == 503, answer.body
                assert int(answer.headers["retry-after"]) >= 1
                await asyncio.sleep(0.02)
            assert answer.json["accepted"] == len(batch)
            self.acknowledged |= {str(e["uuid"]) for e in batch}
            old = (old + batch)[-200:]
            await asyncio.sleep(chance.random() * 0.02)

    async def writer(self, point: str = "-", number: int = 0) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, str(SCRIPT), str(self.home), point, str(number),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

    def kill(self, name: str) -> None:
        """SIGKILL to an engine; its supervisor starts it again."""
        status = json.loads((self.home / "run" / "status.json").read_bytes())
        pid = next(p["pid"] for p in status["programs"] if p["name"] == name)
        if pid:
            os.kill(pid, signal.SIGKILL)

    async def counts(self) -> Counter[str]:
        rows = await self.platform.store.system_rows(
            "select toString(event_id), count() from events group by event_id"
        )
        return Counter(dict(rows))


def event(chance: random.Random) -> dict[str, object]:
    """An event of one of few people; some change or join them."""
    kind = chance.random()
    body: dict[str, object] = {
        "event": "Product Viewed",
        "uuid": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        "distinct_id": f"p{chance.randrange(50)}",
        "properties": {"price": chance.randrange(1000), "name": "Ünïcode \u2028"},
    }
    if kind < 0.05:
        body |= {
            "event": "$identify",
            "properties": {"$anon_distinct_id": f"a{chance.randrange(99)}"},
        }
    elif kind < 0.1:
        body["properties"] = {"$set": {"plan": chance.choice(["free", "pro"])}}
    elif kind < 0.15:
        order = {"order_id": f"o{chance.randrange(500)}", "total": 10, "currency": "USD"}
        body |= {"event": "Order Completed", "properties": order}
    return body


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    with tempfile.TemporaryDirectory(prefix="gs-once-") as folder:
        home = Path(folder) / "home"
        settings = load_settings(home=home, port=0, cron_secret="test")
        async with AsyncExitStack() as stack:
            made = await stack.enter_async_context(engines(settings))
            await migrate(made.database_owner_url, made.clickhouse_url)
            platform = await stack.enter_async_context(
                open_platform(settings, made, encryption_of(settings))
            )
            await platform.directory.start()
            tenant_id = await create_tenant(platform, slug="shop", name="Shop")
            scope = Scope(tenant_id, Actor(ActorKind.SYSTEM, "test"), frozenset(Permission))
            key = await create_key(platform, scope, kind="secret", name="Server")
            await platform.directory.refresh()
            doors = await stack.enter_async_context(capture_doors(platform))
            yield Shop(home, platform, Sender(doors), scope, key.secret)


async def settle(shop: Shop, loads: list[asyncio.Task[None]]) -> None:
    shop.sending = False
    await asyncio.gather(*loads)
    async with running_writer(shop.platform):
        await wait_until_stored(shop.platform, 60)


async def check(shop: Shop) -> None:
    """What was acknowledged is there once; orders have one event, under their own id."""
    counts = await shop.counts()
    doubled = {key: n for key, n in counts.items() if n != 1}
    assert not doubled
    rows = await shop.platform.store.system_rows(
        "select toString(event_id) from events where event = 'Order Completed'"
    )
    orders = {row[0] for row in rows}
    async with shop.platform.postgres.transaction(shop.scope) as tx:
        placed = await tx.value("select count(*) from orders where tenant_id = %s", (tx.tenant_id,))
        left = await tx.value("select count(*) from ingest_applied")
    assert len(orders) == placed > 0
    assert left == 0
    plain = set(counts) - orders
    lost = shop.acknowledged - plain
    # All that is not stored under its own id is an order's event, stored under the order's.
    assert plain <= shop.acknowledged
    assert len(lost) < len(shop.acknowledged) * 0.12
    seen = await shop.platform.store.system_rows("select toString(event_id) from seen_events")
    assert shop.acknowledged <= {row[0] for row in seen}


@pytest.mark.timeout(180)
async def test_writer_killed_at_every_point_of_a_batch(shop: Shop) -> None:
    """SIGKILL between fixing, applying, inserting, remembering, trimming and clearing."""
    loads = [asyncio.create_task(shop.load(size)) for size in (1, 5, 60)]
    for point in POINTS:
        for number in (1, 2):
            writer = await shop.writer(point, number)
            assert await asyncio.wait_for(writer.wait(), 20) == -signal.SIGKILL
    await settle(shop, loads)
    await check(shop)


@pytest.mark.timeout(180)
async def test_writer_log_store_and_postgres_killed_at_random(shop: Shop) -> None:
    """SIGKILL to anything at any moment, while clients send and repeat."""
    chance = random.Random(7)
    loads = [asyncio.create_task(shop.load(size)) for size in (1, 5, 60)]
    writer = await shop.writer()
    for victim in ("writer", "store", "log", "postgres", "writer", "store", "log", "writer"):
        await asyncio.sleep(0.5 + chance.random() * 1.5)
        if victim == "writer":
            writer.kill()
            await writer.wait()
            writer = await shop.writer()
        else:
            shop.kill(victim)
    await asyncio.sleep(1)
    writer.terminate()
    await asyncio.wait_for(writer.wait(), 20)
    await settle(shop, loads)
    await check(shop)


@pytest.mark.timeout(120)
async def test_outbox_reaches_the_store_once_under_kills(shop: Shop) -> None:
    """Rows of the outbox, events among them, arrive once though writer and store are killed."""
    chance = random.Random(3)
    ids = [uuid.UUID(int=chance.getrandbits(128), version=4) for _ in range(4_000)]
    writer = await shop.writer()
    for start in range(0, len(ids), 500):
        async with shop.platform.postgres.transaction(shop.scope) as tx:
            await mirror(tx, "events", [_row(each) for each in ids[start : start + 500]])
        await asyncio.sleep(chance.random() * 0.4)
        if start % 1000:
            writer.kill()
            await writer.wait()
            writer = await shop.writer()
        else:
            shop.kill("store")
    writer.kill()
    await writer.wait()
    async with running_writer(shop.platform):
        await wait_until_stored(shop.platform, 60)
    counts = await shop.counts()
    assert counts == Counter({str(each): 1 for each in ids})


def _row(event_id: uuid.UUID) -> dict[str, object]:
    return {
        "event_id": event_id,
        "event": "Imported",
        "distinct_id": "x",
        "person_key": 1,
        "at": "2026-01-02T03:04:05Z",
        "received_at": "2026-01-02T03:04:05Z",
        "properties": {"n": 1},
        "source": "import",
        "trusted": True,
        "historical": True,
    }
