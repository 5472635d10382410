"""Pages of a forgotten password, and those behind a set-password link."""

from typing import Any

from litestar import Response, get, post

from groundswell.core.errors import InvalidError, NotFoundError, RateLimitedError
from groundswell.core.http.access import public
from groundswell.core.http.caller import platform_of
from groundswell.core.http.cookies import Flash, set_session
from groundswell.core.http.pages import page, redirect
from groundswell.core.platform import Platform
from groundswell.features.access.logic import password_links as logic
from groundswell.features.access.pages.forms import AnyRequest, attempt_of, raw, text, texts_of
from groundswell.features.access.pages.sign_in import HOME, wait_text
from groundswell.features.access.types import LinkAccount, SignInRefusedError
from groundswell.ui.i18n import gettext as _

PATH = "/forgot-password"


@get(PATH, opt=public())
async def forgot_form(request: AnyRequest, platform: Platform) -> Response[Any]:
    """The form that asks for an e-mail address."""
    return await _forgot_page(request, platform)


@post(PATH, opt=public())
async def forgot(request: AnyRequest, platform: Platform) -> Response[Any]:
    """Mail a link; the answer is the same for an address without an account."""
    email = text(await request.form(), "email")
    try:
        await logic.request_reset(platform, email=email, attempt=attempt_of(request))
    except InvalidError as error:
        problem = texts_of(error).get("email", "")
        return await _forgot_page(request, platform, 422, email=email, error=problem)
    except RateLimitedError as refused:
        answer = await _forgot_page(request, platform, 429, email=email, error=wait_text(refused))
        answer.headers.update(refused.headers)
        return answer
    return await _forgot_page(request, platform, email=email, is_done=True)


@get("/set-password", opt=public())
async def set_password_form(request: AnyRequest, platform: Platform) -> Response[Any]:
    """The form behind a set-password link."""
    token = str(request.query_params.get("token", ""))
    try:
        account = await logic.link_account(platform, token)
    except NotFoundError:
        return await page(request, "access/link_over.html", status=404)
    return await _set_password_page(request, token, account, account.name, {})


@post("/set-password", opt=public())
async def set_password(request: AnyRequest, platform: Platform) -> Response[Any]:
    """Set the password and start a session."""
    form = await request.form()
    token, name = text(form, "token"), text(form, "name")
    try:
        account = await logic.link_account(platform, token)
        started = await logic.set_password(
            platform,
            token=token,
            name=name,
            password=raw(form, "password"),
            attempt=attempt_of(request),
        )
    except NotFoundError:
        return await page(request, "access/link_over.html", status=404)
    except InvalidError as error:
        return await _set_password_page(request, token, account, name, texts_of(error), 422)
    except SignInRefusedError:
        wrong = {"password": _("The password is wrong.")}
        return await _set_password_page(request, token, account, name, wrong, 422)
    except RateLimitedError as refused:
        wait = {"form": wait_text(refused)}
        answer = await _set_password_page(request, token, account, name, wait, 429)
        answer.headers.update(refused.headers)
        return answer
    said = _("Your password is set. Welcome!")
    if account.purpose == "reset":
        said = _("Your new password is set.")
    elif account.asks_for_password:
        said = _("You are in. Welcome!")
    response = redirect(request, HOME, Flash(said))
    set_session(response, platform.settings, started)
    return response


async def _forgot_page(
    request: AnyRequest,
    platform: Platform,
    status: int = 200,
    *,
    email: str = "",
    error: str = "",
    is_done: bool = False,
) -> Response[Any]:
    return await page(
        request,
        "access/forgot_password.html",
        status=status,
        email=email,
        error=error,
        is_done=is_done,
        sends_mail=platform.settings.smtp_url is not None,
    )


async def _set_password_page(
    request: AnyRequest,
    token: str,
    account: LinkAccount,
    name: str,
    errors: dict[str, str],
    status: int = 200,
) -> Response[Any]:
    tenant_id = account.tenant_id
    tenant = await platform_of(request).directory.find_tenant(tenant_id) if tenant_id else None
    response = await page(
        request,
        "access/set_password.html",
        tenant_name=tenant.name if tenant else "",
        asks_for_password=account.asks_for_password,
        status=status,
        token=token,
        email=account.email,
        is_reset=account.purpose == "reset",
        name=name,
        errors=errors,
    )
    # The address holds a secret: no other site and no cache learns it.
    response.headers.update({"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"})
    return response


PAGES = (forgot_form, forgot, set_password_form, set_password)
