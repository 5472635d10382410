"""From a new workspace to its first event: a key, something to paste, and a sign that it came."""

from typing import Any

from litestar import Response, get, post

from groundswell.core.http.access import requires
from groundswell.core.http.caller import AnyRequest
from groundswell.core.http.pages import page
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.access.api import IssuedKey, create_key
from groundswell.features.events.api import latest_event
from groundswell.features.growth import logic
from groundswell.ui.i18n import gettext as _

PATH = "/first-steps"


@get(PATH, opt=requires(Permission.GROWTH_READ))
async def show(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """What to paste where; also for workspaces that have data already."""
    return await first_steps_page(request, platform, scope)


@post(PATH, opt=requires(Permission.KEYS_MANAGE))
async def make_key(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Make a publishable key and show the snippets with it: kept keys can't be shown again."""
    issued = await create_key(platform, scope, kind="publishable", name=_("First steps"))
    return await first_steps_page(request, platform, scope, 201, issued)


@get(PATH + "/arrival", opt=requires(Permission.GROWTH_READ))
async def arrival(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """The part of the page that waits: nothing (204) until the first event is stored."""
    event = await latest_event(platform, scope)
    if event is None:
        return Response(b"", status_code=204)
    return await page(request, "growth/arrival.html", event=event)


async def first_steps_page(
    request: AnyRequest,
    platform: Platform,
    scope: Scope,
    status: int = 200,
    issued: IssuedKey | None = None,
) -> Response[Any]:
    """The page, with a key just made in its snippets."""
    tenant = await logic.tenant_of(platform, scope)
    address = platform.settings.public_url or str(request.base_url)
    response = await page(
        request,
        "growth/first_steps.html",
        status=status,
        address=address.rstrip("/"),
        tenant=tenant,
        issued=issued,
        key=issued.secret if issued else "gpk_…",
        event=await latest_event(platform, scope),
    )
    response.headers["Cache-Control"] = "no-store"
    return response
