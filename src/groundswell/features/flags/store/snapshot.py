"""What processes hold in memory: every workspace's flags that changed since they last looked."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from groundswell.core.db.postgres import Transaction


class FlagRow(msgspec.Struct):
    """A flag as the snapshot keeps it: also in the file, where content is JSON too."""

    tenant_id: UUID
    flag_id: UUID
    key: str
    number: int
    version: int
    content: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    revision: int


class KeyRow(msgspec.Struct):
    """A key's environment."""

    tenant_id: UUID
    key_id: UUID
    environment: str
    revision: int


async def version(tx: Transaction) -> int:
    """The revision of the latest change."""
    return int(await tx.value("select version from flags_version"))


async def flags_since(tx: Transaction, revision: int) -> list[FlagRow]:
    """Flags that changed after a revision, archived ones too, so that they can be dropped."""
    return await tx.fetch(
        FlagRow,
        "select tenant_id, flag_id, key, number, version, content, created_at, updated_at,"
        " revision from flags where revision > %s",
        (revision,),
    )


async def keys_since(tx: Transaction, revision: int) -> list[KeyRow]:
    """Keys whose environment changed after a revision."""
    return await tx.fetch(
        KeyRow,
        "select tenant_id, key_id, environment, revision from flag_keys where revision > %s",
        (revision,),
    )
