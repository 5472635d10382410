"""The client for asyncio: calls put events into a queue, one task sends them."""

from __future__ import annotations

import asyncio
import atexit
import json
import math
import time
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING
from weakref import WeakSet

from groundswell_sdk.calls import Calls, log
from groundswell_sdk.delivery import Answer, Endpoint, Verdict, pause, read_answer, send, take
from groundswell_sdk.types import Event, OnError

if TYPE_CHECKING:
    import httpx

_clients: WeakSet[AsyncClient] = WeakSet()

Item = tuple[str, bytes]


class AsyncClient(Calls):
    """Records events from one event loop; recording is a plain call that waits for nothing.

    ``http`` is an ``httpx.AsyncClient`` of yours to send with; without it requests run in a
    thread of the loop's executor. A full queue drops the newest event. The other arguments are
    those of ``Client``. Use ``async with``, or ``await client.shutdown()`` at the end.
    """

    def __init__(
        self,
        key: str,
        host: str = "http://127.0.0.1:8000",
        *,
        batch_size: int = 100,
        flush_interval: float = 0.5,
        max_queue: int = 10_000,
        give_up_after: float = 900.0,
        timeout: float = 15.0,
        gzip: bool = True,
        on_error: OnError | None = None,
        test_mode: bool = False,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self.recorded: list[Event] = []
        self._endpoint = Endpoint(key, host, timeout, gzip)
        self._batch_size = max(1, batch_size)
        self._flush_interval = flush_interval
        self._max_queue = max(1, max_queue)
        self._give_up_after = give_up_after
        self._on_error = on_error
        self._is_test = test_mode
        self._http = http
        self._is_on = bool(key) or test_mode
        if not self._is_on:
            log.error("no key was given: nothing will be recorded")
        self._queue: deque[Item] = deque()
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._closing = asyncio.Event()
        self._is_closed = False
        self._deadline = math.inf
        _clients.add(self)

    def _put(self, uuid: str, raw: bytes) -> bool:
        if self._is_test:
            self.recorded.append(json.loads(raw))
            return True
        if not self._is_on:
            return False
        if self._is_closed or len(self._queue) >= self._max_queue:
            reason = "the client was shut down" if self._is_closed else "the queue is full"
            self._lose(reason, [raw])
            return False
        self._queue.append((uuid, raw))
        self._start()
        if len(self._queue) >= self._batch_size:
            self._hurry.set()
        return True

    def _start(self) -> None:
        if self._task is not None and not self._task.done():
            return
        with suppress(RuntimeError):  # outside a loop the events wait for the next call inside one
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def flush(self, timeout: float | None = None) -> bool:
        """Wait until what was recorded is sent or lost; False if ``timeout`` seconds pass."""
        if self._queue:
            self._start()
        self._hurry.set()
        if self._task is None or self._task.done():
            return True
        done, _ = await asyncio.wait({self._task}, timeout=timeout)
        return bool(done)

    async def shutdown(self, timeout: float = 10.0) -> None:
        """Send what waits within so many seconds; later calls are lost."""
        self._is_closed = True
        self._closing.set()
        self._deadline = min(self._deadline, time.monotonic() + timeout)
        await self.flush(timeout + 1.0)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.shutdown()

    async def _work(self) -> None:
        """Send until the queue is empty; the next event starts another task."""
        while self._queue:
            if len(self._queue) < self._batch_size and not self._is_closed:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._hurry.wait(), self._flush_interval)
            if len(self._queue) <= self._batch_size:
                self._hurry.clear()
            await self._deliver(take(self._queue, self._batch_size))

    async def _deliver(self, batch: list[Item]) -> None:
        give_up = time.monotonic() + self._give_up_after
        attempt = 0
        parts = [batch]
        while parts:
            part = parts.pop()
            try:
                answer = await self._send(part)
                verdict = answer.verdict(len(part))
                wait = pause(attempt, answer.retry_after)
                limit = min(self._deadline, give_up)
                if verdict is Verdict.AGAIN and time.monotonic() + wait <= limit:
                    attempt += 1
                    parts.append(part)
                    part = []
                    await self._sleep(wait)
                    continue
            except asyncio.CancelledError:
                # The loop ends: what is not confirmed is sent at exit, under the same uuids.
                for rest in (*parts, part):
                    self._queue.extendleft(reversed(rest))
                raise
            if verdict is Verdict.SPLIT:
                half = len(part) // 2
                parts += [part[half:], part[:half]]
            else:
                self._settle(part, answer, verdict)

    async def _sleep(self, seconds: float) -> None:
        if self._closing.is_set():
            await asyncio.sleep(seconds)
            return
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    async def _send(self, part: list[Item]) -> Answer:
        left = self._deadline - time.monotonic()
        if left <= 0:
            return Answer(0, "the client was shut down before they were sent")
        raws = [raw for _, raw in part]
        endpoint = self._endpoint
        if left < endpoint.timeout:
            endpoint = Endpoint(endpoint.key, endpoint.host, left, endpoint.is_packed)
        if self._http is None:
            return await asyncio.get_running_loop().run_in_executor(None, send, endpoint, raws)
        body, headers = endpoint.request(raws)
        try:
            got = await self._http.post(
                endpoint.url, content=body, headers=headers, timeout=endpoint.timeout
            )
        except Exception as error:  # noqa: BLE001 - whatever a network may do
            return Answer(0, f"{type(error).__name__}: {error}")
        return read_answer(got.status_code, got.headers.get("Retry-After"), got.content)

    def _settle(self, part: list[Item], answer: Answer, verdict: Verdict) -> None:
        for reason, raws in answer.losses([raw for _, raw in part], verdict):
            self._lose(reason, raws, answer.status)


def _at_exit() -> None:
    for client in list(_clients):
        deadline = time.monotonic() + 10.0
        while client._queue and time.monotonic() < deadline:
            part = take(client._queue, client._batch_size)
            answer = send(client._endpoint, [raw for _, raw in part])
            client._settle(part, answer, answer.verdict(1))


atexit.register(_at_exit)
