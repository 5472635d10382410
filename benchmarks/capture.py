"""Capture over HTTP against the floor: the same server with nothing but decoding behind it.

``python -m benchmarks.capture``: one web process and one floor process, in turns, three rounds;
the load tool runs on the same cores. Every 202 of the subject is an event synced to disk, so it
waits: many connections keep both busy (with few, a closed loop measures the disk, not the code).
"""

import asyncio
import os
import statistics
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import uvloop
from benchmarks.load import Measured, measure, request
from benchmarks.report import row
from benchmarks.shop import Shop, body, free_port, installation, packed

ROUNDS = 3
_AIMS = {"single": "≥ 0.5", "batch of 100": "≥ 30,000 events/s"}
SECONDS = 3.0
CONNECTIONS = 128


class _Event(msgspec.Struct, gc=False):
    event: str
    distinct_id: str
    uuid: str
    timestamp: str
    properties: msgspec.Raw


class _Body(msgspec.Struct, gc=False):
    events: list[_Event]


_decode = msgspec.json.Decoder(_Body).decode


async def floor(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
    """The least a capture can be: read, unpack, decode, answer."""
    message = await receive()
    parts = [message["body"]]
    while message.get("more_body"):
        message = await receive()
        parts.append(message["body"])
    raw = b"".join(parts)
    if raw[:2] == b"\x1f\x8b":
        raw = zlib.decompressobj(31).decompress(raw, 20_000_000)
    answer = msgspec.json.encode({"accepted": len(_decode(raw).events), "rejected": []})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": answer, "more_body": False})


async def _serve_floor(port: int) -> None:
    from granian.constants import Interfaces
    from granian.server.embed import Server

    server = Server(
        floor, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_enabled=False
    )
    await server.serve()


@asynccontextmanager
async def _process(port: int, argv: list[str]) -> AsyncIterator[int]:
    environment = {**os.environ, "GROUNDSWELL_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", *argv], env=environment)
    try:
        for _ in range(300):
            await asyncio.sleep(0.1)
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            except OSError:
                continue
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)


def _forms(shop: Shop) -> dict[str, tuple[int, list[bytes]]]:
    plain = {"Authorization": f"Bearer {shop.key}", "Content-Type": "application/json"}
    zipped = plain | {"Content-Encoding": "gzip"}
    singles = [request("/api/events", body(1), plain) for _ in range(2_000)]
    batches = [body(100) for _ in range(60)]
    return {
        "single": (1, singles),
        "batch of 100": (100, [request("/api/events", b, plain) for b in batches]),
        "gzip of 100": (100, [request("/api/events", packed(b), zipped) for b in batches]),
    }


def _median(runs: list[Measured]) -> Measured:
    return sorted(runs, key=lambda run: run.rate)[len(runs) // 2]


async def main() -> None:
    """Print the table."""
    async with installation() as shop:
        ports = {"floor": free_port(), "capture": shop.settings.port}
        home = str(shop.settings.home)
        async with (
            _process(ports["floor"], ["benchmarks.capture", "floor", str(ports["floor"])]) as floor,
            _process(ports["capture"], ["groundswell", "web", "--home", home]) as web,
        ):
            pids = {"floor": floor, "capture": web}
            await asyncio.sleep(1)
            print(f"{'form':14}{'who':9}{'req/s':>9}{'events/s':>10}{'p50 ms':>8}{'p99 ms':>8}"
                  f"{'CPU µs':>8}{'ratio':>7}{'ratio by CPU':>14}")  # fmt: skip
            for form, (size, requests) in _forms(shop).items():
                await _one_form(shop, form, size, requests, ports, pids)


async def _one_form(
    shop: Shop,
    form: str,
    size: int,
    requests: list[bytes],
    ports: dict[str, int],
    pids: dict[str, int],
) -> None:
    clients = CONNECTIONS if size == 1 else 32
    runs: dict[str, list[Measured]] = {"floor": [], "capture": []}
    for number in range(ROUNDS):
        for who in ("floor", "capture") if number % 2 else ("capture", "floor"):
            await measure(ports[who], requests, seconds=0.5, connections=clients)
            runs[who].append(
                await measure(
                    ports[who], requests, seconds=SECONDS, connections=clients, pid=pids[who]
                )
            )
            await shop.platform.log.xtrim("ingest", maxlen=0, approximate=False)
    middle = {who: _median(found) for who, found in runs.items()}
    for who, run in middle.items():
        ratio = by_cpu = ""
        if who == "capture":
            ratio = f"{run.rate / middle['floor'].rate:.2f}"
            cost = [statistics.median(r.cpu_us for r in runs[w]) for w in ("floor", "capture")]
            by_cpu = f"{cost[0] / cost[1]:.2f}"
        print(f"{form:14}{who:9}{run.rate:9,.0f}{run.rate * size:10,.0f}{run.p50:8.1f}"
              f"{run.p99:8.1f}{run.cpu_us:8.0f}{ratio:>7}{by_cpu:>14}"
              + (f"  {run.failures} failed" if run.failures else ""))  # fmt: skip
    mine, bare = middle["capture"], middle["floor"]
    row(
        f"capture, {form}",
        f"{mine.rate:,.0f} requests/s, {mine.rate * size:,.0f} durable events/s",
        f"{bare.rate:,.0f} requests/s, bare ASGI + msgspec",
        mine.rate / bare.rate,
        _AIMS.get(form, ""),
    )
    rate = middle["capture"].rate / 2
    half = await measure(
        ports["capture"], requests, seconds=SECONDS, connections=clients, rate=rate
    )
    print(f"{form:14}{'at half':9}{half.rate:9,.0f}{half.rate * size:10,.0f}{half.p50:8.1f}"
          f"{half.p99:8.1f}")  # fmt: skip
    row(f"capture, {form}, p99 at half load", f"{half.p99:.0f} ms", aim="< 100 ms")
    await shop.platform.log.xtrim("ingest", maxlen=0, approximate=False)


if __name__ == "__main__":
    if sys.argv[1:2] == ["floor"]:
        uvloop.run(_serve_floor(int(sys.argv[2])))
    else:
        uvloop.run(main())
