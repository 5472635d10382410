"""Capture: authenticate from memory, check each event, make them durable, answer."""

import time
from collections.abc import Sequence

import msgspec

from groundswell.core.errors import (
    ForbiddenError,
    InvalidError,
    ProblemError,
    TooLargeError,
    UnauthenticatedError,
)
from groundswell.core.identity.keys import is_well_formed
from groundswell.core.metrics import EVENTS_ACCEPTED
from groundswell.core.tenancy.directory import Directory
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.events.adapters.disk import DiskGuard
from groundswell.features.events.adapters.log import CHUNK_BYTES, IngestLog
from groundswell.features.events.logic.bodies import Body, key_in_events, read_body, unpack_body
from groundswell.features.events.logic.checks import Sent, check
from groundswell.features.events.logic.properties import Refused
from groundswell.features.events.logic.refusals import TEXTS, RefusalCounts
from groundswell.features.events.logic.times import clock_skew
from groundswell.features.events.types import Chunk, LoggedEvent, Reason, Rejected

_SCOPE_SECONDS = 0.5

_encode = msgspec.msgpack.encode


class Taken(msgspec.Struct, gc=False):
    """What became of a request: how many events are durable, and which were refused."""

    accepted: int
    rejected: list[Rejected]


class Capture:
    """The way of a request from its bytes to the ingest log."""

    def __init__(
        self,
        directory: Directory,
        log: IngestLog,
        disk: DiskGuard,
        refusals: RefusalCounts,
        max_bytes: int,
    ) -> None:
        self._directory = directory
        self._log = log
        self._disk = disk
        self._refusals = refusals
        self._max_bytes = max_bytes
        self._scopes: dict[str, Scope] = {}
        self._scopes_until = 0.0

    async def take(self, raw: bytes, encoding: str, key: str | None, source: str) -> Taken:
        """Make the events of a request durable.

        ``key`` is from a header; without it the body's own is used. ``source`` names the
        protocol.

        Raises:
            ProblemError: nothing of the request was kept.
        """
        self._disk.check()
        received_ms = time.time_ns() // 1_000_000
        scope = await self._scope_of(key) if key else None
        try:
            body = read_body(unpack_body(raw, encoding, self._max_bytes))
        except ProblemError as error:
            if scope is not None:
                self._count_request(scope, error, source, raw)
            raise
        if scope is None:
            scope = await self._scope_of(body.api_key or key_in_events(body.events))
        return await self._keep(scope, body, source, received_ms)

    async def _keep(self, scope: Scope, body: Body, source: str, received_ms: int) -> Taken:
        skew_ms = 0 if body.is_historical else clock_skew(body.sent_at, received_ms)
        kept: list[LoggedEvent] = []
        rejected: list[Rejected] = []
        for index, sent in enumerate(body.events):
            try:
                if isinstance(sent, Refused):
                    raise sent
                kept.append(check(sent, received_ms, skew_ms))
            except Refused as refused:
                rejected.append(Rejected(index, refused.field, TEXTS[refused.reason]))
                self._refusals.count(
                    scope.tenant_id, refused.reason, refused.field, source, _sample(sent)
                )
        if kept:
            await self._log.append(_chunks(scope, source, received_ms, body.is_historical, kept))
            EVENTS_ACCEPTED.inc(len(kept))
        return Taken(len(kept), rejected)

    async def _scope_of(self, key: str | None) -> Scope:
        now = time.monotonic()
        if now >= self._scopes_until:
            # The directory hears of a revoked key within about a second, and so do we.
            self._scopes.clear()
            self._scopes_until = now + _SCOPE_SECONDS
        scope = self._scopes.get(key) if key else None
        if scope is not None:
            return scope
        if key and is_well_formed(key):
            scope = await self._directory.find_scope_of_key(key)
        if key is None or scope is None:
            detail = "This API key is not known, or no longer valid." if key else "Send an API key."
            raise UnauthenticatedError(detail, headers={"WWW-Authenticate": "Bearer"})
        if Permission.EVENTS_WRITE not in scope.permissions:
            self._refusals.count(scope.tenant_id, Reason.FORBIDDEN, "key", "key")
            raise ForbiddenError("This key may not write events.")
        self._scopes[key] = scope
        return scope

    def _count_request(self, scope: Scope, error: ProblemError, source: str, raw: bytes) -> None:
        reason = Reason.MALFORMED
        if isinstance(error, TooLargeError):
            reason = Reason.TOO_LARGE
        elif isinstance(error, InvalidError):
            reason = Reason.TOO_MANY_EVENTS if error.errors else Reason.WRONG_TYPE
        sample = raw[:200].decode("utf-8", "replace")
        self._refusals.count(scope.tenant_id, reason, "body", source, sample)


def _chunks(
    scope: Scope,
    source: str,
    received_ms: int,
    is_historical: bool,
    events: Sequence[LoggedEvent],
) -> list[bytes]:
    """The events as chunks of the log, each below the size of an entry."""

    def encoded(part: list[LoggedEvent]) -> bytes:
        tenant, actor = scope.tenant_id.bytes, scope.actor.id
        return _encode(
            Chunk(tenant, actor, scope.trusted, source, received_ms, is_historical, part)
        )

    chunks: list[bytes] = []
    part: list[LoggedEvent] = []
    size = 0
    for event in events:
        part.append(event)
        size += len(event.properties) + 200
        if size >= CHUNK_BYTES:
            chunks.append(encoded(part))
            part, size = [], 0
    if part:
        chunks.append(encoded(part))
    return chunks


def _sample(sent: Sent | Refused) -> str:
    """Enough of an event to find it in one's own code."""
    if isinstance(sent, Refused):
        return ""
    names = f"event={sent.event[:80]!r} distinct_id={str(sent.distinct_id)[:80]!r}"
    return f"{names} timestamp={str(sent.timestamp)[:40]!r} uuid={str(sent.uuid)[:40]!r}"
