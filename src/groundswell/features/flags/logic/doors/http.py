"""What the doors share: reading a request, who calls, CORS, problems as answers."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import structlog

from groundswell.core.errors import MalformedError, ProblemError, UnauthenticatedError
from groundswell.core.http.compression import too_large, unpack
from groundswell.core.http.problems import (
    PROBLEM_JSON,
    as_problem,
    headers_of,
    problem_json,
    status_of,
)
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.flags.logic.snapshot import FlagSnapshot

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Raw = tuple[bytes, bytes]

_BODY_SECONDS = 30.0
_REMEMBER = 0.25
"""Seconds for which a key that was just seen is not looked up again."""
_MOST_REMEMBERED = 1_000
_OPEN: list[Raw] = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"etag, retry-after"),
]
_JSON: list[Raw] = [
    *_OPEN,
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
]

_log = structlog.get_logger(__name__)


_NOBODY: tuple[float, Scope | None] = (0.0, None)


class Asked:
    """One request: what a door needs of it."""

    __slots__ = ("encoding", "etag", "key", "path", "query")

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.encoding = self.etag = ""
        self.key: str | None = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                scheme, _, rest = value.decode("latin-1").partition(" ")
                if scheme.lower() == "bearer":
                    self.key = rest.strip()
            elif name == b"x-api-key":
                self.key = value.decode("latin-1").strip() or self.key
            elif name == b"content-encoding":
                self.encoding = value.decode("latin-1")
            elif name == b"if-none-match":
                self.etag = value.decode("latin-1")

    def parameters(self) -> dict[str, str]:
        """The query; the first value of each name."""
        if not self.query:
            return {}
        found = parse_qs(self.query.decode("latin-1"), keep_blank_values=True)
        return {name: values[0] for name, values in found.items()}


class Reply:
    """A finished answer."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, body: bytes, status: int = 200, headers: tuple[Raw, ...] = ()) -> None:
        self.body = body
        self.status = status
        self.headers = headers


class Door:
    """Answers one path; other methods belong to the app behind it."""

    methods = frozenset({"POST", "OPTIONS"})
    permission = Permission.FLAGS_EVALUATE

    def __init__(self, platform: Platform, snapshot: FlagSnapshot) -> None:
        self._directory = platform.directory
        self._callers: dict[str, tuple[float, Scope]] = {}
        self._limit = platform.settings.max_body_bytes
        self.snapshot = snapshot
        allowed = ", ".join(sorted(self.methods)).encode()
        self._preflight = [
            *_OPEN,
            (b"access-control-allow-methods", allowed),
            (
                b"access-control-allow-headers",
                b"authorization, content-type, content-encoding, if-none-match, x-api-key",
            ),
            (b"access-control-max-age", b"86400"),
        ]

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request; every failure is an answer."""
        if scope["method"] == "OPTIONS":
            await _send(send, 204, self._preflight, b"")
            return
        try:
            asked = Asked(scope)
            raw = b"" if scope["method"] == "GET" else await _read(receive, self._limit)
            reply = await self.reply(asked, raw)
        except ProblemError as error:
            await _send_problem(send, error, scope["path"])
        except Exception as error:  # noqa: BLE001 - the last catch of a request
            _log.error("unexpected_error", exc_info=error)
            await _send_problem(send, as_problem(error), scope["path"])
        else:
            headers = [*_JSON, *reply.headers] if reply.headers else _JSON
            await _send(send, reply.status, headers, reply.body)

    async def reply(self, asked: Asked, raw: bytes) -> Reply:
        """The answer; ``raw`` is the body as it was sent."""
        raise NotImplementedError

    def unpacked(self, asked: Asked, raw: bytes) -> bytes:
        """The body behind its Content-Encoding."""
        return unpack(raw, asked.encoding, self._limit) if asked.encoding else raw

    async def caller(self, key: str | None) -> Scope:
        """Who calls.

        Raises:
            UnauthenticatedError: no key, or none we know.
            ForbiddenError: the key may not do this.
        """
        if not key:
            raise UnauthenticatedError("Send a key of this workspace.")
        until, scope = self._callers.get(key, _NOBODY)
        now = time.monotonic()
        if scope is None or until < now:
            scope = await self._directory.find_scope_of_key(key)
            if scope is None:
                raise UnauthenticatedError("This key is not known here, or it was revoked.")
            if len(self._callers) >= _MOST_REMEMBERED:
                self._callers.clear()
            self._callers[key] = (now + _REMEMBER, scope)
        if self.permission not in scope.permissions:
            scope.require(self.permission)
        return scope


async def _read(receive: Receive, limit: int) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(body) > limit:
            raise too_large(limit)
        return body
    parts, size = [body], len(body)
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while message.get("more_body", False):
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise MalformedError("The body ended too early.")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > limit:
                    raise too_large(limit)
    except TimeoutError:
        raise MalformedError("The body did not arrive in time.") from None
    return b"".join(parts)


async def _send_problem(send: Send, error: ProblemError, path: str) -> None:
    headers = [(n.lower().encode(), v.encode("latin-1")) for n, v in headers_of(error).items()]
    headers += [*_OPEN, (b"content-type", PROBLEM_JSON.encode())]
    await _send(send, status_of(error), headers, problem_json(error, path))


async def _send(send: Send, status: int, headers: list[Raw], body: bytes) -> None:
    sized = headers if status in (204, 304) else [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": sized})
    await send({"type": "http.response.body", "body": body, "more_body": False})
