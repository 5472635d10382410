"""The client for threads: calls put events into a queue, one background thread sends them."""

from __future__ import annotations

import atexit
import json
import math
import os
import threading
import time
from collections import deque
from types import TracebackType
from weakref import WeakSet

from groundswell_sdk.calls import Calls, log
from groundswell_sdk.delivery import Answer, Endpoint, Verdict, pause, send, take
from groundswell_sdk.types import Event, OnError, Overflow

_clients: WeakSet[Client] = WeakSet()

Item = tuple[str, bytes]


class Client(Calls):
    """Records events from any thread; nothing it does raises into or waits in the caller.

    Args:
        key: a secret key (``gsk_…``) on servers; without one the client only logs that.
        host: where Groundswell answers.
        batch_size: events in one request.
        flush_interval: seconds an event waits for others.
        max_queue: events that wait at most.
        overflow: what happens to an event when the queue is full; ``block`` waits in the caller.
        give_up_after: seconds for which a batch is tried again while the server is away.
        timeout: seconds a request may take.
        gzip: whether larger requests are packed.
        on_error: told of every event that is lost.
        test_mode: send nothing, keep events in ``recorded``.
    """

    def __init__(
        self,
        key: str,
        host: str = "http://127.0.0.1:8000",
        *,
        batch_size: int = 100,
        flush_interval: float = 0.5,
        max_queue: int = 10_000,
        overflow: Overflow = "drop_newest",
        give_up_after: float = 900.0,
        timeout: float = 15.0,
        gzip: bool = True,
        on_error: OnError | None = None,
        test_mode: bool = False,
    ) -> None:
        self.recorded: list[Event] = []
        self._endpoint = Endpoint(key, host, timeout, gzip)
        self._batch_size = max(1, batch_size)
        self._flush_interval = flush_interval
        self._max_queue = max(1, max_queue)
        self._overflow = overflow
        self._give_up_after = give_up_after
        self._on_error = on_error
        self._is_test = test_mode
        self._is_on = bool(key) or test_mode
        if not self._is_on:
            log.error("no key was given: nothing will be recorded")
        self._is_closed = False
        self._begin()
        _clients.add(self)

    def _begin(self) -> None:
        """Queue and lock; anew in a forked child, whose parent sends what was queued before."""
        self._changed = threading.Condition()
        self._queue: deque[Item] = deque()
        self._thread: threading.Thread | None = None
        self._put_count = 0
        self._done_count = 0
        self._flushing = 0
        self._deadline = math.inf

    def _put(self, uuid: str, raw: bytes) -> bool:
        if self._is_test:
            self.recorded.append(json.loads(raw))
            return True
        if not self._is_on:
            return False
        with self._changed:
            dropped = self._make_room(raw)
            if dropped is not raw:
                self._queue.append((uuid, raw))
                self._put_count += 1
                self._start()
                if len(self._queue) in (1, self._batch_size):
                    self._changed.notify_all()
        if dropped is not None:
            reason = "the client was shut down" if self._is_closed else "the queue is full"
            self._lose(reason, [dropped])
        return dropped is not raw

    def _make_room(self, raw: bytes) -> bytes | None:
        """The event to do without: the new one, an old one, or none."""
        if self._overflow == "block":
            self._changed.wait_for(lambda: self._has_room() or self._is_closed)
        if self._is_closed:
            return raw
        if self._has_room():
            return None
        if self._overflow == "drop_newest":
            return raw
        self._done_count += 1
        return self._queue.popleft()[1]

    def _has_room(self) -> bool:
        return len(self._queue) < self._max_queue

    def _start(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        thread = threading.Thread(target=self._work, name="groundswell", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return  # the interpreter is ending: shutdown sends from its own thread
        self._thread = thread

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until what was recorded before is sent or lost; False after ``timeout`` s."""
        with self._changed:
            if self._queue:
                self._start()
            if self._thread is not None and self._thread.is_alive():
                wanted = self._put_count
                self._flushing += 1
                self._changed.notify_all()
                try:
                    return self._changed.wait_for(lambda: self._done_count >= wanted, timeout)
                finally:
                    self._flushing -= 1
        return self._drain()

    def shutdown(self, timeout: float = 10.0) -> None:
        """Send what waits within so many seconds; later calls are lost. Runs at exit by itself."""
        with self._changed:
            self._is_closed = True
            self._deadline = min(self._deadline, time.monotonic() + timeout)
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread.is_alive():
            if thread is not threading.current_thread():
                thread.join(timeout + 1.0)
        else:
            self._drain()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown()

    def _work(self) -> None:
        while batch := self._next():
            self._deliver(batch)

    def _drain(self) -> bool:
        while batch := self._take():
            self._deliver(batch)
        return True

    def _take(self) -> list[Item]:
        with self._changed:
            batch = take(self._queue, self._batch_size)
            self._changed.notify_all()
            return batch

    def _next(self) -> list[Item]:
        """Wait for the next batch; empty when the client is shut down and all is sent."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._is_closed)
            self._changed.wait_for(self._is_batch_full, self._flush_interval)
        return self._take()

    def _is_batch_full(self) -> bool:
        return len(self._queue) >= self._batch_size or bool(self._flushing) or self._is_closed

    def _deliver(self, batch: list[Item]) -> None:
        """Send a batch until it is confirmed, refused for good, or tried long enough."""
        give_up = time.monotonic() + self._give_up_after
        attempt = 0
        parts = [batch]
        while parts:
            part = parts.pop()
            answer = self._send(part)
            verdict = answer.verdict(len(part))
            if verdict is Verdict.AGAIN and self._wait(pause(attempt, answer.retry_after), give_up):
                attempt += 1
                parts.append(part)
            elif verdict is Verdict.SPLIT:
                half = len(part) // 2
                parts += [part[half:], part[:half]]
            else:
                self._settle(part, answer, verdict)

    def _send(self, part: list[Item]) -> Answer:
        left = self._deadline - time.monotonic()
        if left <= 0:
            return Answer(0, "the client was shut down before they were sent")
        endpoint = self._endpoint
        if left < endpoint.timeout:
            endpoint = Endpoint(endpoint.key, endpoint.host, left, endpoint.is_packed)
        return send(endpoint, [raw for _, raw in part])

    def _wait(self, seconds: float, give_up: float) -> bool:
        """Pause before another attempt; False if there is no time for one."""
        with self._changed:
            if time.monotonic() + seconds > min(self._deadline, give_up):
                return False
            was_closed = self._is_closed
            self._changed.wait_for(lambda: self._is_closed and not was_closed, seconds)
        return True

    def _settle(self, part: list[Item], answer: Answer, verdict: Verdict) -> None:
        for reason, raws in answer.losses([raw for _, raw in part], verdict):
            self._lose(reason, raws, answer.status)
        self._finished(len(part))

    def _finished(self, events: int) -> None:
        with self._changed:
            self._done_count += events
            self._changed.notify_all()


def _after_fork() -> None:
    for client in list(_clients):
        client._begin()


def _at_exit() -> None:
    for client in list(_clients):
        client.shutdown()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
