"""Pages for who is not signed in yet, sign-out, and the switch between tenants."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post

from groundswell.core.errors import InvalidError, NotFoundError, ProblemError, RateLimitedError
from groundswell.core.http.access import public, signed_in
from groundswell.core.http.caller import caller_of, session_of_request
from groundswell.core.http.cookies import clear_session, session_token, set_session
from groundswell.core.http.pages import page, redirect, safe_path
from groundswell.core.identity.api import end_session, switch_tenant
from groundswell.core.platform import Platform
from groundswell.features.access.logic import sign_in as logic
from groundswell.features.access.logic.tenants import create_workspace
from groundswell.features.access.logic.throttle import throttle_sign_up
from groundswell.features.access.pages.forms import (
    AnyRequest,
    attempt_of,
    currencies,
    raw,
    text,
    texts_of,
    timezones,
)
from groundswell.features.access.types import NewTenant, SignInRefusedError
from groundswell.ui.i18n import gettext as _

HOME = "/"


@get("/sign-in", opt=public())
async def sign_in_form(request: AnyRequest, platform: Platform) -> Response[Any]:
    """The sign-in form; who is signed in goes on."""
    target = safe_path(str(request.query_params.get("next", "")), HOME)
    session = caller_of(request).session
    if session is not None and session.scope is not None:
        return redirect(request, target)
    return await _sign_in_page(request, platform, target=target)


@post("/sign-in", opt=public())
async def sign_in(request: AnyRequest, platform: Platform) -> Response[Any]:
    """Check the password and start a session."""
    form = await request.form()
    email, target = text(form, "email"), safe_path(text(form, "next"), HOME)
    try:
        token = await logic.sign_in(
            platform, email=email, password=raw(form, "password"), attempt=attempt_of(request)
        )
    except SignInRefusedError:
        error = _("The e-mail address or the password is wrong.")
        return await _sign_in_page(request, platform, 422, target=target, email=email, error=error)
    except RateLimitedError as refused:
        answer = await _sign_in_page(
            request, platform, 429, target=target, email=email, error=wait_text(refused)
        )
        answer.headers.update(refused.headers)
        return answer
    response = redirect(request, target)
    set_session(response, platform.settings, token)
    return response


@post("/sign-out", opt=public())
async def sign_out(request: AnyRequest, platform: Platform) -> Response[Any]:
    """End the session."""
    # The cookie's own: while the database is away nobody is known to be signed in, and leaving
    # must fail then rather than drop the cookie of a session that goes on.
    token = session_token(request)
    if token:
        await end_session(platform, token)
    response = redirect(request, "/sign-in")
    clear_session(response, platform.settings)
    return response


@get("/sign-up", opt=public())
async def sign_up_form(request: AnyRequest, platform: Platform) -> Response[Any]:
    """The sign-up form, where the installation takes sign-ups."""
    if not platform.settings.sign_up:
        raise NotFoundError("This installation takes no sign-ups. Ask its operator.")
    return await _sign_up_page(request, {}, {})


@post("/sign-up", opt=public())
async def sign_up(request: AnyRequest, platform: Platform) -> Response[Any]:
    """Make an account with its first workspace, and show its keys this once."""
    form = await request.form()
    fields = ("email", "name", "tenant_name", "slug", "currency", "timezone")
    values = {name: text(form, name) for name in fields}
    try:
        made = await logic.sign_up(
            platform,
            email=values["email"],
            password=raw(form, "password"),
            name=values["name"],
            tenant=_new_tenant(values),
            attempt=attempt_of(request),
        )
    except InvalidError as error:
        return await _sign_up_page(request, values, texts_of(error), status=422)
    except RateLimitedError as refused:
        answer = await _sign_up_page(request, values, {"form": wait_text(refused)}, status=429)
        answer.headers.update(refused.headers)
        return answer
    response = await page(
        request,
        "access/welcome.html",
        status=201,
        tenant_name=values["tenant_name"],
        secret_key=made.secret_key,
        publishable_key=made.publishable_key,
    )
    set_session(response, platform.settings, made.token)
    return response


@post(["/switch", "/session/tenant"], opt=signed_in())
async def switch(request: AnyRequest, platform: Platform) -> Response[Any]:
    """Go on in another of one's workspaces."""
    form = await request.form()
    try:
        wanted = UUID(text(form, "tenant_id"))
    except ValueError:
        raise NotFoundError("There is no such workspace.") from None
    if not await switch_tenant(platform, session_of_request(request), wanted):
        raise NotFoundError("There is no such workspace.")
    return redirect(request, HOME)


@get("/workspaces/new", opt=signed_in())
async def workspace_form(request: AnyRequest) -> Response[Any]:
    """The form for another workspace."""
    return await _workspace_page(request, {}, {})


@post("/workspaces/new", opt=signed_in())
async def workspace(request: AnyRequest, platform: Platform) -> Response[Any]:
    """Make another workspace, go there, and show its keys this once."""
    form = await request.form()
    values = {n: text(form, n) for n in ("tenant_name", "slug", "currency", "timezone")}
    session = session_of_request(request)
    if not platform.settings.sign_up:
        raise NotFoundError("This installation takes no sign-ups. Ask its operator.")
    await throttle_sign_up(platform, attempt_of(request))
    try:
        tenant_id, secret, publishable = await create_workspace(
            platform, session.member_id, _new_tenant(values)
        )
    except InvalidError as error:
        errors = texts_of(error)
        errors.setdefault("tenant_name", errors.get("name", ""))
        return await _workspace_page(request, values, errors, status=422)
    await switch_tenant(platform, session, tenant_id)
    return await page(
        request,
        "access/welcome.html",
        status=201,
        tenant_name=values["tenant_name"],
        secret_key=secret.secret,
        publishable_key=publishable.secret,
    )


def _new_tenant(values: dict[str, str]) -> NewTenant:
    return NewTenant(
        slug=values["slug"].lower(),
        name=values["tenant_name"],
        currency=values["currency"] or "USD",
        timezone=values["timezone"] or "UTC",
    )


def wait_text(refused: ProblemError) -> str:
    """When one may try again."""
    seconds = refused.headers.get("Retry-After", "60")
    return _("Too many attempts. Please try again in %(seconds)s seconds.") % {"seconds": seconds}


async def _sign_in_page(
    request: AnyRequest,
    platform: Platform,
    status: int = 200,
    *,
    target: str,
    email: str = "",
    error: str = "",
) -> Response[Any]:
    return await page(
        request,
        "access/sign_in.html",
        status=status,
        target=target,
        email=email,
        error=error,
        may_sign_up=platform.settings.sign_up,
    )


async def _sign_up_page(
    request: AnyRequest, values: dict[str, str], errors: dict[str, str], status: int = 200
) -> Response[Any]:
    return await page(
        request,
        "access/sign_up.html",
        status=status,
        values=values,
        errors=errors,
        currencies=currencies(),
        timezones=timezones(),
    )


async def _workspace_page(
    request: AnyRequest, values: dict[str, str], errors: dict[str, str], status: int = 200
) -> Response[Any]:
    return await page(
        request,
        "access/workspace.html",
        status=status,
        values=values,
        errors=errors,
        currencies=currencies(),
        timezones=timezones(),
    )


PAGES = (
    sign_in_form,
    sign_in,
    sign_out,
    sign_up_form,
    sign_up,
    switch,
    workspace_form,
    workspace,
)
