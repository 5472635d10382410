"""One writer per shard: whoever holds the lock fixes ranges of the log, and nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, LiteralString

import msgspec
import psycopg
import structlog
from psycopg import AsyncConnection

from groundswell.core.errors import UnavailableError

_ASK_EVERY = 0.5  # seconds between attempts to become the writer
_TRY_LOCK = "select pg_try_advisory_lock(hashtextextended('ingest ' || %s, 0))"
_PENDING = "select first_id, last_id from ingest_ranges where shard = %s order by fixed_at"
_FIX = "insert into ingest_ranges (shard, first_id, last_id) values (%s, %s, %s)"
_CLEAR = """
with applied as (delete from ingest_applied where shard = %(shard)s and last_id = %(last)s)
delete from ingest_ranges where shard = %(shard)s and last_id = %(last)s
"""

_log = structlog.get_logger(__name__)


class Range(msgspec.Struct, frozen=True):
    """Entries of the log, first and last included."""

    first_id: str
    last_id: str


class Ranges:
    """The ranges of one shard, written on the connection that holds the shard's lock.

    The lock ends with the connection: a writer that lost it can't fix another range.
    """

    def __init__(self, connection: AsyncConnection[Any], shard: str) -> None:
        self._connection = connection
        self.shard = shard

    async def pending(self) -> list[Range]:
        """Ranges that were fixed and not cleared, in order: to be stored before any other."""
        cursor = await self._execute(_PENDING, (self.shard,))
        return [Range(*row) for row in await cursor.fetchall()]

    async def fix(self, wanted: Range) -> None:
        """Remember the range; from here on exactly these entries are a batch."""
        await self._execute(_FIX, (self.shard, wanted.first_id, wanted.last_id))

    async def clear(self, done: Range) -> None:
        """The range is stored and gone from the log."""
        await self._execute(_CLEAR, {"shard": self.shard, "last": done.last_id})

    async def _execute(self, sql: LiteralString, params: Any) -> Any:
        try:
            return await self._connection.execute(sql, params)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise LostShardError(f"The lock of shard {self.shard} is lost: {error}") from error


class LostShardError(UnavailableError):
    """The connection that held the shard's lock is gone; another writer may have it by now."""


@asynccontextmanager
async def hold_shard(system_url: str, shard: str, stop: asyncio.Event) -> AsyncIterator[Ranges]:
    """Become the one writer of a shard, as soon as nobody else is.

    Raises:
        UnavailableError: PostgreSQL is away, or ``stop`` was set while another writer worked.
    """
    try:
        connection = await AsyncConnection.connect(
            system_url, autocommit=True, connect_timeout=5, application_name="groundswell-writer"
        )
    except psycopg.OperationalError as error:
        raise UnavailableError(f"PostgreSQL is away: {error}") from error
    try:
        await _wait_for_lock(connection, shard, stop)
        yield Ranges(connection, shard)
    finally:
        await connection.close()


async def _wait_for_lock(connection: AsyncConnection[Any], shard: str, stop: asyncio.Event) -> None:
    is_told = False
    while not stop.is_set():
        try:
            row = await (await connection.execute(_TRY_LOCK, (shard,))).fetchone()
        except psycopg.OperationalError as error:
            raise UnavailableError(f"PostgreSQL is away: {error}") from error
        if row and row[0]:
            return
        if not is_told:
            _log.info("writer_waits", shard=shard, reason="another writer holds the shard")
            is_told = True
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _ASK_EVERY)
    raise UnavailableError("Stopped while another writer held the shard.")
