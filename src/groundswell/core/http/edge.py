"""The outermost layer: request id, deadlines, headers, metrics, one log line, the last catch."""

import asyncio
import re
import time
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from groundswell.core.errors import InsufficientStorageError, MalformedError, ProblemError
from groundswell.core.http.csrf import SAFE_METHODS
from groundswell.core.http.headers import Raw, completed, security_headers
from groundswell.core.http.problems import (
    PROBLEM_JSON,
    RequestTimeoutError,
    UnexpectedError,
    headers_of,
    problem_json,
    status_of,
)
from groundswell.core.metrics import REQUEST_SECONDS, REQUESTS

IDLE_SECONDS = 10.0
"""Longest silence while a body arrives."""
BODY_SECONDS = 60.0
"""Longest time for a whole body."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,80}")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
_log = structlog.get_logger(__name__)

Defaults = tuple[Raw, ...]
StorageGuard = Callable[[], str | None]
"""Says why writes are refused at this moment, or None."""


class Edge:
    """Wraps the Litestar app."""

    def __init__(self, app: ASGIApp, *, secure: bool, storage: StorageGuard) -> None:
        self._app = app
        self._storage = storage
        self._api = security_headers(api=True, secure=secure)
        self._page = security_headers(api=False, secure=secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what happens inside never reaches the server as an exception."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        answer = _Answer(scope, send, api=self._api, page=self._page)
        began = time.perf_counter()
        try:
            self._check(scope)
            await self._app(scope, _Deadline(receive), answer)
        except ProblemError as error:
            await answer.problem(error)
        except Exception as error:  # noqa: BLE001 - the last catch of a request
            _log.error("unexpected_error", exc_info=error)
            await answer.problem(UnexpectedError("The error was recorded. Please try again."))
        finally:
            _count(scope, answer.status, time.perf_counter() - began)

    def _check(self, scope: HTTPScope) -> None:
        raw = scope.get("raw_path") or b""
        if "\x00" in scope["path"] or b"%00" in raw or b"%00" in scope["query_string"]:
            raise MalformedError("The address holds a NUL character.")
        if "�" in scope["path"]:
            raise MalformedError("The address is not percent-encoded UTF-8.")
        reason = self._storage()
        if reason is not None and scope["method"] not in SAFE_METHODS:
            raise InsufficientStorageError(reason, headers={"Retry-After": "60"})


class _Answer:
    """``send`` with our headers; remembers the status."""

    def __init__(self, scope: HTTPScope, send: Send, *, api: Defaults, page: Defaults) -> None:
        self._scope = scope
        self._send = send
        self._api = api
        self._page = page
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            state: dict[str, Any] = self._scope["state"]
            extra = {**state.get("answer_headers", {}), "x-request-id": state["request_id"]}
            own = [(name.lower().encode(), value.encode()) for name, value in extra.items()]
            defaults = self._page if _is_html(message["headers"]) else self._api
            headers = completed(message["headers"], [*own, *defaults])
            message = {**message, "headers": headers}
        await self._send(message)

    async def problem(self, error: ProblemError) -> None:
        """Answer a failure that never came to a handler, unless an answer has begun."""
        if self.status:
            return
        state: dict[str, Any] = self._scope["state"]
        body = problem_json(error, self._scope["path"], state["request_id"])
        headers = {**headers_of(error), "content-type": PROBLEM_JSON}
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        raw.append((b"content-length", str(len(body)).encode()))
        await self({"type": "http.response.start", "status": status_of(error), "headers": raw})
        await self({"type": "http.response.body", "body": body, "more_body": False})


class _Deadline:
    """``receive`` that gives up on a body that doesn't come."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._end = 0.0
        self._complete = False

    async def __call__(self) -> Any:
        if self._complete:
            return await self._receive()
        loop = asyncio.get_running_loop()
        self._end = self._end or loop.time() + BODY_SECONDS
        try:
            async with asyncio.timeout_at(min(self._end, loop.time() + IDLE_SECONDS)):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeoutError(
                "The body did not arrive in time.", headers={"Connection": "close"}
            ) from None
        self._complete = not message.get("more_body", False)
        return message


def _is_html(headers: Iterable[Raw]) -> bool:
    return any(n.lower() == b"content-type" and v.startswith(b"text/html") for n, v in headers)


def _request_id(scope: HTTPScope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            text = value.decode("latin-1")
            if _REQUEST_ID.fullmatch(text):
                return text
    return uuid4().hex


def _count(scope: HTTPScope, status: int, seconds: float) -> None:
    route = str(scope.get("path_template") or "unknown")
    method = scope["method"] if scope["method"].isalpha() and len(scope["method"]) < 8 else "?"
    REQUESTS.labels(route, method, str(status)).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)
    say = _log.debug if route in _QUIET else _log.info
    say("request", method=method, route=route, status=status, milliseconds=round(seconds * 1e3, 1))
