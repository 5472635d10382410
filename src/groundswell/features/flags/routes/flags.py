"""What flags are: list, make, change, explain."""

from typing import Annotated, Any

import msgspec
from litestar import Response, get, patch, post, put

from groundswell.core.errors import NotFoundError
from groundswell.core.http.access import requires
from groundswell.core.http.body import read_body, read_query
from groundswell.core.http.caller import AnyRequest
from groundswell.core.http.pagination import Page, PageQuery, decode_cursor, page_of
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.flags import api
from groundswell.features.flags.logic import change, switch
from groundswell.features.flags.logic.doors.ours import Evaluate, context_of
from groundswell.features.flags.logic.evaluate import FlagSet
from groundswell.features.flags.logic.explain import Explanation, explain
from groundswell.features.flags.logic.monitor import Monitor, monitor
from groundswell.features.flags.logic.stale import StaleFlag, stale_flags
from groundswell.features.flags.types import (
    PRODUCTION,
    BucketBy,
    Flag,
    FlagContent,
    FlagKind,
    Hashing,
    Rules,
    Variant,
)

Version = Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)]
READ, WRITE = Permission.FLAGS_READ, Permission.FLAGS_WRITE
_SAVED: dict[int, Any] = {200: change.Saved}


class FlagsQuery(PageQuery, frozen=True, kw_only=True):
    """``search`` looks into keys and names."""

    search: Annotated[str, msgspec.Meta(max_length=200)] = ""
    tag: Annotated[str, msgspec.Meta(max_length=60)] = ""
    archived: bool = False


