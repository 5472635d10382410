"""The page of API keys."""

from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from litestar import Response, get, post

from groundswell.core import clock
from groundswell.core.errors import ConflictError, FieldError, InvalidError
from groundswell.core.http.access import requires
from groundswell.core.http.cookies import Flash
from groundswell.core.http.pages import page, redirect
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.access.logic import keys as logic
from groundswell.features.access.pages.forms import AnyRequest, raw, text, texts_of
from groundswell.features.access.types import IssuedKey
from groundswell.ui.i18n import gettext as _

PATH = "/settings/keys"


@get(PATH, opt=requires(Permission.KEYS_READ))
async def show(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Keys with their state, and the form for a new one."""
    return await _page(request, platform, scope)


@post(PATH, opt=requires(Permission.KEYS_MANAGE))
async def create(request: AnyRequest, platform: Platform, scope: Scope) -> Response[Any]:
    """Make a key and show it this once."""
    form = await request.form()
    kind = "publishable" if text(form, "kind") == "publishable" else "secret"
    scopes = [value for value in form.getall("scopes", []) if isinstance(value, str)]
    values = {"name": text(form, "name"), "kind": kind, "expires": text(form, "expires")}
    try:
        issued = await logic.create_key(
            platform,
            scope,
            kind="publishable" if kind == "publishable" else "secret",
            name=values["name"],
            scopes=None if kind == "publishable" else scopes,
            expires_at=_end_of(values["expires"]),
        )
    except InvalidError as error:
        return await _page(
            request,
            platform,
            scope,
            status=422,
            values=values,
            scopes=scopes,
            errors=texts_of(error),
        )
    return await _page(request, platform, scope, status=201, issued=issued)


@post(PATH + "/{key_id:uuid}/rotate", opt=requires(Permission.KEYS_MANAGE))
async def rotate(
    request: AnyRequest, platform: Platform, scope: Scope, key_id: UUID
) -> Response[Any]:
    """Make a key in place of another and show it this once."""
    hours = raw(await request.form(), "overlap_hours").strip()
    try:
        overlap = int(hours) if hours.isascii() and hours.isdigit() and len(hours) < 6 else -1
        issued = await logic.rotate_key(platform, scope, key_id, overlap)
    except (InvalidError, ConflictError) as error:
        reasons = [item.reason for item in error.errors]
        flash = Flash(
            _("The key was not rotated."), "error", reasons[0] if reasons else error.detail
        )
        return redirect(request, PATH, flash)
    return await _page(request, platform, scope, status=201, issued=issued)


@post(PATH + "/{key_id:uuid}/revoke", opt=requires(Permission.KEYS_MANAGE))
async def revoke(
    request: AnyRequest, platform: Platform, scope: Scope, key_id: UUID
) -> Response[Any]:
    """Stop a key at once."""
    await logic.revoke_key(platform, scope, key_id)
    return redirect(request, PATH, Flash(_("The key is revoked.")))


def _end_of(day: str) -> datetime | None:
    """The end of a day typed as 2027-01-31, in UTC."""
    if not day:
        return None
    try:
        return datetime.combine(date.fromisoformat(day), time.max, UTC)
    except ValueError:
        wrong = FieldError("expires_at", "must be a day such as 2027-01-31")
        raise InvalidError("Some fields are wrong.", errors=[wrong]) from None


async def _page(
    request: AnyRequest,
    platform: Platform,
    scope: Scope,
    *,
    status: int = 200,
    issued: IssuedKey | None = None,
    values: dict[str, str] | None = None,
    scopes: list[str] | None = None,
    errors: dict[str, str] | None = None,
) -> Response[Any]:
    found = await logic.list_keys(platform, scope)
    now = clock.now()
    allowed = sorted(permission.value for permission in logic.ALLOWED["secret"])
    response = await page(
        request,
        "access/keys.html",
        status=status,
        keys=[(key, key.state(now)) for key in found],
        issued=issued,
        values=values or {},
        errors=errors or {},
        scope_options=[(name, name, None) for name in allowed],
        scopes=allowed if scopes is None else scopes,
        overlap=logic.OVERLAP_HOURS,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


PAGES = (show, create, rotate, revoke)
