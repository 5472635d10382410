"""Headers that every answer carries unless it brings its own."""

from collections.abc import Iterable

Raw = tuple[bytes, bytes]

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'none'; "
    "img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
API_POLICY = "default-src 'none'; frame-ancestors 'none'"

_COMMON: tuple[Raw, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
    (b"cache-control", b"no-store"),
)
_HSTS: Raw = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


def security_headers(*, api: bool, secure: bool) -> tuple[Raw, ...]:
    """The headers of an API answer or a page; ``secure`` when browsers reach us over TLS."""
    policy = API_POLICY if api else PAGE_POLICY
    headers = (*_COMMON, (b"content-security-policy", policy.encode()))
    return (*headers, _HSTS) if secure else headers


def completed(given: Iterable[Raw], defaults: Iterable[Raw]) -> list[Raw]:
    """The answer's own headers, and those defaults that it does not set itself."""
    headers = [(name.lower(), value) for name, value in given]
    named = {name for name, _ in headers}
    return headers + [(name, value) for name, value in defaults if name not in named]
