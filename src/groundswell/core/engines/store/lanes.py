"""How many statements run at once, and how many may wait."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from groundswell.core.engines.store.errors import TOO_MANY_QUERIES, StoreError


class Lane:
    """At most ``slots`` run, ``queue`` more wait up to ``patience`` seconds; the rest get 503."""

    def __init__(self, name: str, slots: int, queue: int, patience: float = 30.0) -> None:
        self._free = asyncio.Semaphore(slots)
        self._queue = queue
        self._patience = patience
        self._waiting = 0
        self.threads = ThreadPoolExecutor(slots, thread_name_prefix=name)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one slot for the block.

        Raises:
            StoreError: the queue is full, or the turn did not come in time.
        """
        await self._take()
        try:
            yield
        finally:
            self._free.release()

    async def _take(self) -> None:
        if self._free.locked() and self._waiting >= self._queue:
            raise self._busy()
        self._waiting += 1
        try:
            await asyncio.wait_for(self._free.acquire(), self._patience)
        except TimeoutError:
            raise self._busy() from None
        finally:
            self._waiting -= 1

    def _busy(self) -> StoreError:
        text = "Too many simultaneous queries: try again. (TOO_MANY_SIMULTANEOUS_QUERIES)"
        return StoreError(TOO_MANY_QUERIES, text)
