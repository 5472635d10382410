"""Environments, the keys that belong to them, and proposals."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post

from groundswell.core.errors import InvalidError, ProblemError
from groundswell.core.http.access import requires
from groundswell.core.http.caller import AnyRequest
from groundswell.core.http.cookies import Flash
from groundswell.core.http.pages import page, redirect
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.access import api as access
from groundswell.features.flags.logic import approve, environments
from groundswell.features.flags.pages.forms import fields_of
from groundswell.features.flags.pages.listing import PATH, texts_of
from groundswell.features.flags.types import PRODUCTION, Environment
from groundswell.ui.i18n import gettext as _

HERE = PATH + "/environments"


@get(HERE, opt=requires(Permission.FLAGS_READ))
async def show(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Environments and the keys of each."""
    chosen = await environments.environment_of_keys(platform, scope)
    keys = await access.list_keys(platform, scope)
    return await page(
        request,
        "flags/environments.html",
        environments=await environments.environments(platform, scope),
        keys=[(key, chosen.get(key.key_id, PRODUCTION)) for key in keys if key.revoked_at is None],
    )


@post(HERE, opt=requires(Permission.FLAGS_PUBLISH))
async def save(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Make an environment or change one."""
    fields = fields_of(await request.form())
    made = Environment(
        environment=fields.get("environment", "").strip(),
        name=fields.get("name", "").strip(),
        needs_approval=fields.get("needs_approval") == "on",
    )
    try:
        await environments.put_environment(platform, scope, made)
    except InvalidError as error:
        reasons = " ".join(texts_of(error.errors).values())
        return redirect(request, HERE, Flash(_("Nothing was saved."), "error", reasons))
    return redirect(request, HERE, Flash(_("The environment is saved.")))


@post(HERE + "/keys/{key_id:uuid}", opt=requires(Permission.KEYS_MANAGE))
async def save_key(
    request: AnyRequest, platform: Platform, scope: Scope, key_id: UUID
) -> Response[Any]:
    """Say which environment a key evaluates."""
    fields = fields_of(await request.form())
    try:
        await environments.put_key(platform, scope, key_id, fields.get("environment", ""))
    except ProblemError as error:
        return redirect(request, HERE, Flash(_("Nothing was saved."), "error", error.detail))
    return redirect(request, HERE, Flash(_("The key's environment is saved.")))


@post(PATH + "/approvals/{approval_id:uuid}/approve", opt=requires(Permission.FLAGS_PUBLISH))
async def publish(
    request: AnyRequest, platform: Platform, scope: Scope, approval_id: UUID
) -> Response[Any]:
    """Publish what somebody else proposed."""
    try:
        flag = await approve.approve(platform, scope, approval_id)
    except ProblemError as error:
        return redirect(request, PATH, Flash(_("Nothing was published."), "error", error.detail))
    return redirect(request, f"{PATH}/{flag.key}", Flash(_("The change is published.")))


@post(PATH + "/approvals/{approval_id:uuid}/reject", opt=requires(Permission.FLAGS_WRITE))
async def reject(
    request: AnyRequest, platform: Platform, scope: Scope, approval_id: UUID
) -> Response[Any]:
    """Close a proposal without publishing it."""
    try:
        await approve.reject(platform, scope, approval_id)
    except ProblemError as error:
        return redirect(request, PATH, Flash(_("Nothing was changed."), "error", error.detail))
    return redirect(request, PATH, Flash(_("The proposal is closed.")))


PAGES = (show, save, save_key, publish, reject)
