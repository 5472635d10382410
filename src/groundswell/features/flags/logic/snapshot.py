"""Every workspace's flags in memory, so that evaluation needs no engine.

Read from PostgreSQL when a change is announced or, at the latest, half a second later: only
what changed since. Kept in a file, so that a cold start works while every engine is down.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import msgspec
import structlog
from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

from groundswell.core.db.postgres import Postgres
from groundswell.core.errors import UnavailableError
from groundswell.core.kept_file import keep_newest
from groundswell.core.tenancy.scope import Scope
from groundswell.features.flags.logic.announce import CHANNEL
from groundswell.features.flags.logic.context import SegmentTest, no_segments
from groundswell.features.flags.logic.evaluate import CompiledFlag, FlagSet
from groundswell.features.flags.store import snapshot as store
from groundswell.features.flags.store.flags import flag_of
from groundswell.features.flags.store.snapshot import FlagRow, KeyRow
from groundswell.features.flags.types import PRODUCTION

_POLL_SECONDS = 0.5
_AFTER_FAILURE = 2.0

_log = structlog.get_logger(__name__)


class _Content(msgspec.Struct):
    version: int = 0
    flags: list[FlagRow] = []
    keys: list[KeyRow] = []


Segments = Callable[[UUID], SegmentTest]
"""A workspace's segments as far as memory holds them."""


def _nothing_known(_tenant_id: UUID) -> SegmentTest:
    return no_segments


class FlagSnapshot:
    """The flags of one process. ``segments_of`` is set by whoever holds segments in memory."""

    def __init__(self, postgres: Postgres, cache: Valkey, file: Path) -> None:
        self._postgres = postgres
        self._cache = cache
        self._file = file
        self.segments_of: Segments = _nothing_known
        self._version = 0
        self._rows: dict[UUID, dict[UUID, FlagRow]] = defaultdict(dict)
        self._keys: dict[str, KeyRow] = {}
        self._revisions: dict[UUID, int] = {}
        self._sets: dict[tuple[UUID, str], FlagSet] = {}
        self._reading = asyncio.Lock()
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Load from the file, then from PostgreSQL, and keep refreshing."""
        with suppress(FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
            kept = await asyncio.to_thread(self._file.read_bytes)
            self._take(msgspec.json.decode(kept, type=_Content))
        with suppress(UnavailableError):
            await self.refresh()
        self._tasks = [asyncio.create_task(self._poll()), asyncio.create_task(self._listen())]

    async def close(self) -> None:
        """Stop refreshing."""
        # A library on the way may swallow a cancellation (subscribing does): ask until they end.
        waiting = set(self._tasks)
        while waiting:
            for task in waiting:
                task.cancel()
            _, waiting = await asyncio.wait(waiting, timeout=0.2)

    def environment_of(self, scope: Scope) -> str:
        """The environment that a key evaluates: production unless it was given another."""
        found = self._keys.get(scope.actor.id)
        known = found is not None and found.tenant_id == scope.tenant_id
        return found.environment if found is not None and known else PRODUCTION

    def flags_of(self, scope: Scope) -> FlagSet:
        """What a key evaluates."""
        return self.flags_in(scope.tenant_id, self.environment_of(scope))

    def flags_in(self, tenant_id: UUID, environment: str) -> FlagSet:
        """A workspace's flags in one environment."""
        found = self._sets.get((tenant_id, environment))
        return self._compile(tenant_id, environment) if found is None else found

    def revision_of(self, tenant_id: UUID) -> int:
        """A number that grows with each change of a workspace's flags."""
        return self._revisions.get(tenant_id, 0)

    async def change(self, within: float) -> None:
        """Return when something changed, or after so many seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), within)

    async def refresh(self) -> None:
        """Read what changed since the last time."""
        async with self._reading:
            await self._read()

    async def _read(self) -> None:
        async with self._postgres.across_tenants("flags") as tx:
            version = await store.version(tx)
            if version == self._version:
                return
            # A restored backup may be behind: then everything is read again.
            since = self._version if version > self._version else 0
            flags = await store.flags_since(tx, since)
            keys = await store.keys_since(tx, since)
        self._take(_Content(version, flags, keys), afresh=since == 0)
        content = _Content(
            version,
            [row for rows in self._rows.values() for row in rows.values()],
            list(self._keys.values()),
        )
        await asyncio.to_thread(self._keep, content)

    def _take(self, content: _Content, *, afresh: bool = True) -> None:
        if afresh:
            self._rows.clear()
            self._keys.clear()
            self._revisions.clear()
            self._sets.clear()
        for row in content.flags:
            self._rows[row.tenant_id][row.flag_id] = row
            known = self._revisions.get(row.tenant_id, 0)
            self._revisions[row.tenant_id] = max(row.revision, known)
        for key in content.keys:
            self._keys[str(key.key_id)] = key
        self._version = content.version
        self._recompile({row.tenant_id for row in content.flags})
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _recompile(self, tenants: set[UUID]) -> None:
        # Environments nobody asked for yet are compiled when somebody does.
        for tenant_id, environment in list(self._sets):
            if tenant_id in tenants:
                self._compile(tenant_id, environment)

    def _compile(self, tenant_id: UUID, environment: str) -> FlagSet:
        old = self._sets.get((tenant_id, environment))
        compiled = []
        for row in self._rows.get(tenant_id, {}).values():
            kept = old.flags.get(row.key) if old else None
            if kept is None or kept.flag.version != row.version:
                flag = flag_of(row)
                kept = CompiledFlag(flag, flag.rules(environment))
            if not kept.flag.archived:
                compiled.append(kept)
        made = self._sets[(tenant_id, environment)] = FlagSet(compiled, environment)
        return made

    def _keep(self, content: _Content) -> None:
        keep_newest(self._file, content.version, msgspec.json.encode(content))

    async def _poll(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _POLL_SECONDS)
            self._wake.clear()
            try:
                await self.refresh()
            except UnavailableError:
                continue
            except Exception:  # noqa: BLE001 - it must outlive any surprise, keeping what it has
                _log.exception("flags_refresh_failed")
                await asyncio.sleep(_AFTER_FAILURE)

    async def _listen(self) -> None:
        while True:
            try:
                async with self._cache.pubsub() as pubsub:
                    await pubsub.subscribe(CHANNEL)
                    while True:
                        if await pubsub.get_message(timeout=None):
                            self._wake.set()
            except (ValkeyError, OSError):
                await asyncio.sleep(_AFTER_FAILURE)
