"""Environments, and which key belongs to which."""

from uuid import UUID

import msgspec
from litestar import get, put

from groundswell.core.http.access import requires
from groundswell.core.http.body import read_body
from groundswell.core.http.caller import AnyRequest
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.flags.logic import environments as stages
from groundswell.features.flags.types import (
    Environment,
)

READ = Permission.FLAGS_READ


class PutEnvironment(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An environment's name, and whether a second person must publish what one proposes."""

    name: str
    needs_approval: bool = False


class PutKey(msgspec.Struct, forbid_unknown_fields=True):
    """The environment a key evaluates."""

    environment: str


class ItemList(msgspec.Struct):
    """Environments with the keys that are not for production."""

    items: list[Environment]
    keys: dict[str, str]


@get("/api/flag-environments", opt=requires(READ, answers={200: ItemList}))
async def list_environments(platform: Platform, scope: Scope) -> ItemList:
    """Environments, and the keys that are not for production."""
    keys = await stages.environment_of_keys(platform, scope)
    shown = {str(key): environment for key, environment in keys.items()}
    return ItemList(await stages.environments(platform, scope), shown)


@put(
    "/api/flag-environments/{environment:str}",
    opt=requires(Permission.FLAGS_PUBLISH, body=PutEnvironment, answers={200: Environment}),
)
async def put_environment(
    request: AnyRequest, platform: Platform, scope: Scope, environment: str
) -> Environment:
    """Make an environment, or change its name and whether it needs approval."""
    body = await read_body(request, PutEnvironment)
    made = Environment(environment=environment, name=body.name, needs_approval=body.needs_approval)
    await stages.put_environment(platform, scope, made)
    return made


@put(
    "/api/flag-environments/keys/{key_id:uuid}",
    opt=requires(Permission.KEYS_MANAGE, body=PutKey, answers={204: None}),
    status_code=204,
)
async def put_key(request: AnyRequest, platform: Platform, scope: Scope, key_id: UUID) -> None:
    """Say which environment a key evaluates; production unless it was said."""
    body = await read_body(request, PutKey)
    await stages.put_key(platform, scope, key_id, body.environment)


ROUTES = (
    list_environments,
    put_environment,
    put_key,
)
