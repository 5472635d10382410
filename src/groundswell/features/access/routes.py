"""The JSON API of keys, members, the tenant's settings and its mail."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.datastructures import State

from groundswell.core import clock
from groundswell.core.http.access import requires
from groundswell.core.http.body import read_body, read_query
from groundswell.core.http.idempotency import keep_answer
from groundswell.core.http.pagination import Page, decode_cursor, page_of
from groundswell.core.identity.keys import KeyKind
from groundswell.core.mail.types import MailContent, MailEntry
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission, Role
from groundswell.core.tenancy.scope import Scope
from groundswell.features.access.logic import keys, mail, members, tenants
from groundswell.features.access.types import (
    ApiKey,
    KeyState,
    MailQuery,
    TenantMember,
    TenantSettings,
)

AnyRequest = Request[object, object, State]


class KeyView(msgspec.Struct, kw_only=True):
    """An API key without its secret."""

    key_id: UUID
    kind: KeyKind
    name: str
    prefix: str
    scopes: list[str]
    state: KeyState
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    replaced_by: UUID | None


class NewKeyView(KeyView, kw_only=True):
    """An API key just made; ``key`` is the secret itself, shown this once."""

    key: str


class CreateKey(msgspec.Struct, forbid_unknown_fields=True):
    """A key to be made; without ``scopes`` it gets all that its kind may have."""

    kind: KeyKind
    name: str
    scopes: list[str] | None = None
    expires_at: datetime | None = None


class RotateKey(msgspec.Struct, forbid_unknown_fields=True):
    """How many hours the old key goes on beside the new one."""

    overlap_hours: Annotated[int, msgspec.Meta(ge=0, le=keys.MAX_OVERLAP_HOURS)] = (
        keys.OVERLAP_HOURS
    )


class AddMember(msgspec.Struct, forbid_unknown_fields=True):
    """Somebody to let in."""

    email: str
    role: Role
    name: str = ""


class AddedMemberView(msgspec.Struct):
    """``set_password_path`` is for them alone: by it they accept. It is shown this once."""

    member_id: UUID
    email: str
    role: Role
    set_password_path: str


class ChangeRole(msgspec.Struct, forbid_unknown_fields=True):
    """A member's new role."""

    role: Role


class ChangeTenant(msgspec.Struct, forbid_unknown_fields=True):
    """What is to change; what is left out stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    currency: str | msgspec.UnsetType = msgspec.UNSET
    timezone: str | msgspec.UnsetType = msgspec.UNSET
    activation_event: str | msgspec.UnsetType = msgspec.UNSET
    order_source: str | msgspec.UnsetType = msgspec.UNSET
    trusts_publishable: bool | msgspec.UnsetType = msgspec.UNSET


@get("/api/keys", opt=requires(Permission.KEYS_READ, answers={200: Page[KeyView]}))
async def list_keys(platform: Platform, scope: Scope) -> Page[KeyView]:
    """The tenant's keys, newest first, with those that ended in the last 30 days."""
    return Page([_key_view(key) for key in await keys.list_keys(platform, scope)])


@post(
    "/api/keys",
    opt=requires(Permission.KEYS_MANAGE, body=CreateKey, answers={201: NewKeyView}),
)
async def create_key(request: AnyRequest, platform: Platform, scope: Scope) -> Response[bytes]:
    """Make a key. Its secret is in this answer and nowhere else."""
    body = await read_body(request, CreateKey)
    async with platform.postgres.transaction(scope) as tx:
        issued = await keys.issue_key(
            tx, kind=body.kind, name=body.name, scopes=body.scopes, expires_at=body.expires_at
        )
        return await keep_answer(tx, request, 201, _new_key_view(issued.key, issued.secret))


@post(
    "/api/keys/{key_id:uuid}/rotate",
    opt=requires(Permission.KEYS_MANAGE, body=RotateKey, answers={201: NewKeyView}),
)
async def rotate_key(
    request: AnyRequest, platform: Platform, scope: Scope, key_id: UUID
) -> Response[bytes]:
    """Make a key in place of another, which goes on for the hours of overlap."""
    empty = not await request.body()
    body = RotateKey() if empty else await read_body(request, RotateKey)
    async with platform.postgres.transaction(scope) as tx:
        issued = await keys.succeed_key(tx, key_id, body.overlap_hours)
        return await keep_answer(tx, request, 201, _new_key_view(issued.key, issued.secret))


@delete("/api/keys/{key_id:uuid}", opt=requires(Permission.KEYS_MANAGE, answers={204: None}))
async def revoke_key(platform: Platform, scope: Scope, key_id: UUID) -> None:
    """Stop a key at once."""
    await keys.revoke_key(platform, scope, key_id)


