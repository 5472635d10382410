"""From the acknowledgement to the event store: throughput, lag, and what the writer costs.

``python -m benchmarks.ingest``: a backlog is stored as fast as it goes, then a steady rate is sent
while markers measure how long an acknowledged event takes to be found by a query. The reference
is the store itself taking the same rows in one prepared insert after another.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psutil
import uvloop
from benchmarks.report import row
from benchmarks.shop import Shop, body, event, installation

from groundswell.features.events.adapters.log import STREAM
from groundswell.features.events.api import capture_doors

BACKLOG = int(os.environ.get("BACKLOG", "400000"))
STEADY = [int(rate) for rate in os.environ.get("STEADY", "20000,30000").split(",")]
STEADY_SECONDS = float(os.environ.get("SECONDS_", "20"))
BATCH = 500
PEOPLE = 20_000

Post = Callable[[bytes], Awaitable[int]]


@asynccontextmanager
async def _capture(shop: Shop) -> AsyncIterator[Post]:
    async with capture_doors(shop.platform) as doors:
        door = doors["/api/events"]
        headers = [(b"authorization", b"Bearer " + shop.key.encode())]

        async def post(raw: bytes) -> int:
            answers: list[Any] = []

            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": raw, "more_body": False}

            async def send(message: Any) -> None:
                answers.append(message)

            scope = {"type": "http", "method": "POST", "path": "/api/events",
                     "query_string": b"", "headers": headers}  # fmt: skip
            await door(scope, receive, send)
            return int(answers[0]["status"])

        yield post


@asynccontextmanager
async def _writer(shop: Shop) -> AsyncIterator[psutil.Process]:
    argv = [sys.executable, "-m", "groundswell", "writer", "--home", str(shop.settings.home)]
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(15)


def _cpu(shop: Shop, writer: psutil.Process) -> dict[str, float]:
    status = json.loads((shop.settings.home / "run" / "status.json").read_bytes())
    found = {p["name"]: psutil.Process(p["pid"]) for p in status["programs"] if p["pid"]}
    cpu = {name: _seconds(process) for name, process in found.items()}
    return {**cpu, "writer": _seconds(writer)}


def _seconds(process: psutil.Process) -> float:
    every = [process, *process.children(recursive=True)]
    return sum(sum(each.cpu_times()[:2]) for each in every)


async def _stored(shop: Shop) -> int:
    rows = await shop.platform.store.system_rows("select count() from events")
    return int(rows[0][0])


async def _reference(shop: Shop) -> float:
    """The store alone: the same events as lines, prepared beforehand."""
    lines = []
    for _ in range(5):
        rows = []
        for _ in range(20_000):
            each = event(PEOPLE)
            rows.append(json.dumps({
                "tenant_id": str(shop.scope.tenant_id), "event_id": each["uuid"],
                "event": each["event"], "distinct_id": each["distinct_id"], "person_key": 1,
                "at": each["timestamp"], "received_at": each["timestamp"], "source": "api",
                "properties": each["properties"], "trusted": True, "historical": False,
            }))  # fmt: skip
        lines.append("\n".join(rows).encode())
    began = time.perf_counter()
    for number, data in enumerate(lines):
        await shop.platform.store.insert_json("events", data, f"reference {number}")
    rate = 20_000 * len(lines) / (time.perf_counter() - began)
    print(f"reference: the store alone takes      {rate:10,.0f} events/s")
    await shop.platform.store.command("truncate table events")
    return rate


async def _backlog(shop: Shop, post: Post, reference: float) -> None:
    bodies = [body(BATCH, PEOPLE) for _ in range(BACKLOG // BATCH)]
    began = time.perf_counter()
    await _send_all(post, bodies)
    took = time.perf_counter() - began
    print(f"capture in batches of {BATCH}, durable    {BACKLOG / took:10,.0f} events/s")
    before = time.perf_counter()
    async with _writer(shop) as process:
        first = 0.0
        cpu: dict[str, float] = {}
        while await shop.platform.log.xlen(STREAM):
            if not first and await _stored(shop):
                first, begun = time.perf_counter(), await _stored(shop)
                cpu = _cpu(shop, process)
            await asyncio.sleep(0.05)
        took = time.perf_counter() - first
        spent = _cpu(shop, process)
    done = await _stored(shop)
    assert done == BACKLOG, done
    rate = (done - begun) / took
    print(f"log to store, backlog                 {rate:10,.0f} events/s"
          f"  ratio {rate / reference:.2f}  (start {first - before:.1f} s)")  # fmt: skip
    row(
        "log to store, backlog", f"{rate:,.0f} events/s",
        f"{reference:,.0f} events/s, the store alone", rate / reference, "≥ 20,000 events/s",
    )  # fmt: skip
    each = {name: (spent[name] - cpu[name]) / (done - begun) * 1e6 for name in spent}
    print("  CPU µs per event: " + ", ".join(f"{n} {s:.1f}" for n, s in each.items() if s > 0.05))


async def _send_all(post: Post, bodies: list[bytes]) -> None:
    waiting = iter(bodies)

    async def client() -> None:
        for raw in waiting:
            assert await post(raw) == 202

    await asyncio.gather(*(client() for _ in range(8)))


async def _steady(shop: Shop, post: Post, rate: int) -> None:
    """``rate`` events a second; a marker every quarter second is looked for until it is found."""
    count = int(rate * STEADY_SECONDS / BATCH)
    bodies = [body(BATCH, PEOPLE) for _ in range(min(count, 400))]
    delays: list[float] = []
    before = await _stored(shop)
    async with _writer(shop) as process:
        await asyncio.sleep(3)
        cpu = _cpu(shop, process)
        markers = asyncio.create_task(_markers(shop, post, delays))
        began = time.perf_counter()
        late = 0.0
        for number in range(count):
            due = began + number * BATCH / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            late = max(late, time.perf_counter() - due)
            raw = bodies[number % len(bodies)]
            if number >= len(bodies):
                raw = body(BATCH, PEOPLE)
            assert await post(raw) == 202
        took = time.perf_counter() - began
        waiting = await shop.platform.log.xrange(STREAM, count=1)
        lag = time.time() - int(waiting[0][0].split(b"-")[0]) / 1e3 if waiting else 0.0
        markers.cancel()
        while await shop.platform.log.xlen(STREAM):
            await asyncio.sleep(0.05)
        whole = time.perf_counter() - began
        spent = _cpu(shop, process)
    stored = await _stored(shop) - before
    delays.sort()
    print(f"steady {rate:,}/s: sent {count * BATCH / took:,.0f}/s, stored {stored / whole:,.0f}/s,"
          f" lag at the end {lag:.1f} s, queryable after p50 {delays[len(delays) // 2]:.2f} s,"
          f" max {delays[-1]:.2f} s ({len(delays)} markers)")  # fmt: skip
    row(
        f"steady {rate:,} events/s into the store",
        f"{stored / whole:,.0f} events/s, queryable after p50 {delays[len(delays) // 2]:.2f} s,"
        f" max {delays[-1]:.2f} s",
        aim="queryable within 2 s",
    )
    each = {name: (spent[name] - cpu[name]) / stored * 1e6 for name in spent}
    print("  CPU µs per event: " + ", ".join(f"{n} {s:.1f}" for n, s in each.items() if s > 0.05))


async def _markers(shop: Shop, post: Post, delays: list[float]) -> None:
    while True:
        marker = event()
        sent = json.dumps({"events": [marker]}).encode()
        assert await post(sent) == 202
        began = time.perf_counter()
        while not await shop.platform.store.rows(
            shop.scope,
            "select 1 from events where tenant_id = {tenant:UUID} and event = {event:String}"
            " and event_id = {id:UUID} and at > now() - interval 1 day",
            {"event": marker["event"], "id": marker["uuid"]},
        ):
            await asyncio.sleep(0.05)
        delays.append(time.perf_counter() - began)
        await asyncio.sleep(0.25)


async def main() -> None:
    """Print the figures."""
    async with installation() as shop, _capture(shop) as post:
        reference = await _reference(shop)
        await _backlog(shop, post, reference)
        for rate in STEADY:
            await _steady(shop, post, rate)


if __name__ == "__main__":
    uvloop.run(main())
