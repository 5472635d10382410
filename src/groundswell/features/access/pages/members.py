"""The page of members."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post

from groundswell.core.errors import ConflictError, ForbiddenError, InvalidError, RateLimitedError
from groundswell.core.http.access import requires
from groundswell.core.http.caller import caller_of
from groundswell.core.http.cookies import Flash
from groundswell.core.http.pages import page, redirect
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.access.logic import members as logic
from groundswell.features.access.pages.forms import (
    AnyRequest,
    role_name,
    role_options,
    text,
    texts_of,
)
from groundswell.features.access.types import AddedMember
from groundswell.ui.i18n import gettext as _

PATH = "/settings/members"


@get(PATH, opt=requires(Permission.MEMBERS_READ))
async def show(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Members with their roles, and the form to add one."""
    return await _page(request, platform, scope)


@post(PATH, opt=requires(Permission.MEMBERS_MANAGE))
async def add(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Let somebody in; a set-password link is shown this once."""
    form = await request.form()
    values = {name: text(form, name) for name in ("email", "name", "role")}
    try:
        added = await logic.add_member(platform, scope, **values)
    except InvalidError as error:
        errors = texts_of(error)
    except ForbiddenError as refused:
        errors = {"role": _(refused.detail)}
    except (ConflictError, RateLimitedError) as refused:
        errors = {"email": _(refused.detail)}
    else:
        return await _page(request, platform, scope, status=201, added=added)
    return await _page(request, platform, scope, status=422, values=values, errors=errors)


@post(PATH + "/{member_id:uuid}/role", opt=requires(Permission.MEMBERS_MANAGE))
async def change_role(
    request: AnyRequest, platform: Platform, scope: Scope, member_id: UUID
) -> Response[Any]:
    """Give a member another role."""
    role = text(await request.form(), "role")
    try:
        await logic.change_role(platform, scope, member_id, role)
    except (InvalidError, ConflictError, ForbiddenError) as refused:
        return redirect(request, PATH, Flash(_("The role stays."), "error", _(refused.detail)))
    return redirect(request, PATH, Flash(_("The role is changed.")))


@post(PATH + "/{member_id:uuid}/remove", opt=requires(Permission.MEMBERS_MANAGE))
async def remove(
    request: AnyRequest, platform: Platform, scope: Scope, member_id: UUID
) -> Response[Any]:
    """Let a member go."""
    try:
        await logic.remove_member(platform, scope, member_id)
    except (ConflictError, ForbiddenError) as refused:
        return redirect(request, PATH, Flash(_("The member stays."), "error", _(refused.detail)))
    return redirect(request, PATH, Flash(_("The member is removed.")))


@post(PATH + "/{member_id:uuid}/link", opt=requires(Permission.MEMBERS_MANAGE))
async def renew_link(
    request: AnyRequest, platform: Platform, scope: Scope, member_id: UUID
) -> Response[Any]:
    """Another set-password link, shown this once."""
    try:
        added = await logic.renew_link(platform, scope, member_id)
    except (ConflictError, ForbiddenError, RateLimitedError) as refused:
        return redirect(
            request, PATH, Flash(_("There is no new link."), "error", _(refused.detail))
        )
    return await _page(request, platform, scope, status=201, added=added)


async def _page(
    request: AnyRequest,
    platform: Platform,
    scope: Scope,
    *,
    status: int = 200,
    added: AddedMember | None = None,
    values: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
) -> Response[Any]:
    is_owner = Permission.TENANT_MANAGE in scope.permissions
    session = caller_of(request).session
    response = await page(
        request,
        "access/members.html",
        status=status,
        members=await logic.list_members(platform, scope),
        is_owner=is_owner,
        me=session.member_id if session else None,
        role_name=role_name,
        roles=role_options(with_owner=is_owner),
        added=added,
        link=_link(request, platform, added),
        link_days=logic.LINK_DAYS,
        sends_mail=platform.settings.smtp_url is not None,
        values=values or {},
        errors=errors or {},
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _link(request: AnyRequest, platform: Platform, added: AddedMember | None) -> str:
    if added is None:
        return ""
    base = platform.settings.public_url or str(request.base_url)
    return f"{base.rstrip('/')}/set-password?token={added.link_token}"


PAGES = (show, add, change_role, remove, renew_link)
