"""The event store: queries for one Scope, inserts by our own writer. ClickHouse over HTTP."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString, TypeVar
from urllib.parse import urlsplit

import clickhouse_connect
import msgspec
import structlog
from clickhouse_connect.driver.exceptions import (
    ClickHouseError,
    DatabaseError,
    OperationalError,
)

from groundswell.core.db.catalogue import tenant_filters
from groundswell.core.errors import QueryTooLargeError, UnavailableError
from groundswell.core.tenancy.scope import Scope

Row = TypeVar("Row")

_log = structlog.get_logger(__name__)

_PATIENCE = 35.0  # seconds for one query: it ends itself after 30, unless the store hangs
_CODE = re.compile(r"[Cc]ode:? (\d+)")
# Over its time, rows, bytes, memory or number: the question or the hour is wrong, not the code.
_TOO_MUCH = frozenset({158, 159, 160, 202, 241, 307, 396})

_READ_SETTINGS = {
    "readonly": "2",
    "join_use_nulls": "0",
    "max_execution_time": "30",
    "timeout_overflow_mode": "throw",
    "max_rows_to_read": "0",
    "do_not_merge_across_partitions_select_final": "0",
}


class EventStore:
    """One client for embedded and remote ClickHouse; connects when first used."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Any = None
        self._connecting = asyncio.Lock()
        self.database = urlsplit(url).path.strip("/") or "default"

    async def client(self) -> Any:
        """The underlying clickhouse-connect client (ours alone: migrations, writer)."""
        async with self._connecting:
            if self._client is None:
                self._client = await self._connect()
        return self._client

    async def _connect(self) -> Any:
        parts = urlsplit(self._url)
        try:
            return await clickhouse_connect.get_async_client(
                host=parts.hostname,
                port=parts.port or 8123,
                username=parts.username or "default",
                password=parts.password or "",
                database=self.database,
                secure=parts.scheme == "https",
                autogenerate_session_id=False,
                query_limit=0,
            )
        except (ClickHouseError, OSError) as error:
            raise _unavailable(error) from error

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def rows(
        self,
        scope: Scope,
        sql: LiteralString | str,
        params: Mapping[str, Any] | None = None,
        *,
        limits: Mapping[str, str] | None = None,
    ) -> list[tuple[Any, ...]]:
        """Rows of a SELECT over one tenant's data; ``limits`` are settings of our own choice.

        ``{tenant:UUID}`` is given; state ``tenant_id = {tenant:UUID}`` all the same, so that
        the sort key is used. Parameters are ClickHouse's ``{name:Type}``.

        Raises:
            UnavailableError: the store is away.
            InvalidError: the statement names a table outside the catalogue.
        """
        # The parser costs a quarter of a second to import: not at start, not in the writer.
        from groundswell.core.db.guard import check_tables

        check_tables(sql)
        filters = tenant_filters(self.database, str(scope.tenant_id))
        result = await self._query(
            sql,
            {**(params or {}), "tenant": str(scope.tenant_id)},
            {**_READ_SETTINGS, **(limits or {}), "additional_table_filters": filters},
        )
        return list(result.result_rows)

    async def fetch(
        self,
        row: type[Row],
        scope: Scope,
        sql: LiteralString | str,
        params: Mapping[str, Any] | None = None,
    ) -> list[Row]:
        """Like :meth:`rows`, each row converted to a msgspec Struct by position."""
        found = await self.rows(scope, sql, params)
        return msgspec.convert(found, list[row], strict=False)  # type: ignore[valid-type]

    async def system_rows(
        self, sql: LiteralString, params: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """Rows across tenants, for the writer, reconciliation and doctor only."""
        result = await self._query(sql, dict(params or {}), dict(_READ_SETTINGS))
        return list(result.result_rows)

    async def insert_json(self, table: str, lines: bytes, token: str) -> None:
        """Insert JSON lines; a repeat with the same token is dropped by the store."""
        client = await self.client()
        try:
            await client.raw_insert(
                table,
                insert_block=lines,
                fmt="JSONEachRow",
                settings=_INSERT | {"insert_deduplication_token": token},
            )
        except (OperationalError, OSError) as error:
            raise _unavailable(error) from error

    async def command(self, sql: LiteralString | str) -> Any:
        """Run a statement of our own (migrations, maintenance)."""
        client = await self.client()
        try:
            return await client.command(sql)
        except (OperationalError, OSError) as error:
            raise _unavailable(error) from error

    async def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], token: str
    ) -> None:
        """Insert rows; a repeat with the same token is dropped by the store."""
        client = await self.client()
        try:
            await client.insert(
                table,
                rows,
                column_names=columns,
                settings=_INSERT | {"insert_deduplication_token": token},
            )
        except (OperationalError, OSError) as error:
            raise _unavailable(error) from error

    async def _query(self, sql: str, params: dict[str, Any], settings: dict[str, str]) -> Any:
        try:
            async with asyncio.timeout(_PATIENCE):
                client = await self.client()
                return await client.query(sql, parameters=params, settings=settings)
        # It is a DatabaseError too, so it stands first.
        except (OperationalError, OSError, TimeoutError) as error:
            raise _unavailable(error) from error
        except DatabaseError as error:
            found = _CODE.search(str(error))
            if found is None or int(found.group(1)) not in _TOO_MUCH:
                raise
            _log.warning("query_too_large", error=str(error)[:500])
            raise QueryTooLargeError(
                "The event store could not answer this in time. Try a smaller range."
            ) from error


_INSERT: dict[str, Any] = {
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "max_partitions_per_insert_block": 0,
    "input_format_try_infer_dates": 0,
    "input_format_try_infer_datetimes": 0,
    "date_time_input_format": "best_effort",
    "type_json_skip_duplicated_paths": 1,
    "async_insert": 0,
}


# What ClickHouse says of a row's content. All else is the store's own trouble and passes: one that
# was killed may answer "unknown table" (60) for a moment, and a row must not be set aside for that.
_CONTENT = re.compile(
    r"[Cc]ode:? (6|26|27|38|41|53|69|70|72|117|130|131|190|306|321|349|376|407|467|561|675)\b"
)


def is_about_content(error: Exception) -> bool:
    """Whether the store refused rows for what they hold, so that sending them again is no use."""
    return _CONTENT.search(str(error)) is not None


def _unavailable(error: Exception) -> UnavailableError:
    _log.warning("event_store_unavailable", error=str(error)[:500])
    return UnavailableError(
        "The event store is restarting. Please try again.", headers={"Retry-After": "2"}
    )
