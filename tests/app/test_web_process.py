"""Real web processes: one port shared, slow clients cut off, a quick and clean stop."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable

import httpx
import psutil
import pytest

from groundswell.core.engines.endpoints import Endpoints
from groundswell.core.engines.home import Home


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
async def start(settings, endpoints: Endpoints, port: int) -> AsyncIterator[Callable]:
    """Starts web processes on one port, attached to the test's engines."""
    made: list[subprocess.Popen] = []
    environment = {
        **os.environ,
        "GROUNDSWELL_PORT": str(port),
        "GROUNDSWELL_CONFIG": "",
        "CRON_SECRET": "test-cron-secret",
    }

    async def start() -> subprocess.Popen:
        argv = [sys.executable, "-m", "groundswell", "web", "--home", str(settings.home)]
        process = subprocess.Popen(argv, env=environment, stderr=subprocess.PIPE, text=True)
        made.append(process)
        await _until(lambda: _listens(process.pid, port))
        return process

    yield start
    for process in made:
        if process.poll() is None:
            process.kill()
            process.wait()


def _listens(pid: int, port: int) -> bool:
    found = psutil.Process(pid).net_connections("tcp")
    return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in found)


async def _until(check: Callable[[], bool], within: float = 30.0) -> None:
    deadline = time.monotonic() + within
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)


async def _raw(port: int, *chunks: bytes, pause: float = 0.0) -> bytes:
    """Send chunks over a bare connection; what comes back until the server closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for chunk in chunks:
        writer.write(chunk)
        await writer.drain()
        await asyncio.sleep(pause)
    answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    return answer


async def test_processes_share_a_port_and_one_that_dies_takes_no_other_down(start, port):
    first, second = await start(), await start()
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url) as client:
        assert (await client.get("/readyz")).status_code == 200
    first.kill()
    first.wait()
    async with httpx.AsyncClient(base_url=url) as client:
        answers = [await client.get("/healthz") for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    second.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert second.wait(10) == 0
    assert time.monotonic() - began < 5


async def test_a_request_under_way_is_finished_before_the_end(start, port, tenant):
    process = await start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:

        async def slow_body() -> AsyncIterator[bytes]:
            yield b'{"events": ['
            await asyncio.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.7)
            yield b"]}"

        key = {"X-Api-Key": tenant.secret_key}
        answer = await client.post("/api/events", content=slow_body(), headers=key)
    assert answer.status_code == 202
    assert process.wait(10) == 0


async def test_clients_that_never_finish_are_cut_off(start, port):
    """Headers within 10 s; a body without a silence of 10 s. Others are served meanwhile."""
    process = await start()
    head = b"POST /sign-in HTTP/1.1\r\nHost: x\r\n"
    form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 50\r\n\r\nemail="
    began = time.monotonic()
    slow_head, slow_body, other = await asyncio.gather(
        _raw(port, head),
        _raw(port, head + form),
        asyncio.to_thread(lambda: httpx.get(f"http://127.0.0.1:{port}/healthz").status_code),
    )
    assert time.monotonic() - began < 15
    assert b"200" not in slow_head
    assert slow_body.startswith(b"HTTP/1.1 408")
    assert other == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_the_home_still_belongs_to_the_tests(settings):
    assert Home(settings.home).is_locked()
