"""Errors that carry their HTTP status and a text a person can act on (RFC 9457)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """One wrong field: where (a dotted path such as ``lines[2].quantity``), and why."""

    field: str
    reason: str


class ConfigurationError(Exception):
    """A setting is missing or wrong; the text says which and what it must be."""


class ProblemError(Exception):
    """An expected failure of a request. Subclasses fix the status; instances tell the story."""

    status: ClassVar[int] = 400
    slug: ClassVar[str] = "bad-request"
    title: ClassVar[str] = "The request can't be carried out"

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = extra


class InvalidError(ProblemError):
    """The request is understood and its content is wrong; all wrong fields at once."""

    status = 422
    slug = "invalid"
    title = "Some fields are wrong"


class MalformedError(ProblemError):
    """The body is not what its type says (broken JSON, bad gzip)."""

    status = 400
    slug = "malformed"
    title = "The request can't be read"


class UnauthenticatedError(ProblemError):
    """Nobody we know is calling."""

    status = 401
    slug = "unauthenticated"
    title = "Sign in or send a key"


class ForbiddenError(ProblemError):
    """The caller is known and may not do this."""

    status = 403
    slug = "forbidden"
    title = "Not allowed"


class NotFoundError(ProblemError):
    """There is no such thing for this caller; another tenant's things look the same."""

    status = 404
    slug = "not-found"
    title = "Not found"


class ConflictError(ProblemError):
    """The request contradicts what is already stored."""

    status = 409
    slug = "conflict"
    title = "Conflicts with what is stored"


class TooLargeError(ProblemError):
    """The body, or what it unpacks to, is over the limit."""

    status = 413
    slug = "too-large"
    title = "Too large"


class UnsupportedMediaTypeError(ProblemError):
    """The body's type is not one this route reads."""

    status = 415
    slug = "unsupported-media-type"
    title = "Unsupported content type"


class RateLimitedError(ProblemError):
    """Over the caller's rate; ``Retry-After`` says when to come back."""

    status = 429
    slug = "rate-limited"
    title = "Too many requests"


class UnavailableError(ProblemError):
    """An engine is away; nothing was done and the request may be repeated."""

    status = 503
    slug = "unavailable"
    title = "Temporarily unavailable"


class QueryTooLargeError(UnavailableError):
    """The event store stopped a query at its limits; its own error is the cause."""


class InsufficientStorageError(ProblemError):
    """The disk is too full to promise that a write is kept."""

    status = 507
    slug = "insufficient-storage"
    title = "The disk is full"
