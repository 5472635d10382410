"""An event's properties: decoded once at the door, kept as the bytes they came in."""

import json
from typing import Any

import msgspec

from groundswell.features.events.types import MAX_DEPTH, MAX_PROPERTIES_BYTES, Reason

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Refused(Exception):  # noqa: N818 - a finding about one event, caught at its request
    """One event can't be kept: the field and why."""

    def __init__(self, field: str, reason: Reason) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason


def read_object(raw: bytes, field: str) -> dict[str, Any]:
    """The JSON object in ``raw``.

    Raises:
        Refused: too large, too deep, or with content that no engine keeps unchanged.
    """
    if len(raw) > MAX_PROPERTIES_BYTES:
        raise Refused(field, Reason.PROPERTIES_TOO_LARGE)
    try:
        value = _decode(raw)
        keys = _count_keys(value, field, MAX_DEPTH)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(field, _reason(error)) from None
    if raw.count(b'":') != keys:
        _refuse_duplicates(raw, field)
    if b"\\u0000" in raw and has_nul(value):
        raise Refused(field, Reason.NUL)
    return value


def has_nul(value: Any) -> bool:
    """Whether a text anywhere in ``value`` holds a NUL, which PostgreSQL can't keep."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any("\x00" in name or has_nul(item) for name, item in value.items())
    return isinstance(value, list) and any(has_nul(item) for item in value)


def _count_keys(value: Any, field: str, room: int) -> int:
    if room == 0:
        raise Refused(field, Reason.TOO_DEEP)
    is_object = type(value) is dict
    keys = len(value) if is_object else 0
    for item in value.values() if is_object else value:
        kind = type(item)
        if kind is dict or kind is list:
            keys += _count_keys(item, field, room - 1)
        elif kind is int and not -(2**63) <= item < 2**64:
            raise Refused(field, Reason.NUMBER_TOO_LARGE)
    return keys


def _refuse_duplicates(raw: bytes, field: str) -> None:
    # Only reached when the bytes look odd: the hook costs ten times a plain decode.
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise Refused(field, Reason.DUPLICATE_KEY)
        return found

    json.loads(raw, object_pairs_hook=unique)


def _reason(error: Exception) -> Reason:
    text = str(error)
    if isinstance(error, RecursionError):
        return Reason.TOO_DEEP
    if "out of range" in text:
        return Reason.NUMBER_TOO_LARGE
    return Reason.WRONG_TYPE if "Expected" in text else Reason.MALFORMED
