"""What handlers are given by name: ``platform``, ``scope``, ``session``."""

import functools
import inspect
from collections.abc import Iterable
from typing import Any

from litestar import Controller
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.types import Dependencies

from groundswell.core.http.caller import AnyRequest, caller_of, platform_of
from groundswell.core.identity.api import SessionInfo
from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import Scope

_INNER = "caller_scope"
_DONE = "_takes_our_scope"


def _platform(request: AnyRequest) -> Platform:
    return platform_of(request)


def _scope(request: AnyRequest) -> Scope | None:
    return caller_of(request).scope


def _session(request: AnyRequest) -> SessionInfo | None:
    return caller_of(request).session


DEPENDENCIES: Dependencies = {
    "platform": Provide(_platform, sync_to_thread=False),
    _INNER: Provide(_scope, sync_to_thread=False),
    "session": Provide(_session, sync_to_thread=False),
}


def prepared(handlers: Iterable[Any]) -> list[Any]:
    """Handlers whose ``scope`` parameter is our Scope.

    Litestar keeps that name for the ASGI dictionary. Everywhere else here ``scope`` is the
    Scope, so handlers may say so too, and the parameter is renamed on the way to Litestar.
    """
    found = list(handlers)
    for handler in found:
        for one in _routes(handler):
            _rename(one)
    return found


def _routes(handler: Any) -> list[HTTPRouteHandler]:
    if isinstance(handler, HTTPRouteHandler):
        return [handler]
    if isinstance(handler, type) and issubclass(handler, Controller):
        return [one for one in vars(handler).values() if isinstance(one, HTTPRouteHandler)]
    return []


def _rename(handler: HTTPRouteHandler) -> None:
    function: Any = handler.fn
    signature = inspect.signature(function)
    if "scope" not in signature.parameters or hasattr(function, _DONE):
        return

    @functools.wraps(function)
    async def renamed(*args: Any, **kwargs: Any) -> Any:
        kwargs["scope"] = kwargs.pop(_INNER)
        return await function(*args, **kwargs)

    parameters = [
        p.replace(name=_INNER) if p.name == "scope" else p for p in signature.parameters.values()
    ]
    setattr(renamed, "__signature__", signature.replace(parameters=parameters))  # noqa: B010
    hints = dict(function.__annotations__)
    hints[_INNER] = hints.pop("scope")
    renamed.__annotations__ = hints
    setattr(renamed, _DONE, True)
    handler(renamed)
