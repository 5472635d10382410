"""The ingest log: a Valkey stream whose server syncs its file before it answers."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from valkey import exceptions
from valkey.asyncio import Valkey

from groundswell.core.db.valkey import open_valkey
from groundswell.core.errors import UnavailableError

STREAM = "ingest"
REFUSED_STREAM = "refused"
CHUNK_BYTES = 1_000_000
"""An entry ends when it holds this much: the writer reads entries whole."""

_IN_FLIGHT = 1


class IngestLog:
    """Appends chunks; an append returns when they are on the log's disk.

    Chunks that arrive while another append is under way share the next one, so single events
    cost a fraction of a round trip each and none waits for a timer.
    """

    def __init__(self, url: str, stream: str = STREAM) -> None:
        # An append whose answer was lost may be there twice then; the writer drops known uuids.
        self._client = open_valkey(url, connections=_IN_FLIGHT + 1, retries=4)
        self._stream = stream
        self._waiting: list[tuple[Sequence[bytes], asyncio.Future[None]]] = []
        self._in_flight = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def append(self, chunks: Sequence[bytes]) -> None:
        """Make chunks durable, all or none.

        Raises:
            UnavailableError: the log is full or away; nothing is promised.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((chunks, future))
        if self._in_flight < _IN_FLIGHT:
            self._in_flight += 1
            task = asyncio.create_task(self._flush())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await future

    async def close(self) -> None:
        """Wait for appends under way, then close the connections."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    async def _flush(self) -> None:
        try:
            while self._waiting:
                taken = self._take()
                error = await self._write([chunk for chunks, _ in taken for chunk in chunks])
                for _, future in taken:
                    if future.done():
                        continue
                    if error is None:
                        future.set_result(None)
                    else:
                        future.set_exception(error)
        finally:
            self._in_flight -= 1

    def _take(self) -> list[tuple[Sequence[bytes], asyncio.Future[None]]]:
        size = 0
        for count, (chunks, _) in enumerate(self._waiting, 1):
            size += sum(map(len, chunks))
            if size >= CHUNK_BYTES:
                taken, self._waiting = self._waiting[:count], self._waiting[count:]
                return taken
        taken, self._waiting = self._waiting, []
        return taken

    async def _write(self, chunks: Sequence[bytes]) -> UnavailableError | None:
        entries = [join_chunks(group) for group in _groups(chunks)]
        try:
            if len(entries) == 1:
                await self._client.xadd(self._stream, {"c": entries[0]})
            else:
                async with self._client.pipeline(transaction=True) as pipe:
                    for entry in entries:
                        pipe.xadd(self._stream, {"c": entry})
                    await pipe.execute()
        except (exceptions.ValkeyError, OSError, TimeoutError) as error:
            return _unavailable(error)
        return None


def _groups(chunks: Sequence[bytes]) -> list[Sequence[bytes]]:
    """Chunks cut into entries of about CHUNK_BYTES."""
    cuts = [0]
    size = 0
    for index, chunk in enumerate(chunks):
        if size and size + len(chunk) > CHUNK_BYTES:
            cuts.append(index)
            size = 0
        size += len(chunk)
    return [chunks[a:b] for a, b in pairwise([*cuts, len(chunks)])]


def join_chunks(chunks: Sequence[bytes]) -> bytes:
    """A msgpack array of chunks that are encoded already."""
    return b"\xdd" + len(chunks).to_bytes(4, "big") + b"".join(chunks)


def _unavailable(error: Exception) -> UnavailableError:
    full = isinstance(error, exceptions.OutOfMemoryError)
    what = "full: events arrive faster than they are stored" if full else "restarting"
    return UnavailableError(
        f"The ingest log is {what}. Nothing was stored; please send this again.",
        headers={"Retry-After": "5" if full else "1"},
    )


async def oldest_ms(client: Valkey, stream: str = STREAM) -> int | None:
    """When the oldest entry not yet stored was written, in ms since 1970; None: none waits."""
    found: list[Any] = await client.xrange(stream, count=1)
    return int(found[0][0].partition(b"-")[0]) if found else None
