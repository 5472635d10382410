"""Every route says who may call it; one that says nothing stops the app at start."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from groundswell.core.errors import ConfigurationError
from groundswell.core.tenancy.permissions import Permission

_KEY = "access"


class Door(StrEnum):
    """Who is let in at all."""

    PERMISSION = "permission"
    MEMBER = "member"
    CRON = "cron"
    PUBLIC = "public"


class JsonLines:
    """Stands in ``answers`` for a stream of JSON lines (``application/x-ndjson``)."""


class Exportable(msgspec.Struct, frozen=True):
    """Stands in ``answers`` for a type that is also given as CSV and JSON lines."""

    kind: Any


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What a route declares: its door, and for the API document what it reads and answers.

    ``answers`` maps a status to the type of its body (None: no body).
    """

    door: Door
    permission: Permission | None = None
    body: Any = None
    query: Any = None
    answers: Mapping[int, Any] = {}
    summary: str = ""


def requires(
    permission: Permission,
    *,
    body: Any = None,
    query: Any = None,
    answers: Mapping[int, Any] | None = None,
    summary: str = "",
) -> dict[str, Any]:
    """``opt`` of a route for callers with a permission: a key, a member, a customer token."""
    return _opt(
        Access(
            door=Door.PERMISSION,
            permission=permission,
            body=body,
            query=query,
            answers=answers or {},
            summary=summary,
        )
    )


def signed_in(*, body: Any = None, answers: Mapping[int, Any] | None = None) -> dict[str, Any]:
    """``opt`` of a route for any signed-in member, also one without a tenant; never for keys."""
    return _opt(Access(door=Door.MEMBER, body=body, answers=answers or {}))


def cron(*, query: Any = None, answers: Mapping[int, Any] | None = None) -> dict[str, Any]:
    """``opt`` of a route for schedulers: ``Authorization: Bearer $CRON_SECRET``, no Scope."""
    return _opt(Access(door=Door.CRON, query=query, answers=answers or {}))


def public(
    *,
    body: Any = None,
    query: Any = None,
    answers: Mapping[int, Any] | None = None,
    summary: str = "",
) -> dict[str, Any]:
    """``opt`` of a route for everybody; who is signed in is known there all the same."""
    return _opt(
        Access(door=Door.PUBLIC, body=body, query=query, answers=answers or {}, summary=summary)
    )


def _opt(access: Access) -> dict[str, Any]:
    return {_KEY: access}


def access_of(handler: Any) -> Access | None:
    """What a handler declares, or None."""
    found = handler.opt.get(_KEY)
    return found if isinstance(found, Access) else None


class RouteEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the route table; ``path`` has the types, such as ``{key_id:uuid}``."""

    method: str
    path: str
    access: Access
    handler: Any

    @property
    def is_api(self) -> bool:
        """Whether programs call it (else it is a page)."""
        return is_api(self.path)


def is_api(path: str) -> bool:
    """Whether a path belongs to the API: problems as JSON, keys accepted, no redirects."""
    return path.startswith("/api/")


def route_table(app: Litestar) -> list[RouteEntry]:
    """Every method and path of the app with who may call it, in order of path.

    Raises:
        ConfigurationError: a handler declares no access; all of them are named.
    """
    entries: list[RouteEntry] = []
    silent: list[str] = []
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if not isinstance(handler, HTTPRouteHandler) or _is_options(handler):
                continue
            access = access_of(handler)
            if access is None:
                silent.append(f"{route.path} ({handler.handler_name})")
                continue
            entries += [
                RouteEntry(method=str(method), path=route.path, access=access, handler=handler)
                for method in handler.http_methods
            ]
    if silent:
        raise ConfigurationError(
            "Routes that do not say who may call them (opt=requires(…) or public()): "
            + ", ".join(sorted(silent))
        )
    return sorted(entries, key=lambda entry: (entry.path, entry.method))


def _is_options(handler: HTTPRouteHandler) -> bool:
    # Litestar adds these itself; they answer the allowed methods and nothing else.
    return set(handler.http_methods) == {"OPTIONS"}
