"""No other site can act with a member's session: a bound token, and the browser's own word."""

import hmac
from hashlib import sha256
from urllib.parse import urlsplit

from groundswell.core.encryption import Encryption
from groundswell.core.errors import ForbiddenError
from groundswell.core.http.caller import AnyRequest, caller_of, platform_of

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def csrf_token(encryption: Encryption, session_token: str) -> str:
    """The token that belongs to a session and to no other."""
    return hmac.new(encryption.derive("csrf"), session_token.encode(), sha256).hexdigest()


def check_origin(request: AnyRequest) -> None:
    """Refuse an unsafe request that the browser says comes from another site.

    Raises:
        ForbiddenError: it does.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        same = site in ("same-origin", "none")
    elif origin is not None:
        same = _is_ours(request, origin)
    else:
        return  # not a browser of the last years; a session still needs its token
    if not same:
        raise ForbiddenError("This form was sent from another site. Open it here and try again.")


async def check_token(request: AnyRequest) -> None:
    """Refuse an unsafe request of a session without its token in a header or the form.

    Raises:
        ForbiddenError: it is missing or belongs to another session.
    """
    expected = csrf_token(platform_of(request).encryption, caller_of(request).token)
    given = request.headers.get(HEADER, "")
    if not given and request.content_type[0] in _FORMS:
        value = (await request.form()).get(FIELD, "")
        given = value if isinstance(value, str) else ""
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise ForbiddenError(
            "This form is out of date: you may have signed in again. Reload the page and repeat."
        )


def _is_ours(request: AnyRequest, origin: str) -> bool:
    try:
        host = urlsplit(origin).netloc
        public = platform_of(request).settings.public_url
        ours = {request.headers.get("host", "")} | ({urlsplit(public).netloc} if public else set())
    except ValueError:
        return False
    return bool(host) and host in ours
