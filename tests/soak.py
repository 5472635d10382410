"""Mixed load while every process is killed in turn: nothing acknowledged may be lost or doubled.

``python -m tests.soak --seconds 600`` starts an installation of its own, writes events and orders
as a well-behaved client does (the same uuid again until a 2xx), kills one process after another
with SIGKILL, waits for quiet and then counts: each acknowledged event and order exactly once in
PostgreSQL, the event store and the answers of the API; every process alive again.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import psycopg
from tests.installation import Installation

from groundswell.core.ids import new_id

QUIET_SECONDS = 60


class Load:
    """Clients that remember what was acknowledged."""

    def __init__(self, url: str, keys: dict[str, str]) -> None:
        self.url = url
        self.headers = {"Authorization": f"Bearer {keys['secret_key']}"}
        self.events: set[str] = set()
        self.orders: dict[str, int] = {}
        self.answers: Counter[str] = Counter()
        self.slowest = 0.0
        self.running = True

    async def run(self, seconds: float) -> None:
        """Write and read until the time is over; every write is carried to its 2xx."""
        async with httpx.AsyncClient(base_url=self.url, headers=self.headers, timeout=10) as client:
            tasks = [asyncio.create_task(self._events(client, size)) for size in (1, 1, 20, 50)]
            tasks += [asyncio.create_task(self._orders(client)) for _ in range(2)]
            tasks.append(asyncio.create_task(self._reads(client)))
            await asyncio.sleep(seconds)
            self.running = False
            await asyncio.gather(*tasks)

    async def _events(self, client: httpx.AsyncClient, size: int) -> None:
        while self.running:
            batch = [self._event() for _ in range(size)]
            answer = await self._carry(client, "/api/events", {"events": batch})
            assert answer["accepted"] == size, answer
            self.events.update(event["uuid"] for event in batch)
            await asyncio.sleep(0.01)

    def _event(self) -> dict[str, Any]:
        return {
            "event": random.choice(("Page Viewed", "Product Viewed", "Product Added")),
            "distinct_id": f"person-{random.randrange(500)}",
            "uuid": str(new_id()),
            "properties": {"n": random.randrange(1_000)},
        }

    async def _orders(self, client: httpx.AsyncClient) -> None:
        while self.running:
            order_id, total = str(new_id()), random.randrange(100, 100_000)
            order = {
                "source": "soak",
                "order_id": order_id,
                "distinct_id": f"person-{random.randrange(500)}",
                "currency": "USD",
                "total": total,
            }
            await self._carry(client, "/api/orders", order)
            self.orders[order_id] = total
            await asyncio.sleep(0.05)

    async def _carry(self, client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> Any:
        """Send until it is acknowledged, as an SDK would."""
        while True:
            started = time.monotonic()
            try:
                answer = await client.post(path, json=body)
            except httpx.HTTPError as error:
                self.answers[type(error).__name__] += 1
                await asyncio.sleep(0.2)
                continue
            self.slowest = max(self.slowest, time.monotonic() - started)
            self.answers[str(answer.status_code)] += 1
            if answer.is_success:
                return answer.json()
            if answer.status_code not in (429, 502, 503, 504, 507):
                raise AssertionError(f"{path}: {answer.status_code} {answer.text}")
            await asyncio.sleep(0.2)

    async def _reads(self, client: httpx.AsyncClient) -> None:
        while self.running:
            try:
                answer = await client.get("/api/growth/metrics", params={"days": 30})
                self.answers[f"read {answer.status_code}"] += 1
                assert answer.status_code != 500, answer.text
            except httpx.HTTPError as error:
                self.answers[f"read {type(error).__name__}"] += 1
            await asyncio.sleep(0.5)


async def kill_in_turn(installation: Installation, seconds: float, every: float) -> Counter[str]:
    """SIGKILL one process after another, round and round, until the time is over."""
    killed: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    names: list[str] = []
    while time.monotonic() < deadline - every:
        await asyncio.sleep(every)
        programs = await _all_ready(installation, deadline)
        names = names or sorted(programs, reverse=True)
        name = names.pop(0)
        pid = programs.get(name, {}).get("pid")
        if pid:
            for victim in _victims(pid):
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
            killed[name] += 1
    return killed


async def _all_ready(installation: Installation, deadline: float) -> dict[str, dict[str, Any]]:
    """The programs once each is up again: one is killed at a time."""
    while True:
        programs = installation.programs()
        if all(program["ready"] for program in programs.values()) or time.monotonic() > deadline:
            return programs
        await asyncio.sleep(0.1)


def _victims(pid: int) -> list[int]:
    """The process and, for engines started through a wrapper, what it wraps."""
    import psutil

    try:
        process = psutil.Process(pid)
        return [child.pid for child in process.children(recursive=True)] + [pid]
    except psutil.NoSuchProcess:
        return []


def differences(installation: Installation, load: Load, tenant_id: str) -> list[str]:
    """What is missing or doubled, in sentences; empty when all is right."""
    published = installation.published()
    found = []
    store = clickhouse_connect.get_client(dsn=published.endpoints.clickhouse_url)
    where = f"where tenant_id = '{tenant_id}'"
    stored = Counter(
        {
            str(row[0]): row[1]
            for row in store.query(
                f"select event_id, count() from events {where} and event != 'Order Completed'"
                " group by event_id"
            ).result_rows
        }
    )
    found += _compare("event store: events", load.events, stored)
    completed = Counter(
        {
            str(row[0]): row[1]
            for row in store.query(
                f"select properties.order_id::String, count() from events {where}"
                " and event = 'Order Completed' group by 1"
            ).result_rows
        }
    )
    found += _compare("event store: Order Completed", set(load.orders), completed)
    mirrored = {
        row[0]: row[1]
        for row in store.query(
            f"select order_id, sum(total) from orders final {where} group by order_id"
        ).result_rows
    }
    if mirrored != load.orders:
        missing = load.orders.keys() - mirrored.keys()
        wrong = [o for o, total in mirrored.items() if load.orders.get(o) != total]
        found.append(f"event store: orders mirror lacks {len(missing)}, has {len(wrong)} wrong")
    with psycopg.connect(published.endpoints.database_system_url) as connection:
        rows = connection.execute(
            "select order_id, sum(total)::bigint from orders where tenant_id = %s group by 1",
            (tenant_id,),
        ).fetchall()
        waiting = connection.execute(
            "select target, batch_id is null, count(*) from outbox group by 1, 2"
        ).fetchall()
    if waiting:
        found.append(f"outbox: {waiting}")
    if dict(rows) != load.orders:
        found.append(f"PostgreSQL: {len(rows)} orders, acknowledged {len(load.orders)}")
    return found


def _compare(where: str, expected: set[str], stored: Counter[str]) -> list[str]:
    missing = expected - set(stored)
    doubled = [uuid for uuid, count in stored.items() if count > 1]
    found = []
    if missing:
        found.append(f"{where}: {len(missing)} acknowledged and missing")
    if doubled:
        found.append(f"{where}: {len(doubled)} doubled")
    return found


def soak(seconds: int) -> int:
    """Run it; returns the exit status."""
    with tempfile.TemporaryDirectory(prefix="gs-soak-") as folder:
        installation = Installation(Path(folder) / "home")
        installation.start()
        try:
            return _soak(installation, seconds)
        finally:
            installation.stop()


def _soak(installation: Installation, seconds: int) -> int:
    keys = installation.init("soak", "soak@example.com", "a long pass phrase")
    load = Load(installation.url, keys)

    async def both() -> Counter[str]:
        every = max(2.0, min(8.0, seconds / 14))
        killing = asyncio.create_task(kill_in_turn(installation, seconds, every))
        await load.run(seconds)
        return await killing

    killed = asyncio.run(both())
    found = _settle(installation, load, keys["tenant_id"])
    dead = [n for n, p in installation.programs().items() if not p.get("ready")]
    found += [f"left dead: {name}" for name in dead]
    _report(load, killed, found)
    return 1 if found else 0


def _settle(installation: Installation, load: Load, tenant_id: str) -> list[str]:
    deadline = time.monotonic() + QUIET_SECONDS
    while True:
        try:
            found = differences(installation, load, tenant_id)
        except Exception as error:
            found = [f"not countable: {error}"]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(1)


def _report(load: Load, killed: Counter[str], found: list[str]) -> None:
    print(f"acknowledged: {len(load.events)} events, {len(load.orders)} orders")
    print(f"answers: {dict(load.answers)}; slowest {load.slowest:.2f} s")
    print(f"killed: {dict(killed)}")
    for difference in found:
        print(f"WRONG: {difference}")
    print("soak: " + ("failed" if found else "every acknowledged write is there exactly once"))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    return soak(parser.parse_args().seconds)


if __name__ == "__main__":
    sys.exit(main())
