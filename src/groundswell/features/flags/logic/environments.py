"""Environments: production, staging and development as they come, and those a workspace made."""

import re
from collections.abc import Sequence
from uuid import UUID

from groundswell.core.audit import audit
from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.errors import FieldError, InvalidError, NotFoundError
from groundswell.core.platform import Platform
from groundswell.core.signals import Signal, emit
from groundswell.core.tenancy.scope import Scope, system_scope
from groundswell.features.flags.logic.announce import announce
from groundswell.features.flags.logic.checks import Wrong, refuse
from groundswell.features.flags.store import environments as store
from groundswell.features.flags.types import DEFAULT_ENVIRONMENTS, PRODUCTION, Environment

MAX_ENVIRONMENTS = 12
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)


async def environments(platform: Platform, scope: Scope) -> list[Environment]:
    """All environments, production first."""
    async with platform.postgres.transaction(scope) as tx:
        return await environments_in(tx)


async def environments_in(tx: ScopedTransaction) -> list[Environment]:
    """The same in the caller's transaction."""
    found = {each.environment: each for each in DEFAULT_ENVIRONMENTS}
    found |= {each.environment: each for each in await store.environments(tx)}
    return list(found.values())


async def put_environment(platform: Platform, scope: Scope, environment: Environment) -> None:
    """Make an environment, or change its name and whether it needs approval.

    Raises:
        InvalidError: names every wrong field.
    """
    async with platform.postgres.transaction(scope) as tx:
        known = {each.environment for each in await environments_in(tx)}
        refuse(_errors(environment, known))
        await store.put(tx, environment)
        detail = {"needs_approval": environment.needs_approval}
        await audit(tx, "environment.changed", "flag_environment", environment.environment, detail)
        await emit(tx, "environment.changed", {"environment": environment.environment, **detail})


async def environment_of_keys(platform: Platform, scope: Scope) -> dict[UUID, str]:
    """The environment of each key that is not for production."""
    async with platform.postgres.transaction(scope) as tx:
        found = await store.keys(tx)
    return {each.key_id: each.environment for each in found if each.environment != PRODUCTION}


async def put_key(platform: Platform, scope: Scope, key_id: UUID, environment: str) -> None:
    """Say which environment a key evaluates flags of.

    Raises:
        NotFoundError: the workspace has no such key.
        InvalidError: there is no such environment.
    """
    async with platform.postgres.transaction(scope) as tx:
        if environment not in {each.environment for each in await environments_in(tx)}:
            wrong = FieldError("environment", "is not an environment of this workspace")
            raise InvalidError("There is no such environment.", errors=[wrong])
        if not await store.put_key(tx, key_id, environment):
            raise NotFoundError("There is no such key.")
        detail = {"environment": environment}
        await audit(tx, "key.environment_changed", "key", key_id, detail)
        await emit(tx, "key.environment_changed", {"key_id": str(key_id), **detail})
    await announce(platform)


async def inherit(platform: Platform, tenant_id: UUID, signals: Sequence[Signal]) -> None:
    """A key made in place of another is for the same environment."""
    async with platform.postgres.transaction(system_scope(tenant_id, "worker")) as tx:
        for signal in signals:
            old, new = signal.payload["key_id"], signal.payload["replaced_by"]
            await store.inherit_key(tx, UUID(old), UUID(new))
    await announce(platform)


def _errors(environment: Environment, known: set[str]) -> Wrong:
    if not _NAME.fullmatch(environment.environment):
        yield FieldError("environment", "must be small letters, digits and dashes")
    elif environment.environment not in known and len(known) >= MAX_ENVIRONMENTS:
        yield FieldError("environment", f"is one too many: a workspace has {MAX_ENVIRONMENTS}")
    if not 0 < len(environment.name) <= 80:
        yield FieldError("name", "must be 1 to 80 characters long")
