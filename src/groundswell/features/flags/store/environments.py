"""The stages of a workspace, and which key belongs to which."""

from uuid import UUID

import msgspec
from psycopg.errors import ForeignKeyViolation

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.features.flags.types import Environment


class KeyEnvironment(msgspec.Struct, frozen=True):
    """A key that is not for production."""

    key_id: UUID
    environment: str


async def environments(tx: ScopedTransaction) -> list[Environment]:
    """Those that were made or changed."""
    return await tx.fetch(
        Environment,
        "select environment, name, needs_approval from flag_environments"
        " where tenant_id = %s order by created_at, environment",
        (tx.tenant_id,),
    )


async def put(tx: ScopedTransaction, environment: Environment) -> None:
    """Make or change one."""
    await tx.execute(
        "insert into flag_environments (tenant_id, environment, name, needs_approval)"
        " values (%s, %s, %s, %s) on conflict (tenant_id, environment)"
        " do update set name = excluded.name, needs_approval = excluded.needs_approval",
        (tx.tenant_id, environment.environment, environment.name, environment.needs_approval),
    )


async def keys(tx: ScopedTransaction) -> list[KeyEnvironment]:
    """The environment of each key that was given one."""
    return await tx.fetch(
        KeyEnvironment,
        "select key_id, environment from flag_keys where tenant_id = %s",
        (tx.tenant_id,),
    )


async def put_key(tx: ScopedTransaction, key_id: UUID, environment: str) -> bool:
    """Give a key its environment; False if the workspace has no such key."""
    try:
        async with tx.connection.transaction():
            await tx.execute(
                "insert into flag_keys (tenant_id, key_id, environment) values (%s, %s, %s)"
                " on conflict (tenant_id, key_id) do update set environment = excluded.environment",
                (tx.tenant_id, key_id, environment),
            )
    except ForeignKeyViolation:
        return False
    return True


async def inherit_key(tx: ScopedTransaction, key_id: UUID, replaced_by: UUID) -> None:
    """Give the key made in place of another the other's environment."""
    await tx.execute(
        "insert into flag_keys (tenant_id, key_id, environment)"
        " select tenant_id, %s, environment from flag_keys where tenant_id = %s and key_id = %s"
        " on conflict do nothing",
        (replaced_by, tx.tenant_id, key_id),
    )
