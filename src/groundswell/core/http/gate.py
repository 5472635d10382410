"""The gate in front of every handler: who calls, may they, are they within their rate."""

from typing import Any

import structlog
from litestar import Request
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from groundswell.core.errors import (
    ForbiddenError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)
from groundswell.core.http.access import Access, Door, access_of, is_api
from groundswell.core.http.authentication import authenticate, is_cron
from groundswell.core.http.caller import NOBODY, AnyRequest, Caller, platform_of, set_caller
from groundswell.core.http.csrf import SAFE_METHODS, check_origin, check_token
from groundswell.core.http.idempotency import answer_once, applies
from groundswell.core.http.limits import Rule, hit_all, rate_headers

TENANT_FACTOR = 4
"""A tenant's limit, in limits of one key."""


class Gate:
    """Litestar middleware; runs once the route is known."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through to its handler, or raise the problem that stops it."""
        if scope["type"] != ScopeType.HTTP or scope["method"] == "OPTIONS":
            await self.app(scope, receive, send)
            return
        request: AnyRequest = Request(scope, receive, send)
        caller = await _admit(request)
        if is_api(scope["path"]) and caller.scope and applies(request, caller.scope):
            await answer_once(self.app, request, caller.scope, receive, send)
        else:
            await self.app(scope, receive, send)


async def _admit(request: AnyRequest) -> Caller:
    access = access_of(request.scope["route_handler"])
    if access is None:
        raise ForbiddenError("This route does not say who may call it.")
    caller = await _caller(request, access)
    set_caller(request.scope, caller)
    if caller.scope is not None:
        structlog.contextvars.bind_contextvars(tenant_id=str(caller.scope.tenant_id))
    if caller.scope is not None and is_api(request.scope["path"]):
        await _count(request, caller)
    _check_door(request, access, caller)
    await _check_forgery(request, caller)
    return caller


async def _caller(request: AnyRequest, access: Access) -> Caller:
    if access.door is Door.CRON:
        if not is_cron(request, request.app.state.cron_secret):
            raise UnauthenticatedError("Send Authorization: Bearer with the value of CRON_SECRET.")
        return NOBODY
    if access.door is not Door.PUBLIC:
        return await authenticate(request)
    try:
        return await authenticate(request)
    except (UnauthenticatedError, UnavailableError):
        return NOBODY


def _check_door(request: AnyRequest, access: Access, caller: Caller) -> None:
    if access.door in (Door.PUBLIC, Door.CRON):
        return
    needs_session = access.door is Door.MEMBER or not is_api(request.scope["path"])
    if caller.session is None and (needs_session or caller.scope is None):
        if caller.scope is not None:
            raise ForbiddenError("This is for signed-in members, not for keys.")
        raise UnauthenticatedError("Sign in, or send a key as Authorization: Bearer.")
    if access.permission is None:
        return
    if caller.scope is None:
        raise ForbiddenError("You belong to no workspace. Ask for an invitation, or make one.")
    caller.scope.require(access.permission)


async def _check_forgery(request: AnyRequest, caller: Caller) -> None:
    """Only browsers send cookies unasked; keys need no such check."""
    if request.method in SAFE_METHODS:
        return
    if caller.session is None:
        if not is_api(request.scope["path"]):
            check_origin(request)
        return
    check_origin(request)
    await check_token(request)


async def _count(request: AnyRequest, caller: Caller) -> None:
    assert caller.scope is not None
    platform = platform_of(request)
    limit = platform.settings.rate_limit_per_minute
    tenant, actor = caller.scope.tenant_id, caller.scope.actor
    rules = [
        Rule(f"{tenant}:{actor.kind.value}:{actor.id}", limit, 60, actor.kind.value),
        Rule(f"{tenant}:all", limit * TENANT_FACTOR, 60, "tenant"),
    ]
    standings = await hit_all(platform.cache, rules)
    headers = rate_headers(standings)
    add_headers(request, headers)
    if not standings[0].allowed:
        wait = headers["Retry-After"]
        raise RateLimitedError(f"Too many requests. Try again in {wait} s.")


def add_headers(request: Any, headers: dict[str, str]) -> None:
    """Headers that the answer carries whatever it turns out to be, problems too."""
    request.scope["state"].setdefault("answer_headers", {}).update(headers)
