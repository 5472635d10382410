"""Our cookies: the session's and, signed, the toasts of the next page."""

import base64
import hmac
from hashlib import sha256
from typing import Any, Literal

import msgspec
from litestar import Response
from litestar.datastructures import Cookie

from groundswell.core.config import Settings
from groundswell.core.http.caller import AnyRequest, Connection, platform_of

_DAYS_60 = 60 * 24 * 3600
_MOST_FLASHES = 5

Tone = Literal["success", "warning", "error", "info", "neutral"]


class Flash(msgspec.Struct, frozen=True):
    """One toast on the next page: the outcome, a detail, at most one link."""

    title: str
    tone: Tone = "success"
    text: str = ""
    href: str = ""
    link: str = ""


def session_cookie_name(settings: Settings) -> str:
    """``__Host-`` binds the cookie to this host and path over TLS; plain HTTP can't have it."""
    return "__Host-groundswell" if settings.is_secure else "groundswell"


def session_token(request: Connection) -> str:
    """The token in the session cookie, or an empty text."""
    name = session_cookie_name(platform_of(request).settings)
    return str(request.cookies.get(name, ""))


def set_session(response: Response[Any], settings: Settings, token: str) -> None:
    """Sign in: send the session's cookie."""
    response.set_cookie(_cookie(settings, session_cookie_name(settings), token, _DAYS_60))


def clear_session(response: Response[Any], settings: Settings) -> None:
    """Sign out: drop the session's cookie."""
    response.set_cookie(_cookie(settings, session_cookie_name(settings), "", 0))


def set_flashes(request: AnyRequest, response: Response[Any], *flashes: Flash) -> None:
    """Show toasts on the page that comes next."""
    platform = platform_of(request)
    plain = msgspec.json.encode(flashes[:_MOST_FLASHES])
    value = f"{_text(plain)}.{_text(_signature(platform.encryption.derive('flash'), plain))}"
    response.set_cookie(_cookie(platform.settings, "groundswell_flash", value, 300))


def take_flashes(request: AnyRequest) -> tuple[Flash, ...]:
    """The toasts sent with this request; whoever shows them clears the cookie."""
    plain, _, signature = request.cookies.get("groundswell_flash", "").partition(".")
    if not plain or len(plain) > 4000:
        return ()
    try:
        raw = _bytes(plain)
        key = platform_of(request).encryption.derive("flash")
        if not hmac.compare_digest(_signature(key, raw), _bytes(signature)):
            return ()
        return msgspec.json.decode(raw, type=tuple[Flash, ...])
    except (ValueError, msgspec.DecodeError):
        return ()


def clear_flashes(request: AnyRequest, response: Response[Any]) -> None:
    """The toasts were shown."""
    if "groundswell_flash" in request.cookies:
        settings = platform_of(request).settings
        response.set_cookie(_cookie(settings, "groundswell_flash", "", 0))


def _cookie(settings: Settings, name: str, value: str, max_age: int) -> Cookie:
    return Cookie(
        key=name,
        value=value,
        path="/",
        max_age=max_age,
        secure=settings.is_secure,
        httponly=True,
        samesite="lax",
    )


def _signature(key: bytes, plain: bytes) -> bytes:
    return hmac.digest(key, plain, sha256)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
