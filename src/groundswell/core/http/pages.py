"""Answers for people: pages in the app's frame, redirects with a toast, htmx."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from litestar import Response

from groundswell.core.http.caller import AnyRequest, caller_of
from groundswell.core.http.cookies import Flash, clear_flashes, set_flashes, take_flashes
from groundswell.core.http.csrf import csrf_token
from groundswell.core.tenancy.permissions import Permission

HTML = "text/html"

FrameBuilder = Callable[[AnyRequest, tuple[Flash, ...]], Awaitable[Any]]
"""What templates call ``page``: navigation, member, tenant, theme. Given by the app."""


async def page(
    request: AnyRequest, template: str, *, status: int = 200, **context: Any
) -> Response[str]:
    """A template of a feature in the app's frame.

    Templates see ``page`` (``ui.shell``), ``can("orders:write")``, ``path``, ``query`` and
    ``context``. Toasts that an earlier redirect left are shown once.
    """
    flashes = take_flashes(request)
    frame = await request.app.state.frame(request, flashes)
    found = request.app.state.templates.get_template(template)
    html = found.render(
        page=frame,
        can=_permissions_of(request),
        path=request.scope["path"],
        query=dict(request.query_params.items()),
        **context,
    )
    response: Response[str] = Response(html, status_code=status, media_type=HTML)
    clear_flashes(request, response)
    return response


def redirect(request: AnyRequest, path: str, flash: Flash | None = None) -> Response[Any]:
    """After a form: go to a page of ours (303) and show a toast there; htmx goes there too."""
    target = safe_path(path)
    if request.headers.get("hx-request") and not request.headers.get("hx-boosted"):
        response: Response[Any] = Response(b"", status_code=200, headers={"HX-Redirect": target})
    else:
        response = Response(b"", status_code=303, headers={"Location": target})
    if flash is not None:
        set_flashes(request, response, flash)
    return response


def is_htmx(request: AnyRequest) -> bool:
    """Whether htmx asks for a part of the page (a boosted link wants all of it)."""
    headers = request.headers
    return "hx-request" in headers and "hx-boosted" not in headers


def safe_path(path: str, otherwise: str = "/") -> str:
    """A path on this host, or ``otherwise``: what a ``next`` parameter may lead to."""
    if not path.isprintable() or not path.isascii():
        return otherwise
    # Browsers read "\" as "/", so that "/\host" would leave us.
    if "\\" in path or not path.startswith("/") or path.startswith("//"):
        return otherwise
    parts = urlsplit(path)
    return otherwise if parts.scheme or parts.netloc else path


def form_token(request: AnyRequest) -> str:
    """The CSRF token that forms of this page carry; empty when nobody is signed in."""
    token = caller_of(request).token
    encryption = request.app.state.platform.encryption
    return csrf_token(encryption, token) if token else ""


def _permissions_of(request: AnyRequest) -> Callable[[str], bool]:
    scope = caller_of(request).scope
    held = scope.permissions if scope else frozenset()
    return lambda name: Permission(name) in held
