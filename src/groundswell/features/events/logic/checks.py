"""One sent event: checked, and turned into what the ingest log keeps."""

from typing import Any

import msgspec
import uuid_utils

from groundswell.features.events.logic.properties import Refused, has_nul, read_object
from groundswell.features.events.logic.times import check_time, read_time
from groundswell.features.events.types import (
    MAX_DISTINCT_ID,
    MAX_NAME,
    LoggedEvent,
    Reason,
)

_NIL = bytes(16)
_NO_JSON = msgspec.Raw()
_LINKS = {
    "$identify": ("$anon_distinct_id", "anonymous_id"),
    "identify": ("anonymous_id", "$anon_distinct_id"),
    "$create_alias": ("alias",),
    "alias": ("alias", "previous_id"),
    "$merge_dangerously": ("alias",),
}
_IDENTIFYING = frozenset({"$identify", "identify"})
# What broken callers send in place of an id; joining people by it would join strangers.
_NOBODY = frozenset(
    {"null", "undefined", "none", "nil", "anonymous", "guest", "nan", "0", "[object object]"}
)


class Sent(msgspec.Struct, gc=False):
    """An event as clients write it, ours and PostHog's."""

    event: str = ""
    distinct_id: str | int | None = None
    timestamp: str | int | float | None = None
    uuid: str | None = None
    properties: msgspec.Raw = _NO_JSON
    set: msgspec.Raw = msgspec.field(name="$set", default=_NO_JSON)
    set_once: msgspec.Raw = msgspec.field(name="$set_once", default=_NO_JSON)
    unset: msgspec.Raw = msgspec.field(name="$unset", default=_NO_JSON)


def check(sent: Sent, received_ms: int, skew_ms: int) -> LoggedEvent:
    """The event as the log keeps it.

    Raises:
        Refused: names the field that is wrong.
    """
    raw = bytes(sent.properties)
    properties: dict[str, Any] = {}
    if raw and raw != b"null":
        properties = read_object(raw, "properties")
    else:
        raw = b"{}"
    _check_text(sent.event, "event", MAX_NAME)
    distinct_id = _distinct_id(sent, properties)
    event_id = _event_id(sent.uuid) if sent.uuid is not None else uuid_utils.uuid7().bytes
    at_ms = received_ms
    if sent.timestamp is not None:
        at_ms = read_time(sent.timestamp) + skew_ms
        check_time(at_ms, received_ms)
    return LoggedEvent(
        event_id,
        sent.event,
        distinct_id,
        at_ms,
        raw,
        _change(sent, properties),
        _other_id(sent.event, distinct_id, properties) if sent.event in _LINKS else None,
        sent.event in _IDENTIFYING,
        _is_personless(sent.event, properties),
    )


def _check_text(value: str, field: str, longest: int) -> None:
    if not value or value.isspace():
        raise Refused(field, Reason.MISSING)
    if len(value) > longest:
        raise Refused(field, Reason.TOO_LONG)
    if "\x00" in value:
        raise Refused(field, Reason.NUL)


def _distinct_id(sent: Sent, properties: dict[str, Any]) -> str:
    found = sent.distinct_id
    if found is None:
        found = properties.get("distinct_id")
        if found is None:
            raise Refused("distinct_id", Reason.MISSING)
        if type(found) not in (str, int):
            raise Refused("distinct_id", Reason.WRONG_TYPE)
    text = str(found) if len(str(found)) <= MAX_DISTINCT_ID else "x" * (MAX_DISTINCT_ID + 1)
    _check_text(text, "distinct_id", MAX_DISTINCT_ID)
    return text


def _event_id(text: str) -> bytes:
    try:
        found = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        found = b""
    if len(text) != 36 or len(found) != 16 or found == _NIL:
        raise Refused("uuid", Reason.NOT_A_UUID)
    return found


def _change(sent: Sent, properties: dict[str, Any]) -> bytes | None:
    """What the event says of its person, from both places where clients put it."""
    change: dict[str, Any] = {}
    for name, raw in (("$set", sent.set), ("$set_once", sent.set_once)):
        inner = properties.get(name)
        outer = bytes(raw)
        if inner is None and not outer:
            continue
        found = {**_object(inner, name), **_outer(outer, name)}
        if name == "$set_once":
            found = {key: value for key, value in found.items() if value is not None}
        if found:
            change[name[1:]] = found
    unset = properties.get("$unset")
    if unset is not None or bytes(sent.unset):
        change["unset"] = _names(unset) + _names(_plain(bytes(sent.unset)))
    return msgspec.json.encode(change) if change else None


def _object(value: Any, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if type(value) is not dict:
        raise Refused(f"properties.{name}", Reason.WRONG_TYPE)
    return value


def _outer(raw: bytes, name: str) -> dict[str, Any]:
    return read_object(raw, name) if raw and raw != b"null" else {}


def _plain(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw) if raw else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Refused("$unset", Reason.MALFORMED) from None


def _names(value: Any) -> list[str]:
    if value is None:
        return []
    if type(value) is not list or not all(type(name) is str for name in value):
        raise Refused("$unset", Reason.WRONG_TYPE)
    if len(value) > 1_000 or has_nul(value):
        raise Refused("$unset", Reason.TOO_LONG)
    return value


def _other_id(event: str, distinct_id: str, properties: dict[str, Any]) -> str | None:
    """The second id of an identify or alias; None when there is nothing to join."""
    names = _LINKS[event]
    name = next((name for name in names if properties.get(name) is not None), None)
    if name is None:
        return None
    found = properties[name]
    if type(found) not in (str, int):
        raise Refused(f"properties.{name}", Reason.WRONG_TYPE)
    other = str(found)
    _check_text(other, f"properties.{name}", MAX_DISTINCT_ID)
    is_nobody = other.strip().lower() in _NOBODY or distinct_id.strip().lower() in _NOBODY
    return None if is_nobody or other == distinct_id else other


def _is_personless(event: str, properties: dict[str, Any]) -> bool:
    # Servers report errors and group changes under made-up ids: they are nobody.
    return event == "$groupidentify" or (
        properties.get("$process_person_profile") is False and properties.get("$is_server") is True
    )
