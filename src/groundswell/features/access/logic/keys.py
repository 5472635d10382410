"""Issuing, rotating and revoking API keys."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from groundswell.core import clock
from groundswell.core.audit import audit
from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.errors import ConflictError, FieldError, NotFoundError
from groundswell.core.identity.keys import PREFIXES, KeyKind, key_hash, new_key, shown_prefix
from groundswell.core.ids import new_id
from groundswell.core.platform import Platform
from groundswell.core.signals import emit
from groundswell.core.tenancy.permissions import (
    PUBLISHABLE_PERMISSIONS,
    SECRET_KEY_PERMISSIONS,
    Permission,
)
from groundswell.core.tenancy.scope import Scope
from groundswell.features.access import store
from groundswell.features.access.logic.checks import Wrong, refuse, text_errors
from groundswell.features.access.types import ApiKey, IssuedKey

ALLOWED: dict[KeyKind, frozenset[Permission]] = {
    "secret": SECRET_KEY_PERMISSIONS,
    "publishable": PUBLISHABLE_PERMISSIONS,
}
OVERLAP_HOURS = 24
MAX_OVERLAP_HOURS = 720


async def list_keys(platform: Platform, scope: Scope) -> list[ApiKey]:
    """The tenant's keys, newest first."""
    async with platform.postgres.transaction(scope) as tx:
        return await store.keys(tx)


async def create_key(
    platform: Platform,
    scope: Scope,
    *,
    kind: KeyKind,
    name: str,
    scopes: Iterable[str] | None = None,
    expires_at: datetime | None = None,
) -> IssuedKey:
    """A new key in a transaction of its own; see :func:`issue_key`."""
    async with platform.postgres.transaction(scope) as tx:
        return await issue_key(tx, kind=kind, name=name, scopes=scopes, expires_at=expires_at)


async def issue_key(
    tx: ScopedTransaction,
    *,
    kind: KeyKind,
    name: str,
    scopes: Iterable[str] | None = None,
    expires_at: datetime | None = None,
) -> IssuedKey:
    """A new key; without ``scopes`` it gets all that its kind may have.

    Raises:
        InvalidError: names every wrong field.
    """
    chosen = sorted(ALLOWED.get(kind, ()) if scopes is None else set(scopes))
    refuse(
        text_errors("name", name),
        _kind_errors(kind, chosen),
        _expiry_errors(expires_at),
    )
    return await insert_key(tx, kind, name.strip(), chosen, expires_at)


async def insert_key(
    tx: ScopedTransaction,
    kind: KeyKind,
    name: str,
    scopes: Iterable[str] | None = None,
    expires_at: datetime | None = None,
) -> IssuedKey:
    """The same in the caller's transaction, with values that were checked."""
    secret = new_key(kind)
    key = ApiKey(
        key_id=new_id(),
        kind=kind,
        name=name,
        prefix=shown_prefix(secret),
        scopes=sorted(ALLOWED[kind] if scopes is None else scopes),
        created_by=tx.scope.actor.label or tx.scope.actor.id,
        created_at=clock.now(),
        expires_at=expires_at,
        revoked_at=None,
        last_used_at=None,
        replaced_by=None,
    )
    await store.insert_key(tx, key, key_hash(secret))
    await audit(tx, "key.created", "key", key.key_id, {"kind": kind, "scopes": key.scopes})
    await emit(tx, "key.created", {"key_id": str(key.key_id), "kind": kind})
    return IssuedKey(key, secret)


async def rotate_key(
    platform: Platform, scope: Scope, key_id: UUID, overlap_hours: int = OVERLAP_HOURS
) -> IssuedKey:
    """Rotate a key in a transaction of its own; see :func:`succeed_key`."""
    async with platform.postgres.transaction(scope) as tx:
        return await succeed_key(tx, key_id, overlap_hours)


async def succeed_key(tx: ScopedTransaction, key_id: UUID, overlap_hours: int) -> IssuedKey:
    """A new key in place of an old one, which goes on for ``overlap_hours``.

    Raises:
        NotFoundError: the tenant has no such key.
        ConflictError: it is revoked, expired or already replaced.
        InvalidError: the overlap is out of range.
    """
    refuse(_overlap_errors(overlap_hours))
    old = await _usable(tx, key_id)
    if old.replaced_by is not None:
        raise ConflictError("This key was already replaced by another.")
    issued = await insert_key(tx, old.kind, old.name, old.scopes, _same_life(old))
    until = clock.now() + timedelta(hours=overlap_hours)
    await store.replace_key(tx, key_id, issued.key.key_id, until)
    detail = {"replaced_by": str(issued.key.key_id), "overlap_hours": overlap_hours}
    await audit(tx, "key.rotated", "key", key_id, detail)
    await emit(tx, "key.rotated", {"key_id": str(key_id), **detail})
    return issued


async def revoke_key(platform: Platform, scope: Scope, key_id: UUID) -> None:
    """Stop a key at once; other processes refuse it within about a second.

    Raises:
        NotFoundError: the tenant has no such key.
    """
    async with platform.postgres.transaction(scope) as tx:
        key = await store.key_for_update(tx, key_id)
        if key is None:
            raise _no_key()
        if key.revoked_at is not None:
            return
        await store.revoke_key(tx, key_id)
        await audit(tx, "key.revoked", "key", key_id)
        await emit(tx, "key.revoked", {"key_id": str(key_id)})


async def flush_used(platform: Platform) -> int:
    """Write down when keys were last used; returns how many. Call it every half a minute.

    Raises:
        UnavailableError: the database is away; the times are kept for the next call.
    """
    used = platform.directory.used
    taken = dict(used)
    if not taken:
        return 0
    async with platform.postgres.across_tenants("keys-used") as tx:
        await store.note_used(tx, [(tenant, key, at) for (tenant, key), at in taken.items()])
    for key, at in taken.items():
        if used.get(key) == at:
            del used[key]
    return len(taken)


async def _usable(tx: ScopedTransaction, key_id: UUID) -> ApiKey:
    key = await store.key_for_update(tx, key_id)
    if key is None:
        raise _no_key()
    if key.state(clock.now()) in ("revoked", "expired"):
        raise ConflictError("This key no longer works. Make a new one instead.")
    return key


def _no_key() -> NotFoundError:
    return NotFoundError("There is no such key.")


def _same_life(old: ApiKey) -> datetime | None:
    """The new key lives as long as the old one was meant to."""
    if old.expires_at is None:
        return None
    return clock.now() + (old.expires_at - old.created_at)


def _kind_errors(kind: str, scopes: list[str]) -> Wrong:
    if kind not in PREFIXES:
        yield FieldError("kind", "must be secret or publishable")
        return
    allowed = ALLOWED["secret" if kind == "secret" else "publishable"]
    if not scopes:
        yield FieldError("scopes", "must name at least one")
    for scope in scopes:
        if scope not in allowed:
            yield FieldError("scopes", f"{scope[:80]!r} is nothing that a {kind} key may do")


def _expiry_errors(expires_at: datetime | None) -> Wrong:
    if expires_at is None:
        return
    if expires_at.tzinfo is None:
        yield FieldError("expires_at", "must say its UTC offset")
    elif expires_at <= clock.now():
        yield FieldError("expires_at", "must be in the future")


def _overlap_errors(hours: int) -> Wrong:
    if not 0 <= hours <= MAX_OVERLAP_HOURS:
        yield FieldError("overlap_hours", f"must be 0 to {MAX_OVERLAP_HOURS}")
