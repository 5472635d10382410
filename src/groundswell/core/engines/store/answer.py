"""Run one request on the engine, in a thread: small answers whole, large ones block by block."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from groundswell.core.engines.store.engine import STREAMED, Engine, Progress, Statement
from groundswell.core.engines.store.errors import StoreError
from groundswell.core.engines.store.request import _FORMAT, StoreRequest

# Up to here an answer waits for its end, so that an error still gets its status.
_WHOLE_BYTES = 1 << 20
# chDB streams SELECT only: not SHOW, DESCRIBE, EXPLAIN, EXISTS.
_SELECT = re.compile(
    r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(?:SELECT|WITH|FROM)\b", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """``start`` is sent first; ``rest`` follows when the answer is a large one."""

    start: bytes
    rest: Iterator[tuple[bytes, Progress]] | None
    progress: Progress
    format: str | None  # None: the statement returns no rows


def answer(engine: Engine, request: StoreRequest) -> Answer:
    """Carry out the request.

    Raises:
        StoreError: before anything was answered.
    """
    if request.data is not None:
        progress = engine.insert(request.statement, request.data)
        return Answer(start=b"", rest=None, progress=progress, format=None)
    sql = request.statement.sql
    returns_rows = engine.check(sql)
    if returns_rows and request.statement.format in STREAMED and _SELECT.match(sql):
        return _stream(engine, request.statement)
    content, progress = engine.run(request.statement)
    named = request.statement.format if returns_rows else None
    if request.is_write:
        progress = replace(
            progress, written_rows=progress.read_rows, written_bytes=progress.read_bytes
        )
    return Answer(start=content, rest=None, progress=progress, format=named)


def _stream(engine: Engine, statement: Statement) -> Answer:
    blocks = engine.stream(statement)
    held: list[bytes] = []
    size, progress = 0, Progress()
    for content, progress in blocks:  # noqa: B007 - the last one's totals
        held.append(content)
        size += len(content)
        if size >= _WHOLE_BYTES:
            break
    else:
        start = b"".join(held) or _no_rows(engine, statement)
        return Answer(start=start, rest=None, progress=progress, format=statement.format)
    return Answer(
        start=b"".join(held),
        rest=blocks,
        progress=progress,
        format=statement.format,
    )


def _no_rows(engine: Engine, statement: Statement) -> bytes:
    """ClickHouse answers no rows in Native with the columns' names and types; chDB with nothing."""
    if statement.format != "Native":
        return b""
    query = _FORMAT.sub("", statement.sql).rstrip().rstrip(";")
    describe = replace(statement, sql=f"DESCRIBE TABLE ({query}\n)", format="JSONCompactEachRow")
    try:
        described, _ = engine.run(describe)
    except StoreError:
        return b""  # SHOW and its like can't be described
    columns = [json.loads(line)[:2] for line in described.splitlines()]
    return _varint(len(columns)) + b"\0" + b"".join(_string(t) for c in columns for t in c)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _string(text: str) -> bytes:
    encoded = text.encode()
    return _varint(len(encoded)) + encoded
