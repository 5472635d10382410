"""ClickHouse's HTTP interface as a plain ASGI application."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from groundswell.core.engines.store.answer import Answer, answer
from groundswell.core.engines.store.engine import Engine, Progress
from groundswell.core.engines.store.errors import TOO_LARGE, StoreError
from groundswell.core.engines.store.lanes import Lane
from groundswell.core.engines.store.request import (
    StoreRequest,
    authenticate,
    read_query_string,
    read_request,
)

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

MAX_BODY_BYTES = 1 << 30
_STREAM_SECONDS = 900.0  # a reader slower than this is cut off: it holds a slot


class StoreApp:
    """Statements of clients that know the secret, on one engine.

    Writes have a lane of their own: dashboards that fill theirs do not hold up the writer.
    """

    def __init__(
        self, engine: Engine, secret: str, defaults: Mapping[str, str], slots: int = 8
    ) -> None:
        self._engine = engine
        self._secret = secret
        self._defaults = defaults
        self._reads = Lane("read", slots, queue=128)
        self._writes = Lane("write", 4, queue=64)
        self._cancels = ThreadPoolExecutor(1, thread_name_prefix="cancel")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/ping":
            await _send_whole(send, 200, [], b"Ok.\n")
            return
        try:
            await self._query(scope, receive, send)
        except StoreError as error:
            await _send_error(send, error)

    async def _query(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {n.decode("latin-1").lower(): v.decode("latin-1") for n, v in scope["headers"]}
        query = read_query_string(scope["query_string"])
        authenticate(self._secret, headers, query)
        body = await _read_body(receive)
        request = read_request(scope["method"], query, headers, body, self._defaults)
        lane = self._writes if request.is_write else self._reads
        async with lane.slot():
            done = await self._run(lane, request, receive)
            if done is not None:
                await self._send(lane, request, done, send)

    async def _run(self, lane: Lane, request: StoreRequest, receive: Receive) -> Answer | None:
        """The answer, or None when the client left: then the statement is cancelled.

        Writes are never cancelled: the client may have left because it was killed, and its
        successor sends the same rows again under the same token.
        """
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(lane.threads, answer, self._engine, request)
        if request.is_write:
            return await running
        gone: asyncio.Future[Any] = asyncio.ensure_future(receive())
        both: set[asyncio.Future[Any]] = {running, gone}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                await self._cancel(request, running)
                return None
            return running.result()
        finally:
            gone.cancel()

    async def _cancel(self, request: StoreRequest, running: "asyncio.Future[Answer]") -> None:
        loop = asyncio.get_running_loop()
        token = request.statement.token
        await loop.run_in_executor(self._cancels, self._engine.cancel, token)
        with contextlib.suppress(StoreError):
            left = await running
            if left.rest is not None:
                await loop.run_in_executor(self._cancels, _close, left.rest)

    async def _send(self, lane: Lane, request: StoreRequest, done: Answer, send: Send) -> None:
        headers = _headers(request, done)
        if done.rest is None:
            await _send_whole(send, 200, headers, done.start)
            return
        tag = secrets.token_hex(8)
        headers.append((b"x-clickhouse-exception-tag", tag.encode()))
        try:
            async with asyncio.timeout(_STREAM_SECONDS):
                await _send_stream(lane, headers, done, done.rest, tag, send)
        finally:
            await asyncio.get_running_loop().run_in_executor(lane.threads, _close, done.rest)


async def _send_stream(
    lane: Lane,
    headers: list[tuple[bytes, bytes]],
    done: Answer,
    rest: Iterator[tuple[bytes, Progress]],
    tag: str,
    send: Send,
) -> None:
    loop = asyncio.get_running_loop()
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    block: bytes | None = done.start
    while block is not None:
        await send({"type": "http.response.body", "body": block, "more_body": True})
        try:
            block = await loop.run_in_executor(lane.threads, _next, rest)
        except StoreError as error:
            # The status is gone already; ClickHouse marks the error in the body this way.
            text = f"{error}\n"
            framed = f"__exception__\r\n{tag}\r\n{text}{len(text)} {tag}\r\n__exception__\r\n"
            await send({"type": "http.response.body", "body": framed.encode(), "more_body": True})
            block = None
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _next(blocks: Iterator[tuple[bytes, Progress]]) -> bytes | None:
    found = next(blocks, None)
    return found[0] if found else None


def _close(blocks: Iterator[tuple[bytes, Progress]]) -> None:
    close = getattr(blocks, "close", None)
    if close:
        close()


async def _read_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise StoreError(210, "The client left before its body was whole. (NETWORK_ERROR)")
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise StoreError(TOO_LARGE, "The body is too large. (TOO_LARGE_STRING_SIZE)")
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _headers(request: StoreRequest, done: Answer) -> list[tuple[bytes, bytes]]:
    p = done.progress
    summary = {
        "read_rows": str(p.read_rows),
        "read_bytes": str(p.read_bytes),
        "written_rows": str(p.written_rows),
        "written_bytes": str(p.written_bytes),
        "elapsed_ns": str(p.elapsed_ns),
    }
    headers = [
        (b"x-clickhouse-query-id", request.query_id.encode("latin-1", "replace")),
        (b"x-clickhouse-timezone", b"UTC"),
        (b"x-clickhouse-summary", json.dumps(summary).encode()),
        (b"content-type", b"application/octet-stream"),
    ]
    if done.format:
        headers.append((b"x-clickhouse-format", done.format.encode()))
    return headers


async def _send_error(send: Send, error: StoreError) -> None:
    headers = [
        (b"x-clickhouse-exception-code", str(error.code).encode()),
        (b"content-type", b"text/plain; charset=UTF-8"),
    ]
    if error.status == 503:
        headers.append((b"retry-after", b"1"))
    await _send_whole(send, error.status, headers, f"{error}\n".encode())


async def _send_whole(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    sized = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": sized})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        kind = message["type"].rpartition(".")[2]
        await send({"type": f"lifespan.{kind}.complete"})
        if kind == "shutdown":
            return
