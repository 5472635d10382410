"""Lists in pages: an opaque cursor holds the sort key of the last row shown."""

import base64
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from groundswell.core.errors import FieldError, InvalidError

T = TypeVar("T")
Key = TypeVar("Key")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_OLDEST, _LATEST = 1900, 2300  # years; arithmetic at the ends of the calendar overflows

Limit = Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT, description="Items per page.")]
Cursor = Annotated[
    str, msgspec.Meta(max_length=1000, description="`next_cursor` of the page before.")
]


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A page of a list; ``next_cursor`` is None on the last."""

    items: list[T]
    next_cursor: str | None = None


class PageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Query parameters of every list; lists with filters derive from it."""

    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor | None = None


def encode_cursor(*key: Any) -> str:
    """A cursor for the sort key of the last row; datetimes and UUIDs are fine."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def decode_cursor(cursor: str | None, key: type[Key]) -> Key | None:
    """The sort key in a cursor (``key`` such as ``tuple[datetime, UUID]``); None for None.

    Raises:
        InvalidError: not a cursor of this list.
    """
    if not cursor:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        raw = base64.urlsafe_b64decode(padded)
        found = None if b"\\u0000" in raw else msgspec.json.decode(raw, type=key)
    except (ValueError, RecursionError, msgspec.DecodeError):
        found = None
    if found is None or not _is_ours(found):
        reason = "is not a cursor of this list"
        raise InvalidError("The cursor is wrong.", errors=[FieldError("cursor", reason)])
    return found


def _is_ours(value: Any) -> bool:
    """Whether every time in a cursor is one that a list of ours can hold."""
    if isinstance(value, datetime):
        return value.tzinfo is not None and _OLDEST <= value.year <= _LATEST
    if isinstance(value, dict):
        return all(_is_ours(item) for item in value.values())
    return not isinstance(value, tuple | list) or all(_is_ours(item) for item in value)


def page_of(rows: Sequence[T], limit: int, key: Callable[[T], tuple[Any, ...]]) -> Page[T]:
    """A page of ``limit`` items out of ``limit + 1`` rows read (the extra says there is more)."""
    shown = list(rows[:limit])
    more = len(rows) > limit
    return Page(shown, encode_cursor(*key(shown[-1])) if more and shown else None)
