"""Who is calling, as the gate found out; and what the rest of a request may ask about it."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection

from groundswell.core.errors import UnauthenticatedError
from groundswell.core.identity.api import SessionInfo
from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import Scope

Connection = ASGIConnection[Any, Any, Any, Any]
AnyRequest = Request[Any, Any, Any]

_STATE = "caller"


@dataclass(frozen=True, slots=True)
class Caller:
    """A key, customer token or session behind a request; nobody has none of them.

    ``token`` is the session's own, which CSRF tokens are bound to.
    """

    scope: Scope | None = None
    session: SessionInfo | None = None
    token: str = ""


NOBODY = Caller()


def set_caller(scope: Any, caller: Caller) -> None:
    """Remember the caller for the rest of the request."""
    scope["state"][_STATE] = caller


def caller_of(request: Connection) -> Caller:
    """The caller of a request; nobody where the gate was not passed (an unknown address)."""
    found = request.scope["state"].get(_STATE, NOBODY)
    assert isinstance(found, Caller)
    return found


def platform_of(request: Connection) -> Platform:
    """The engines' clients of this process."""
    platform: Platform = request.app.state.platform
    return platform


def session_of_request(request: Connection) -> SessionInfo:
    """The session of a signed-in member.

    Raises:
        UnauthenticatedError: a key, or nobody, is calling.
    """
    session = caller_of(request).session
    if session is None:
        raise UnauthenticatedError("Sign in first.")
    return session


def address_of(request: Connection) -> str:
    """The caller's IP address.

    With ``public_url`` set, a proxy on a private address is believed about whom it speaks for:
    the last entry of ``X-Forwarded-For``, which is the proxy's own.
    """
    client = request.scope.get("client")
    peer = str(client[0]) if client else ""
    if not platform_of(request).settings.public_url or not _is_private(peer):
        return peer
    last = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return last if _is_address(last) else peer


def _is_private(address: str) -> bool:
    return _is_address(address) and ip_address(address).is_private


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
