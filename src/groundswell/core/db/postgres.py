"""PostgreSQL: transactions for one Scope, and the one door across tenants."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, LiteralString, TypeVar

import msgspec
import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import class_row, scalar_row
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from groundswell.core.errors import UnavailableError
from groundswell.core.metrics import ACROSS_TENANTS
from groundswell.core.tenancy.scope import Scope

Row = TypeVar("Row")
Params = Sequence[Any] | Mapping[str, Any]

set_json_dumps(msgspec.json.encode)
set_json_loads(msgspec.json.decode)

_log = structlog.get_logger(__name__)

_WAIT_SECONDS = 5.0  # for a connection; then the database counts as away
_CHECK_SECONDS = 2.0
_TRANSACTION_SECONDS = 600.0  # far above what any may take: only a server that hangs gets there

_BEGIN_SCOPE = """
select set_config('app.current_tenant_id', %s, true),
       set_config('statement_timeout', %s, true)
"""


class Transaction:
    """One open transaction. Leaving its block commits; an exception rolls all of it back."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self.connection = connection

    async def fetch(self, row: type[Row], sql: LiteralString, params: Params = ()) -> list[Row]:
        """All rows, each built as ``row(**columns)``."""
        async with self.connection.cursor(row_factory=class_row(row)) as cursor:
            await cursor.execute(sql, params)
            return await cursor.fetchall()

    async def fetch_one(
        self, row: type[Row], sql: LiteralString, params: Params = ()
    ) -> Row | None:
        """The first row, or None."""
        async with self.connection.cursor(row_factory=class_row(row)) as cursor:
            await cursor.execute(sql, params)
            return await cursor.fetchone()

    async def value(self, sql: LiteralString, params: Params = ()) -> Any:
        """The first column of the first row, or None."""
        async with self.connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute(sql, params)
            return await cursor.fetchone()

    async def values(self, sql: LiteralString, params: Params = ()) -> list[Any]:
        """The first column of every row."""
        async with self.connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute(sql, params)
            return await cursor.fetchall()

    async def rows(self, sql: LiteralString, params: Params = ()) -> list[tuple[Any, ...]]:
        """All rows as tuples."""
        cursor = await self.connection.execute(sql, params)
        return await cursor.fetchall()

    async def execute(self, sql: LiteralString, params: Params = ()) -> int:
        """Run a statement; returns how many rows it touched."""
        cursor = await self.connection.execute(sql, params)
        return cursor.rowcount

    async def execute_many(self, sql: LiteralString, params: Sequence[Params]) -> None:
        """Run a statement once per row of parameters, in one pipeline."""
        async with self.connection.cursor() as cursor:
            await cursor.executemany(sql, params)


class ScopedTransaction(Transaction):
    """A transaction in which the database shows one tenant's rows only."""

    def __init__(self, connection: AsyncConnection[Any], scope: Scope) -> None:
        super().__init__(connection)
        self.scope = scope
        self.tenant_id = scope.tenant_id


class Postgres:
    """Two small pools: the app's role (row-level security) and the system's role."""

    def __init__(
        self, app_url: str, system_url: str, *, size: int = 8, statement_timeout_ms: int = 30_000
    ) -> None:
        self._app = _pool(app_url, size)
        self._system = _pool(system_url, max(2, size // 2))
        self._timeout = str(statement_timeout_ms)

    async def open(self) -> None:
        """Start the pools; connections are made in the background, so PostgreSQL may be away."""
        await self._app.open()
        await self._system.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._app.close()
        await self._system.close()

    @asynccontextmanager
    async def transaction(self, scope: Scope) -> AsyncIterator[ScopedTransaction]:
        """A transaction for one Scope.

        Raises:
            UnavailableError: PostgreSQL can't be reached; nothing was done.
        """
        async with _connection(self._app) as connection:
            await connection.execute(_BEGIN_SCOPE, (str(scope.tenant_id), self._timeout))
            yield ScopedTransaction(connection, scope)

    @asynccontextmanager
    async def across_tenants(self, reason: str) -> AsyncIterator[Transaction]:
        """The one door across tenants, for our own schedulers and operator pages.

        ``reason`` is a short constant such as ``sign-in``; each use is counted under it.
        """
        ACROSS_TENANTS.labels(reason).inc()
        async with _connection(self._system) as connection:
            yield Transaction(connection)


def _pool(url: str, size: int) -> AsyncConnectionPool[AsyncConnection[Any]]:
    return AsyncConnectionPool(
        url,
        min_size=1,
        max_size=size,
        open=False,
        timeout=_WAIT_SECONDS,
        max_idle=300,
        reconnect_timeout=float("inf"),
        check=_check,
        kwargs={"application_name": "groundswell", "connect_timeout": 5},
    )


async def _check(connection: AsyncConnection[Any]) -> None:
    """Whether a pooled connection still works; a server that hangs would never say."""
    with _cut_after(_CHECK_SECONDS, connection):
        await AsyncConnectionPool.check_connection(connection)


@contextmanager
def _cut_after(seconds: float, connection: AsyncConnection[Any]) -> Iterator[None]:
    """Shut the connection's socket unless the block ends in time: whoever waits is woken.

    Cancelling would not do: the driver then asks the same server, politely, to cancel.
    """
    cut = asyncio.get_running_loop().call_later(seconds, _shut, connection)
    try:
        yield
    finally:
        cut.cancel()


def _shut(connection: AsyncConnection[Any]) -> None:
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)


@asynccontextmanager
async def _connection(
    pool: AsyncConnectionPool[AsyncConnection[Any]],
) -> AsyncIterator[AsyncConnection[Any]]:
    try:
        async with pool.connection() as connection:
            with _cut_after(_TRANSACTION_SECONDS, connection):
                yield connection
    except (PoolTimeout, psycopg.OperationalError, psycopg.InterfaceError) as error:
        # A cancelled statement is the caller's, not the engine's.
        if isinstance(error, psycopg.errors.QueryCanceled):
            raise
        _log.warning("postgres_unavailable", error=str(error))
        raise UnavailableError(
            "The database is restarting. Nothing was changed; please try again.",
            headers={"Retry-After": "2"},
        ) from error
