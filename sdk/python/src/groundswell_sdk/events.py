"""Calls become events: checked for what the server would refuse, and turned into JSON at once."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import time
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

_DEEPEST = 30
_NOBODY = frozenset(
    ("", "null", "undefined", "none", "nil", "anonymous", "guest", "nan", "0", "[object object]")
)


def uuid7() -> str:
    """A version 7 uuid: sorts by time, to a quarter of a microsecond."""
    now = (time.time_ns() << 12) // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    value = ((now >> 12) << 80) | (0x7 << 76) | ((now & 0xFFF) << 64) | (0b10 << 62) | random
    return str(UUID(int=value & ((1 << 128) - 1)))


def id_of(value: Any) -> str:
    """The text of an id.

    Raises:
        ValueError: it names nobody, and joining people by it would join strangers.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, UUID)):
        raise ValueError(f"an id is a text, a whole number or a UUID, not {value!r}")
    text = str(value)
    if text.strip().lower() in _NOBODY:
        raise ValueError(f"{text!r} names nobody")
    return text


def moment(at: datetime | None) -> str:
    """ISO 8601 in UTC; a naive time is taken as UTC."""
    if at is None:
        at = datetime.now(timezone.utc)
    elif at.tzinfo is None:
        at = at.replace(tzinfo=timezone.utc)
    return at.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode(event: Mapping[str, Any]) -> bytes:
    """JSON of an event as it is now: what the caller changes later does not change it."""
    try:
        text = json.dumps(event, default=_plain, allow_nan=False, separators=(",", ":"))
    except (ValueError, TypeError):
        text = json.dumps(_mended(event, _DEEPEST), allow_nan=False, separators=(",", ":"))
    if "\\ud" in text or "\\u0000" in text:
        # No database keeps halves of characters and NUL: the server would refuse the event.
        return json.dumps(_clean(json.loads(text)), separators=(",", ":")).encode()
    return text.encode()


def _plain(value: Any) -> Any:
    """What JSON can say in place of a value it can't."""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() else None
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return list(value) if isinstance(value, Iterable) else str(value)


def _mended(value: Any, room: int) -> Any:
    """Without endless numbers, odd keys and circles."""
    if room == 0:
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _mended(item, room - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mended(item, room - 1) for item in value]
    return _mended(_plain(value), room - 1)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "�").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list) else value
