"""A small HTTP load tool on the same cores: prepared requests over kept connections."""

import asyncio
import time

import msgspec
import psutil


class Measured(msgspec.Struct):
    """One run. Times are milliseconds; ``cpu_us`` is the server's CPU time per request."""

    rate: float
    p50: float
    p99: float
    failures: int
    cpu_us: float = 0.0


def request(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """A whole HTTP/1.1 request."""
    lines = [f"POST {path} HTTP/1.1", "Host: bench", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def measure(
    port: int,
    requests: list[bytes],
    *,
    seconds: float,
    connections: int,
    rate: float | None = None,
    pid: int | None = None,
) -> Measured:
    """Send ``requests`` round and round; as fast as answers come, or ``rate`` a second.

    With a rate, a request's time counts from when it was due, not from when it could be sent.
    """
    took: list[float] = []
    failures = 0
    process = psutil.Process(pid) if pid else None
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
    cpu = sum(process.cpu_times()[:2]) if process else 0.0
    began = time.perf_counter()
    end = began + seconds

    async def client(number: int) -> None:
        nonlocal failures
        reader, writer = opened[number]
        step = connections / rate if rate else 0.0
        due = began + (number / connections) * step
        turn = number
        while True:
            if rate:
                due += step
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            start = due if rate else time.perf_counter()
            if start >= end:
                break
            writer.write(requests[turn % len(requests)])
            turn += connections
            head = await reader.readuntil(b"\r\n\r\n")
            low = head.lower()
            at = low.index(b"content-length: ") + 16
            await reader.readexactly(int(low[at : low.index(b"\r\n", at)]))
            took.append(time.perf_counter() - start)
            failures += not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 202"))
        writer.close()

    await asyncio.gather(*(client(number) for number in range(connections)))
    spent = sum(process.cpu_times()[:2]) - cpu if process else 0.0
    took.sort()
    count = len(took)
    return Measured(
        rate=count / (time.perf_counter() - began),
        p50=took[count // 2] * 1e3,
        p99=took[int(count * 0.99)] * 1e3,
        failures=failures,
        cpu_us=spent / count * 1e6,
    )