@get("/api/members", opt=requires(Permission.MEMBERS_READ, answers={200: Page[TenantMember]}))
async def list_members(platform: Platform, scope: Scope) -> Page[TenantMember]:
    """The tenant's members, owners first."""
    return Page(await members.list_members(platform, scope))


@post(
    "/api/members",
    opt=requires(Permission.MEMBERS_MANAGE, body=AddMember, answers={201: AddedMemberView}),
)
async def add_member(
    request: AnyRequest, platform: Platform, scope: Scope
) -> Response[AddedMemberView]:
    """Let somebody in. Who has no account yet gets one, and a link to set its password."""
    body = await read_body(request, AddMember)
    added = await members.add_member(
        platform, scope, email=body.email, role=body.role.value, name=body.name
    )
    path = f"/set-password?token={added.link_token}"
    view = AddedMemberView(added.member_id, added.email, added.role, path)
    return Response(view, status_code=201)


@patch(
    "/api/members/{member_id:uuid}",
    opt=requires(Permission.MEMBERS_MANAGE, body=ChangeRole, answers={204: None}),
    status_code=204,
)
async def change_role(
    request: AnyRequest, platform: Platform, scope: Scope, member_id: UUID
) -> None:
    """Give a member another role."""
    body = await read_body(request, ChangeRole)
    await members.change_role(platform, scope, member_id, body.role.value)


@delete(
    "/api/members/{member_id:uuid}",
    opt=requires(Permission.MEMBERS_MANAGE, answers={204: None}),
)
async def remove_member(platform: Platform, scope: Scope, member_id: UUID) -> None:
    """Let a member go."""
    await members.remove_member(platform, scope, member_id)


@get("/api/tenant", opt=requires(Permission.TENANT_READ, answers={200: TenantSettings}))
async def show_tenant(platform: Platform, scope: Scope) -> TenantSettings:
    """The tenant's settings."""
    return await tenants.settings_of(platform, scope)


@patch(
    "/api/tenant",
    opt=requires(Permission.TENANT_MANAGE, body=ChangeTenant, answers={200: TenantSettings}),
)
async def change_tenant(request: AnyRequest, platform: Platform, scope: Scope) -> TenantSettings:
    """Change some of the tenant's settings."""
    body = await read_body(request, ChangeTenant)
    given = {
        field: value
        for field, value in msgspec.structs.asdict(body).items()
        if value is not msgspec.UNSET
    }
    return await tenants.change_settings(platform, scope, given)


@get(
    "/api/mail",
    opt=requires(
        Permission.JOBS_READ,
        query=MailQuery,
        answers={200: Page[MailEntry]},
        summary="Mail that was sent, waits, failed or was kept, newest first, without bodies.",
    ),
)
async def list_mail(request: AnyRequest, platform: Platform, scope: Scope) -> Page[MailEntry]:
    """The outbox of the last 30 days."""
    query = read_query(request, MailQuery)
    after = decode_cursor(query.cursor, tuple[datetime, UUID])
    found = await mail.list_mail(platform, scope, query.status or "", after, query.limit + 1)
    return page_of(found, query.limit, mail.key_of)


@get(
    "/api/mail/{mail_id:uuid}",
    opt=requires(Permission.TENANT_MANAGE, answers={200: MailContent}),
)
async def read_mail(platform: Platform, scope: Scope, mail_id: UUID) -> MailContent:
    """A mail with its body; the secret in the link of a password reset is left out."""
    return await mail.read_mail(platform, scope, mail_id)


@post(
    "/api/mail/{mail_id:uuid}/send",
    status_code=204,
    opt=requires(
        Permission.TENANT_MANAGE,
        answers={204: None},
        summary="Send a mail that was kept or failed.",
    ),
)
async def send_mail(platform: Platform, scope: Scope, mail_id: UUID) -> None:
    """Queue a mail once more."""
    await mail.resend(platform, scope, mail_id)


def _key_view(key: ApiKey) -> KeyView:
    return msgspec.convert(_shown(key), KeyView)


def _new_key_view(key: ApiKey, secret: str) -> NewKeyView:
    return msgspec.convert({**_shown(key), "key": secret}, NewKeyView)


def _shown(key: ApiKey) -> dict[str, object]:
    return {**msgspec.structs.asdict(key), "state": key.state(clock.now())}


ROUTES = (
    list_keys,
    create_key,
    rotate_key,
    revoke_key,
    list_members,
    add_member,
    change_role,
    remove_member,
    show_tenant,
    change_tenant,
    list_mail,
    read_mail,
    send_mail,
)
