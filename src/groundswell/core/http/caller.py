"""Who is calling, as the gate found out; and what the rest of a request may ask about it."""

from dataclasses import dataclass
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
    """The caller's IP address as our own socket saw it."""
    client = request.scope.get("client")
    return str(client[0]) if client else ""
