"""Finds out who is calling: an API key, a customer token, a session cookie, the scheduler."""

import hmac

from litestar.datastructures import Headers

from groundswell.core.errors import UnauthenticatedError
from groundswell.core.http.caller import NOBODY, AnyRequest, Caller, platform_of
from groundswell.core.http.cookies import session_token
from groundswell.core.identity.api import customer_scope, is_well_formed, session_of
from groundswell.core.platform import Platform

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="groundswell"'}
_LONGEST = 5_000


async def authenticate(request: AnyRequest) -> Caller:
    """The caller by what was sent; nobody if nothing was.

    A wrong key is refused, never ignored for a cookie sent along.

    Raises:
        UnauthenticatedError: a key or token was sent and is not one we know.
        UnavailableError: the database is away and a session or customer token needs it.
    """
    platform = platform_of(request)
    presented = credential(request.headers)
    if presented is not None:
        return await _by_credential(platform, presented)
    token = session_token(request)
    session = await session_of(platform, token) if 0 < len(token) < 200 else None
    if session is None:
        return NOBODY
    if session.tenant_id is not None:
        # Handlers read its name, currency and zone from memory; it may be a second old.
        await platform.directory.find_tenant(session.tenant_id)
    return Caller(session.scope, session, token)


def credential(headers: Headers) -> str | None:
    """What ``Authorization: Bearer`` or ``X-Api-Key`` carries."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    return headers.get("x-api-key")


def is_cron(request: AnyRequest, secret: str) -> bool:
    """Whether the scheduler's secret was sent, compared in constant time."""
    given = credential(request.headers)
    # An empty secret is nobody's: else who sends nothing would know it.
    return bool(secret and given) and hmac.compare_digest(str(given).encode(), secret.encode())


async def _by_credential(platform: Platform, presented: str) -> Caller:
    if presented.count(".") == 2 and len(presented) <= _LONGEST:
        scope = await customer_scope(platform, presented)
        what = "This customer token is wrong or over."
    else:
        known = is_well_formed(presented)
        scope = await platform.directory.find_scope_of_key(presented) if known else None
        what = "This key is not known here, or it was revoked."
    if scope is None:
        raise UnauthenticatedError(what, headers=_CHALLENGE)
    return Caller(scope)
