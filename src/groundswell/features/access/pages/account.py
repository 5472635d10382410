"""One's own account: name, password, sessions."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post

from groundswell.core.errors import InvalidError, NotFoundError
from groundswell.core.http.access import signed_in
from groundswell.core.http.caller import session_of_request
from groundswell.core.http.cookies import Flash
from groundswell.core.http.pages import page, redirect
from groundswell.core.platform import Platform
from groundswell.features.access.logic import account as logic
from groundswell.features.access.pages.devices import device_name
from groundswell.features.access.pages.forms import AnyRequest, attempt_of, raw, text, texts_of
from groundswell.ui.i18n import gettext as _
from groundswell.ui.i18n import ngettext

PATH = "/settings/account"


@get([PATH, "/account"], opt=signed_in())
async def show(request: AnyRequest, platform: Platform) -> Response[Any]:
    """Name, password and the sessions that are open."""
    return await _page(request, platform)


@post(PATH, opt=signed_in())
async def rename(request: AnyRequest, platform: Platform) -> Response[Any]:
    """Change one's name."""
    name = text(await request.form(), "name")
    try:
        await logic.change_name(platform, session_of_request(request), name)
    except InvalidError as error:
        return await _page(request, platform, 422, name=name, errors=texts_of(error))
    return redirect(request, PATH, Flash(_("Your name is saved.")))


@post(PATH + "/password", opt=signed_in())
async def change_password(request: AnyRequest, platform: Platform) -> Response[Any]:
    """Change one's password; every other session ends."""
    form = await request.form()
    try:
        ended = await logic.change_password(
            platform,
            session_of_request(request),
            current=raw(form, "current_password"),
            new=raw(form, "new_password"),
            attempt=attempt_of(request),
        )
    except InvalidError as error:
        return await _page(request, platform, 422, errors=texts_of(error))
    return redirect(request, PATH, Flash(_("Your password is changed."), text=_ended(ended)))


@post(PATH + "/sessions/{session_id:uuid}/revoke", opt=signed_in())
async def revoke(request: AnyRequest, platform: Platform, session_id: UUID) -> Response[Any]:
    """End one of one's sessions."""
    try:
        await logic.revoke_session(platform, session_of_request(request), session_id)
    except NotFoundError:
        return redirect(request, PATH, Flash(_("That session has ended already."), "info"))
    return redirect(request, PATH, Flash(_("The session is ended.")))


@post(PATH + "/sessions/revoke-others", opt=signed_in())
async def revoke_others(request: AnyRequest, platform: Platform) -> Response[Any]:
    """End all of one's sessions but this."""
    ended = await logic.revoke_other_sessions(platform, session_of_request(request))
    return redirect(request, PATH, Flash(_ended(ended)))


def _ended(count: int) -> str:
    return ngettext("%(num)d other session ended.", "%(num)d other sessions ended.", count) % {
        "num": count
    }


async def _page(
    request: AnyRequest,
    platform: Platform,
    status: int = 200,
    *,
    name: str | None = None,
    errors: dict[str, str] | None = None,
) -> Response[Any]:
    session = session_of_request(request)
    sessions = await logic.list_sessions(platform, session)
    return await page(
        request,
        "access/account.html" if session.tenant_id else "access/account_bare.html",
        status=status,
        email=session.email,
        name=session.name if name is None else name,
        sessions=[(item, device_name(item.user_agent)) for item in sessions],
        current=session.session_id,
        errors=errors or {},
    )


PAGES = (show, rename, change_password, revoke, revoke_others)
