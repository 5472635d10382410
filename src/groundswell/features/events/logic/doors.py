"""Capture over HTTP: plain ASGI in front of the framework, one callable per protocol."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import msgspec
import structlog

from groundswell.core.errors import InvalidError, MalformedError, ProblemError, TooLargeError
from groundswell.core.http.access import Access, RouteEntry
from groundswell.core.http.access import Door as AccessDoor
from groundswell.core.http.problems import PROBLEM_JSON, UnexpectedError, headers_of, problem_json
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.features.events.adapters.disk import DiskGuard
from groundswell.features.events.adapters.log import IngestLog
from groundswell.features.events.logic.capture import Capture, Taken
from groundswell.features.events.logic.refusals import RefusalCounts

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Mapping[str, Any], Receive, Send], Awaitable[None]]

_BODY_SECONDS = 30.0
# A page of another origin may read no other header of an answer: it must know when to come back.
_OPEN = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"retry-after"),
]
_JSON = [*_OPEN, (b"content-type", b"application/json"), (b"cache-control", b"no-store")]
_PREFLIGHT = [
    *_OPEN,
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type, content-encoding, x-api-key"),
    (b"access-control-max-age", b"86400"),
]

_log = structlog.get_logger(__name__)
_encode = msgspec.json.encode


class Door:
    """Answers POST and OPTIONS of one path; other methods belong to the app behind it."""

    def __init__(self, capture: Capture, source: str, max_bytes: int) -> None:
        self._capture = capture
        self._source = source
        self._max_bytes = max_bytes

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Take one request; every failure is an answer."""
        if scope["method"] == "OPTIONS":
            await _send(send, 204, _PREFLIGHT, b"")
            return
        try:
            taken = await self._take(scope, receive)
            status, body = self._answer(taken)
        except ProblemError as error:
            await _send_problem(send, error, scope)
        except Exception as error:  # noqa: BLE001 - the last catch of a request
            _log.error("unexpected_error", exc_info=error)
            await _send_problem(send, UnexpectedError("The error was recorded."), scope)
        else:
            await _send(send, status, _JSON, body)

    async def _take(self, scope: Mapping[str, Any], receive: Receive) -> Taken:
        encoding, key = _read_headers(scope["headers"])
        if key is None and b"api_key=" in scope["query_string"]:
            key = _from_query(scope["query_string"])
        raw = await _read(receive, self._max_bytes)
        return await self._capture.take(raw, encoding, key, self._source)

    def _answer(self, taken: Taken) -> tuple[int, bytes]:
        return 202, _encode(taken)


class PosthogDoor(Door):
    """PostHog's protocol: 200 when anything was kept, 400 with a ``detail`` its SDKs show."""

    async def _take(self, scope: Mapping[str, Any], receive: Receive) -> Taken:
        try:
            return await super()._take(scope, receive)
        except InvalidError as error:
            raise _BadBatchError(error.detail, errors=error.errors) from None

    def _answer(self, taken: Taken) -> tuple[int, bytes]:
        if taken.rejected and not taken.accepted:
            first = taken.rejected[0]
            raise _BadBatchError(f"No event was kept. {first.field or 'An event'} {first.reason}.")
        if taken.rejected:
            return 200, _encode({"status": 1, "rejected": taken.rejected})
        return 200, b'{"status":1}'


class _BadBatchError(InvalidError):
    # The SDKs retry or drop by status: 400 is theirs for content.
    status = 400


def _read_headers(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str | None]:
    encoding = ""
    key = None
    for name, value in headers:
        if name == b"authorization":
            scheme, _, rest = value.decode("latin-1").partition(" ")
            key = (rest.strip() if scheme.lower() == "bearer" else None) or key
        elif name == b"x-api-key":
            key = value.decode("latin-1").strip() or key
        elif name == b"content-encoding":
            encoding = value.decode("latin-1")
    return encoding, key


def _from_query(query: bytes) -> str | None:
    return parse_qs(query.decode("latin-1")).get("api_key", [None])[0]


async def _read(receive: Receive, limit: int) -> bytes:
    """The whole body, as it was sent."""
    parts: list[bytes] = []
    size = 0
    try:
        # The first part too: a client may send its headers and nothing after them.
        async with asyncio.timeout(_BODY_SECONDS):
            message: Mapping[str, Any] = {"more_body": True}
            while message.get("more_body", False):
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise MalformedError("The body ended too early.")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > limit:
                    raise _too_large(limit)
    except TimeoutError:
        raise MalformedError("The body did not arrive in time.") from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(
        f"A request may hold {limit:,} bytes at most.", headers={"Connection": "close"}
    )


async def _send_problem(send: Send, error: ProblemError, scope: Mapping[str, Any]) -> None:
    headers = [(n.lower().encode(), v.encode("latin-1")) for n, v in headers_of(error).items()]
    headers += [*_OPEN, (b"content-type", PROBLEM_JSON.encode())]
    await _send(send, error.status, headers, problem_json(error, scope["path"]))


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    sized = headers if status == 204 else [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": sized})
    await send({"type": "http.response.body", "body": body, "more_body": False})


@asynccontextmanager
async def open_doors(
    platform: Platform, paths: Mapping[str, str]
) -> AsyncIterator[dict[str, Asgi]]:
    """The doors of one process, for as long as it answers requests."""
    settings = platform.settings
    log = IngestLog(platform.endpoints.log_url)
    refusals = RefusalCounts(platform.log)
    disk = DiskGuard(settings.home, settings.disk_reserve_bytes)
    capture = Capture(platform.directory, log, disk, refusals, settings.max_body_bytes)
    kinds: dict[str, type[Door]] = {"api": Door, "posthog": PosthogDoor}
    try:
        yield {
            path: kinds[source](capture, source, settings.max_body_bytes)
            for path, source in paths.items()
        }
    finally:
        await refusals.close()
        await log.close()


def capture_routes(paths: Iterable[str]) -> tuple[RouteEntry, ...]:
    """The doors as lines of the route table: they check keys and permission themselves."""
    access = Access(
        door=AccessDoor.PERMISSION, permission=Permission.EVENTS_WRITE, summary="Send events"
    )
    return tuple(
        RouteEntry(method="POST", path=path, access=access, handler=None) for path in paths
    )
