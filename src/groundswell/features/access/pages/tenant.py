"""The tenant's settings and its customer token secret."""

from datetime import timedelta
from typing import Any

import msgspec
from litestar import Response, get, post

from groundswell.core.errors import InvalidError
from groundswell.core.http.access import requires
from groundswell.core.http.cookies import Flash
from groundswell.core.http.pages import page, redirect
from groundswell.core.identity.customers import SigningSecret
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.access.logic import customer_secret, tenants
from groundswell.features.access.pages.forms import (
    AnyRequest,
    currencies,
    kept,
    text,
    texts_of,
    timezones,
)
from groundswell.features.access.types import TenantSettings
from groundswell.ui.i18n import gettext as _

PATH = "/settings/tenant"
OVERLAPS = ("0", "1", "24", "168")


@get(PATH, opt=requires(Permission.TENANT_READ))
async def show(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """The settings; the secret stays hidden."""
    return await _page(request, platform, scope)


@post(PATH, opt=requires(Permission.TENANT_MANAGE))
async def change(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Write the settings."""
    form = await request.form()
    new = TenantSettings(
        name=text(form, "name"),
        currency=text(form, "currency"),
        timezone=text(form, "timezone"),
        activation_event=text(form, "activation_event"),
        order_source=text(form, "order_source"),
        trusts_publishable=bool(text(form, "trusts_publishable")),
    )
    try:
        await tenants.change_settings(platform, scope, msgspec.structs.asdict(new))
    except InvalidError as error:
        return await _page(request, platform, scope, 422, values=new, errors=texts_of(error))
    return redirect(request, PATH, Flash(_("The settings are saved.")))


@post(PATH + "/customer-secret", opt=requires(Permission.TENANT_MANAGE))
async def reveal(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Show the signing secret; the first time it is made."""
    secret = await customer_secret.reveal(platform, scope)
    return await _page(request, platform, scope, secret=secret)


@post(PATH + "/customer-secret/rotate", opt=requires(Permission.TENANT_MANAGE))
async def rotate(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Make a new signing secret; the old one goes on for the overlap."""
    chosen = text(await request.form(), "overlap_hours")
    hours = int(chosen) if chosen in OVERLAPS else 24
    secret = await customer_secret.rotate(platform, scope, timedelta(hours=hours))
    return await _page(request, platform, scope, secret=secret)


async def _page(
    request: AnyRequest,
    platform: Platform,
    scope: Scope,
    status: int = 200,
    *,
    values: TenantSettings | None = None,
    errors: dict[str, str] | None = None,
    secret: SigningSecret | None = None,
) -> Response[Any]:
    settings = values or await tenants.settings_of(platform, scope)
    tenant = platform.directory.tenant(scope.tenant_id)
    response = await page(
        request,
        "access/tenant.html",
        status=status,
        values=msgspec.structs.asdict(settings),
        slug=tenant.slug if tenant else "",
        errors=errors or {},
        currencies=kept(currencies(), settings.currency),
        timezones=kept(timezones(), settings.timezone),
        secret=secret,
        overlaps=[
            ("24", _("1 day")),
            ("168", _("7 days")),
            ("1", _("1 hour")),
            ("0", _("None: the old secret ends now")),
        ],
    )
    response.headers["Cache-Control"] = "no-store"
    return response


PAGES = (show, change, reveal, rotate)
