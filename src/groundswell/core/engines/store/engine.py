"""chDB, one fresh handle per request.

Opening a handle costs 0.1 ms once an anchor keeps the engine open, and a handle carries the
session: so nothing of one request (settings, ``readonly``, filters, database, a half-read
stream, the state after an error) can reach the next.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groundswell.core.engines.store.errors import NOT_ALLOWED, SYNTAX_ERROR, StoreError

# Each block of these formats stands for itself, so blocks may simply follow one another;
# chDB would repeat the head of any other format with each block.
STREAMED = frozenset({"Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow"})
_PIECE = 4 << 20


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement and all that holds for it alone."""

    sql: str
    format: str = "TabSeparated"
    database: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    token: str = field(default_factory=lambda: secrets.token_hex(16))


@dataclass(frozen=True)
class Progress:
    """What a statement read or wrote, as far as chDB tells."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    elapsed_ns: int = 0


class Engine:
    """The one engine of this process on one folder. Every method blocks; call from threads."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        from chdb import _chdb

        native: Any = _chdb
        self._connect = native.connect
        self._query_class = native.query_class
        # chDB reads a connection string, where ? and % in a path would mean something else.
        os.chdir(folder)
        self._anchor = self._connect(f"data?max_server_memory_usage={max_bytes}")

    def close(self) -> None:
        """Let go of the folder."""
        self._anchor.close()

    def check(self, sql: str) -> bool:
        """Whether ``sql`` returns rows.

        Raises:
            StoreError: it is more than one statement, or writes a file.
        """
        handle = self._connect("data")
        try:
            seen = handle.classify_query(sql)
        except RuntimeError as error:
            raise StoreError.from_engine(error) from None
        finally:
            handle.close()
        if seen["statement_count"] > 1:
            raise StoreError(SYNTAX_ERROR, "Multi-statements are not allowed. (SYNTAX_ERROR)")
        control = seen["query_class"] == self._query_class.CONTROL
        # `readonly` does not stop this one: it is the client's part of the work.
        if control and "OUTFILE" in sql.upper():
            raise StoreError(NOT_ALLOWED, "INTO OUTFILE is not allowed. (QUERY_NOT_ALLOWED)")
        return bool(seen["query_class"] == self._query_class.READ_ONLY)

    def run(self, statement: Statement) -> tuple[bytes, Progress]:
        """The whole answer of one statement.

        Raises:
            StoreError: as ClickHouse reports it.
        """
        with self._handle(statement) as handle:
            result = handle.query(
                statement.sql, statement.format, params=dict(statement.parameters)
            )
            return result.bytes() or b"", _progress(result)

    def stream(self, statement: Statement) -> Iterator[tuple[bytes, Progress]]:
        """The answer block by block; closing the iterator cancels the statement.

        Raises:
            StoreError: at the first step or at any later one.
        """
        with self._handle(statement) as handle:
            running = handle.send_query(
                statement.sql, statement.format, params=dict(statement.parameters)
            )
            while True:
                block = handle.streaming_fetch_result(running)
                content = block.bytes() if block is not None else b""
                if not content:
                    return
                yield content, _progress(block)

    def insert(self, statement: Statement, data: bytes) -> Progress:
        """Insert ``data``, encoded in the statement's format; durable as the table says.

        Raises:
            StoreError: nothing was inserted, unless the data spans several blocks.
        """
        with self._handle(statement) as handle:
            running = handle.send_insert(statement.sql, statement.format)
            try:
                for start in range(0, len(data), _PIECE):
                    handle.insert_append(running, data[start : start + _PIECE])
            except BaseException:
                with contextlib.suppress(RuntimeError):
                    handle.insert_cancel(running)
                raise
            result = handle.insert_done(running)
            return Progress(
                written_rows=result.rows_written(),
                written_bytes=result.bytes_written(),
                elapsed_ns=int(result.elapsed() * 1e9),
            )

    def cancel(self, token: str) -> None:
        """Stop the statement that carries ``token``, if it still runs."""
        handle = self._connect("data")
        try:
            handle.query(
                "KILL QUERY WHERE Settings['log_comment'] = {token:String} ASYNC",
                "Null",
                params={"token": token},
            )
        finally:
            handle.close()

    @contextlib.contextmanager
    def _handle(self, statement: Statement) -> Iterator[Any]:
        handle = self._connect("data")
        try:
            if statement.database:
                handle.query(f"USE {_identifier(statement.database)}", "Null")
            handle.query(f"SET {_assignments(statement)}", "Null")
            yield handle
        except RuntimeError as error:
            raise StoreError.from_engine(error) from None
        finally:
            handle.close()


def _assignments(statement: Statement) -> str:
    """All settings in one SET, ``readonly`` last: after it nothing can be changed."""
    settings = {**statement.settings, "log_comment": statement.token}
    ordered = sorted(settings.items(), key=lambda pair: pair[0] == "readonly")
    return ", ".join(f"{_identifier(name)} = {_text(value)}" for name, value in ordered)


def _identifier(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _progress(result: Any) -> Progress:
    return Progress(
        read_rows=result.rows_read(),
        read_bytes=result.bytes_read(),
        elapsed_ns=int(result.elapsed() * 1e9),
    )