class CreateFlag(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A new flag; without environments it is off everywhere."""

    key: str
    name: str = ""
    description: str = ""
    tags: list[str] = []
    kind: FlagKind = "boolean"
    variants: list[Variant] = []
    off_variant: str | None = None
    bucket_by: BucketBy = "person"
    group_type: str = ""
    hashing: Hashing = "groundswell"
    salt: str = ""
    environments: dict[str, Rules] = {}
    note: str = ""


class ChangeFlag(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to change; what is left out stays. ``version``: refuse if changed since."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType = msgspec.UNSET
    tags: list[str] | msgspec.UnsetType = msgspec.UNSET
    variants: list[Variant] | msgspec.UnsetType = msgspec.UNSET
    off_variant: str | msgspec.UnsetType | None = msgspec.UNSET
    bucket_by: BucketBy | msgspec.UnsetType = msgspec.UNSET
    group_type: str | msgspec.UnsetType = msgspec.UNSET
    salt: str | msgspec.UnsetType = msgspec.UNSET
    environments: dict[str, Rules] | msgspec.UnsetType = msgspec.UNSET
    version: Version | None = None
    note: str = ""


class PutRules(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """All rules of one environment."""

    rules: Rules
    version: Version | None = None
    note: str = ""


class Explain(Evaluate, kw_only=True):
    """About whom, in which environment."""

    environment: str = PRODUCTION


@get("/api/flags", opt=requires(READ, query=FlagsQuery, answers={200: Page[Flag]}))
async def list_flags(request: AnyRequest, platform: Platform, scope: Scope) -> Page[Flag]:
    """The workspace's flags, in order of key."""
    query = read_query(request, FlagsQuery)
    after = decode_cursor(query.cursor, tuple[str])
    flags = await switch.list_flags(platform, scope, archived=query.archived)
    found = switch.filtered(flags, query.search, query.tag)
    below = [flag for flag in found if after is None or flag.key > after[0]]
    return page_of(below[: query.limit + 1], query.limit, lambda flag: (flag.key,))


@post("/api/flags", opt=requires(WRITE, body=CreateFlag, answers={201: change.Saved}))
async def create_flag(
    request: AnyRequest, platform: Platform, scope: Scope
) -> Response[change.Saved]:
    """Make a flag. Where an environment needs approval, its rules are proposed."""
    body = await read_body(request, CreateFlag)
    fields = msgspec.structs.asdict(body)
    key, note = fields.pop("key"), fields.pop("note")
    saved = await change.create(platform, scope, key, FlagContent(**fields), note)
    return Response(saved, status_code=201)


@get("/api/flags/stale", opt=requires(READ, answers={200: Page[StaleFlag]}))
async def list_stale(platform: Platform, scope: Scope) -> Page[StaleFlag]:
    """Flags unchanged for 30 days that decide nothing any more."""
    return Page(await stale_flags(platform, scope))


@get("/api/flags/{key:str}", opt=requires(READ, answers={200: Flag}))
async def show_flag(platform: Platform, scope: Scope, key: str) -> Flag:
    """One flag with its rules in every environment."""
    return await change.get(platform, scope, key)


@patch("/api/flags/{key:str}", opt=requires(WRITE, body=ChangeFlag, answers=_SAVED))
async def change_flag(
    request: AnyRequest, platform: Platform, scope: Scope, key: str
) -> change.Saved:
    """Change what a flag is. Environments that are given are replaced, others stay."""
    body = await read_body(request, ChangeFlag)
    fields = msgspec.structs.asdict(body)
    version, note = fields.pop("version"), fields.pop("note")
    given = {name: value for name, value in fields.items() if value is not msgspec.UNSET}

    def edit(flag: Flag) -> FlagContent:
        rules = {**flag.environments, **given.get("environments", {})}
        return msgspec.structs.replace(flag.content(), **{**given, "environments": rules})

    return await change.change(platform, scope, key, edit, version=version, note=note)


@put(
    "/api/flags/{key:str}/environments/{environment:str}",
    opt=requires(WRITE, body=PutRules, answers=_SAVED),
)
async def put_rules(
    request: AnyRequest, platform: Platform, scope: Scope, key: str, environment: str
) -> change.Saved:
    """Replace the rules of one environment."""
    body = await read_body(request, PutRules)
    return await switch.put_rules(
        platform, scope, key, environment, body.rules, version=body.version, note=body.note
    )


@post(
    "/api/flags/{key:str}/explain",
    opt=requires(READ, body=Explain, answers={200: Explanation}),
    status_code=200,
)
async def explain_flag(
    request: AnyRequest, platform: Platform, scope: Scope, key: str
) -> Explanation:
    """Why a person gets what they get, step by step."""
    body = await read_body(request, Explain)
    flag = await change.get(platform, scope, key)
    flags = FlagSet.of(await switch.list_flags(platform, scope), body.environment)
    found = explain(flag, flags, context_of(body))
    if found is None:
        raise NotFoundError("The flag is archived.")
    return found


@get("/api/flags/{key:str}/monitor", opt=requires(READ, answers={200: Monitor}))
async def show_monitor(platform: Platform, scope: Scope, key: str) -> Monitor:
    """People of the last 30 days who saw more than one variant."""
    return await monitor(platform, scope, key)


@get(
    "/api/projects/{project:str}/feature_flags/{key:str}/remote_config",
    opt=requires(Permission.FLAGS_EVALUATE, answers={200: Any}, summary="A payload (PostHog)"),
)
async def remote_config(
    platform: Platform, scope: Scope, project: str, key: str
) -> Response[bytes]:
    """The payload that a flag gives everybody, as the JSON text PostHog's SDKs expect."""
    flag = api.snapshot_of(platform).flags_of(scope).flags.get(key)
    if flag is None:
        raise NotFoundError("There is no such flag.")
    payloads = [each.payload for each in flag.flag.variants if each.payload is not None]
    text = msgspec.json.encode(payloads[0]).decode() if payloads else None
    return Response(msgspec.json.encode(text), media_type="application/json")


ROUTES = (
    list_flags,
    create_flag,
    list_stale,
    show_flag,
    change_flag,
    put_rules,
    explain_flag,
    show_monitor,
    remote_config,
)
