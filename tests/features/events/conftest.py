"""Capture as clients see it, and a writer that runs until nothing is left to store."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from groundswell.app.features import exported
from groundswell.app.writer import run_writer
from groundswell.core.platform import Platform
from groundswell.features.events.adapters.log import REFUSED_STREAM, STREAM
from groundswell.features.events.api import capture_doors


class Answer:
    """What a door answered."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Sender:
    """Sends bodies to capture without a server in between."""

    def __init__(self, doors: Mapping[str, Any]) -> None:
        self._doors = doors

    async def __call__(
        self,
        path: str,
        body: Any,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
        query: str = "",
    ) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()]
        if key:
            given.append((b"authorization", f"Bearer {key}".encode()))
        sent: list[Mapping[str, Any]] = []
        waiting = [{"type": "http.request", "body": raw, "more_body": False}]

        async def receive() -> Mapping[str, Any]:
            return waiting.pop(0)

        async def send(message: Mapping[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": given,
        }
        await self._doors[path](scope, receive, send)
        names = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
        return Answer(sent[0]["status"], names, sent[1]["body"])


@pytest.fixture(scope="session")
async def send(platform: Platform) -> AsyncIterator[Sender]:
    """Capture of this process: ``await send("/api/events", {...}, tenant.secret_key)``."""
    async with capture_doors(platform) as doors:
        yield Sender(doors)


@asynccontextmanager
async def running_writer(platform: Platform) -> AsyncIterator[None]:
    """The writer role in this process."""
    stop = asyncio.Event()
    task = asyncio.create_task(run_writer(platform, exported("api", "EVENT_CONSUMERS"), stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def wait_until_stored(platform: Platform, seconds: float = 30) -> None:
    """Until log, refusals and outbox are empty and no range is open."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        waiting = await platform.log.xlen(STREAM) + await platform.log.xlen(REFUSED_STREAM)
        async with platform.postgres.across_tenants("test") as tx:
            waiting += await tx.value("select count(*) from outbox")
            waiting += await tx.value(
                "select count(*) from ingest_ranges where shard = %s", (STREAM,)
            )
        if not waiting:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"still waiting after {seconds} s")


@pytest.fixture
def stored(platform: Platform) -> Callable[[], Awaitable[None]]:
    """``await stored()``: run the writer until all that was sent is stored."""

    async def run() -> None:
        async with running_writer(platform):
            await wait_until_stored(platform)

    return run
