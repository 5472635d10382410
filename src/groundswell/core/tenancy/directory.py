"""Tenants and keys in memory, so that capture needs no engine to know who is calling.

The directory is read from PostgreSQL when its version changes, and kept in a file so that a
cold start works while PostgreSQL is down.
"""

import asyncio
import time
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import msgspec
import structlog

from groundswell.core import clock
from groundswell.core.db.postgres import Postgres
from groundswell.core.errors import UnavailableError
from groundswell.core.kept_file import keep_newest
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Actor, ActorKind, Scope

_log = structlog.get_logger(__name__)
_POLL_SECONDS = 1.0
_LOOK_EVERY = 0.1
_START_PATIENCE = 1.0


class Tenant(msgspec.Struct, frozen=True):
    """What every process knows of a tenant."""

    tenant_id: UUID
    slug: str
    name: str
    currency: str
    timezone: str
    status: str
    activation_event: str
    order_source: str
    trusts_publishable: bool
    brand: str


class Key(msgspec.Struct, frozen=True):
    """A usable API key; ``secret_hash`` is sha256 of the whole key."""

    tenant_id: UUID
    key_id: UUID
    kind: str
    name: str
    prefix: str
    secret_hash: bytes
    scopes: list[str]
    expires_at: datetime | None


class _Content(msgspec.Struct):
    version: int = 0
    tenants: list[Tenant] = []
    keys: list[Key] = []


class Directory:
    """The snapshot, refreshed within about a second of a change."""

    def __init__(self, postgres: Postgres, file: Path) -> None:
        self._postgres = postgres
        self._file = file
        self._content = _Content()
        self._tenants: dict[UUID, Tenant] = {}
        self._slugs: dict[str, Tenant] = {}
        self._keys: dict[bytes, Key] = {}
        self._task: asyncio.Task[None] | None = None
        self._refreshing = asyncio.Lock()
        self._look: asyncio.Task[None] | None = None
        self._next_look = 0.0
        self.used: dict[tuple[UUID, UUID], datetime] = {}

    async def start(self) -> None:
        """Load from PostgreSQL, else from the file, and keep refreshing."""
        with suppress(FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
            self._take(msgspec.json.decode(self._file.read_bytes(), type=_Content))
        # With what the file says, nobody has to wait for a database that is away.
        with suppress(UnavailableError, TimeoutError):
            async with asyncio.timeout(_START_PATIENCE if self._content.version else None):
                await self.refresh()
        self._task = asyncio.create_task(self._poll())

    async def close(self) -> None:
        """Stop refreshing."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def tenant(self, tenant_id: UUID) -> Tenant | None:
        """The tenant with this id."""
        return self._tenants.get(tenant_id)

    def tenant_by_slug(self, slug: str) -> Tenant | None:
        """The tenant with this slug."""
        return self._slugs.get(slug)

    def tenants(self) -> list[Tenant]:
        """Every tenant, in no order."""
        return list(self._tenants.values())

    def scope_of_key(self, presented: str) -> Scope | None:
        """The Scope of an API key as it was sent, or None if it isn't a usable one."""
        key = self._keys.get(sha256(presented.encode()).digest())
        if key is None or (key.expires_at is not None and key.expires_at <= clock.now()):
            return None
        tenant = self._tenants.get(key.tenant_id)
        if tenant is None or tenant.status != "active":
            return None
        self.used[(key.tenant_id, key.key_id)] = clock.now()
        return Scope(
            key.tenant_id,
            Actor(ActorKind.KEY, str(key.key_id), key.name),
            frozenset(Permission(scope) for scope in key.scopes),
            trusted=key.kind == "secret" or tenant.trusts_publishable,
        )

    async def find_scope_of_key(self, presented: str) -> Scope | None:
        """Like :meth:`scope_of_key`; a key just made elsewhere is read from PostgreSQL first.

        All who send unknown keys share one look, at most ten a second, so strangers who try keys
        wait and cost nothing.
        """
        for _ in range(2):  # the look under way may have begun before the key was made
            scope = self.scope_of_key(presented)
            if scope is not None:
                return scope
            await self._look_together()
        return self.scope_of_key(presented)

    async def find_tenant(self, tenant_id: UUID) -> Tenant | None:
        """Like :meth:`tenant`; one just made elsewhere is read from PostgreSQL first."""
        for _ in range(2):
            if tenant_id in self._tenants:
                break
            await self._look_together()
        return self._tenants.get(tenant_id)

    async def _look_together(self) -> None:
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._look_soon())
        await asyncio.shield(self._look)

    async def _look_soon(self) -> None:
        await asyncio.sleep(self._next_look - time.monotonic())
        self._next_look = time.monotonic() + _LOOK_EVERY
        with suppress(UnavailableError):
            await self.refresh()

    async def refresh(self) -> None:
        """Read PostgreSQL if its version is not ours."""
        async with self._refreshing:
            await self._refresh()

    async def _refresh(self) -> None:
        async with self._postgres.across_tenants("directory") as tx:
            version = await tx.value("select version from directory_version")
            if version == self._content.version:
                return
            tenants = await tx.fetch(
                Tenant,
                "select tenant_id, slug, name, currency, timezone, status, activation_event,"
                " order_source, trusts_publishable, brand from tenants",
            )
            keys = await tx.fetch(
                Key,
                "select tenant_id, key_id, kind, name, prefix, secret_hash, scopes, expires_at"
                " from api_keys where revoked_at is null"
                " and (expires_at is null or expires_at > now())",
            )
        content = _Content(version, tenants, keys)
        self._take(content)
        await asyncio.to_thread(self._keep, content)

    def _take(self, content: _Content) -> None:
        self._tenants = {tenant.tenant_id: tenant for tenant in content.tenants}
        self._slugs = {tenant.slug: tenant for tenant in content.tenants}
        self._keys = {key.secret_hash: key for key in content.keys}
        self._content = content

    def _keep(self, content: _Content) -> None:
        keep_newest(self._file, content.version, msgspec.json.encode(content))

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            try:
                await self.refresh()
            except UnavailableError:
                continue
            except Exception:  # noqa: BLE001 - it must outlive any surprise, keeping what it has
                _log.exception("directory_refresh_failed")
