"""Flags and their history."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.features.flags.types import Flag, FlagContent, Version

_COLUMNS = "select flag_id, key, number, version, content, created_at, updated_at from flags"


class _Row(msgspec.Struct):
    flag_id: UUID
    key: str
    number: int
    version: int
    content: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class _VersionRow(msgspec.Struct):
    version: int
    at: datetime
    actor_kind: str
    actor_id: str
    actor_label: str
    note: str
    content: dict[str, Any]


def flag_of(row: Any) -> Flag:
    """A row with the columns of a flag as a Flag."""
    head = {name: getattr(row, name) for name in _HEAD}
    return msgspec.convert({**row.content, **head}, Flag)


_HEAD = ("flag_id", "key", "number", "version", "created_at", "updated_at")


async def lock(tx: ScopedTransaction) -> None:
    """One change of a workspace's flags at a time: two at once could close a circle."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended(%s, 9))", (str(tx.tenant_id),))


async def all_flags(tx: ScopedTransaction, *, archived: bool = False) -> list[Flag]:
    """Every flag that is in use, or every archived one, in order of key."""
    rows = await tx.fetch(
        _Row,
        _COLUMNS + ' where tenant_id = %s and archived = %s order by key collate "C"',
        (tx.tenant_id, archived),
    )
    return [flag_of(row) for row in rows]


async def find(tx: ScopedTransaction, key: str) -> Flag | None:
    """The flag with this key, archived or not."""
    row = await tx.fetch_one(
        _Row, _COLUMNS + " where tenant_id = %s and key = %s", (tx.tenant_id, key)
    )
    return None if row is None else flag_of(row)


async def by_id(tx: ScopedTransaction, flag_id: UUID) -> Flag | None:
    """The flag with this id, archived or not."""
    row = await tx.fetch_one(
        _Row, _COLUMNS + " where tenant_id = %s and flag_id = %s", (tx.tenant_id, flag_id)
    )
    return None if row is None else flag_of(row)


async def insert(tx: ScopedTransaction, flag_id: UUID, key: str, content: FlagContent) -> None:
    """A new flag, version 1; call it under :func:`lock`."""
    await tx.execute(
        "insert into flags (tenant_id, flag_id, key, number, version, content)"
        " select %s, %s, %s, coalesce(max(number), 0) + 1, 1, %s::jsonb from flags"
        " where tenant_id = %s",
        (tx.tenant_id, flag_id, key, _json(content), tx.tenant_id),
    )


async def update(tx: ScopedTransaction, flag_id: UUID, version: int, content: FlagContent) -> None:
    """Another version in place of the present one."""
    await tx.execute(
        "update flags set version = %s, content = %s::jsonb, archived = %s, updated_at = now()"
        " where tenant_id = %s and flag_id = %s",
        (version, _json(content), content.archived, tx.tenant_id, flag_id),
    )


async def insert_version(
    tx: ScopedTransaction, flag_id: UUID, version: int, content: FlagContent, note: str
) -> None:
    """An entry of the history, in the name of the transaction's actor."""
    actor = tx.scope.actor
    await tx.execute(
        "insert into flag_versions (tenant_id, flag_id, version, content, note, actor_kind,"
        " actor_id, actor_label) values (%s, %s, %s, %s::jsonb, %s, %s, %s, %s)",
        (
            tx.tenant_id,
            flag_id,
            version,
            _json(content),
            note,
            actor.kind.value,
            actor.id,
            actor.label,
        ),
    )


async def versions(
    tx: ScopedTransaction, flag_id: UUID, before: int | None, limit: int
) -> list[Version]:
    """History, newest first; ``before`` goes on below that version."""
    rows = await tx.fetch(
        _VersionRow,
        "select version, at, actor_kind, actor_id, actor_label, note, content from flag_versions"
        " where tenant_id = %s and flag_id = %s and version < %s order by version desc limit %s",
        (tx.tenant_id, flag_id, 2**31 - 1 if before is None else before, limit),
    )
    return [msgspec.convert(msgspec.structs.asdict(row), Version) for row in rows]


async def version(tx: ScopedTransaction, flag_id: UUID, number: int) -> Version | None:
    """One entry of the history."""
    found = await versions(tx, flag_id, number + 1, 1)
    return found[0] if found and found[0].version == number else None


def _json(content: FlagContent) -> str:
    return msgspec.json.encode(content).decode()
