"""Bodies of capture requests: unpacked by what they are, decoded in one go, or event by event."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from groundswell.core.errors import FieldError, InvalidError, MalformedError
from groundswell.core.http.body import refuse_dense
from groundswell.core.http.compression import unpack
from groundswell.features.events.logic.checks import Sent
from groundswell.features.events.logic.properties import Refused
from groundswell.features.events.types import MAX_EVENTS, Reason

_GZIP_MAGIC = b"\x1f\x8b"
_OUTSIDE = ("api_key", "token", "sent_at", "historical_migration")


class Body(msgspec.Struct, gc=False):
    """What a request holds. ``events`` has a Sent for each event, or why it is none."""

    events: list[Sent | Refused] = []
    api_key: str | None = None
    sent_at: str | int | float | None = None
    is_historical: bool = False


class _Envelope(msgspec.Struct, gc=False):
    """The common shape of both protocols; one event alone has its fields beside the key."""

    events: list[Sent] | None = None
    batch: list[Sent] | None = None
    api_key: str | None = None
    token: str | None = None
    sent_at: str | int | float | None = None
    historical_migration: bool = False


class _Loose(msgspec.Struct, gc=False):
    events: list[msgspec.Raw] | None = None
    batch: list[msgspec.Raw] | None = None
    api_key: str | None = None
    token: str | None = None
    sent_at: Any = None
    historical_migration: Any = False


_envelope = msgspec.json.Decoder(_Envelope).decode
_loose = msgspec.json.Decoder(_Loose).decode
_sent = msgspec.json.Decoder(Sent).decode
_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def unpack_body(raw: bytes, encoding: str, limit: int) -> bytes:
    """The JSON text of a body. Its first bytes say what it is: browsers send no headers for it.

    Raises:
        TooLargeError: over ``limit`` bytes, packed or unpacked.
        MalformedError: packed, and can't be unpacked.
        UnsupportedMediaTypeError: an encoding we don't read.
    """
    if raw[:1] == b"{" and len(raw) <= limit:
        return raw
    if raw[:2] == _GZIP_MAGIC:
        raw = unpack(raw, "gzip", limit)
    elif raw.lstrip(b" \t\r\n")[:1] not in (b"{", b"["):
        raw = unpack(raw, encoding, limit)
    else:
        raw = unpack(raw, "", limit)
    if raw.startswith(b"data=") or (raw and raw.lstrip(b" \t\r\n")[:1] not in (b"{", b"[")):
        raw = _from_base64(raw, limit)
    return raw


def _from_base64(raw: bytes, limit: int) -> bytes:
    form = raw.removeprefix(b"data=").partition(b"&")[0]
    text = unquote_to_bytes(form.replace(b"+", b"%2B")).translate(None, b" \r\n")
    if text[:1] in (b"{", b"["):
        return text
    try:
        plain = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise MalformedError("The body is neither JSON, gzip nor base64 of them.") from None
    return unpack(plain, "gzip", limit) if plain[:2] == _GZIP_MAGIC else plain


def read_body(raw: bytes) -> Body:
    """The events in a JSON text; wrong ones are kept as the reason why.

    Raises:
        MalformedError: not JSON.
        InvalidError: JSON without events in it, or too many.
        TooLargeError: millions of tiny values.
    """
    refuse_dense(raw)
    try:
        found = _envelope(raw) if raw[:1] == b"{" else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        found = None
    if found is not None:
        events = found.events if found.events is not None else found.batch
        if events is not None:
            _check_count(events)
            key = found.api_key or found.token
            return Body(list(events), key, found.sent_at, found.historical_migration)
    return _read_loosely(raw)


def _check_count(events: Sequence[Any]) -> None:
    if len(events) > MAX_EVENTS:
        reason = f"has {len(events):,} events; at most {MAX_EVENTS:,} fit one request"
        raise InvalidError(f"The request {reason}.", errors=[FieldError("events", reason)])


def _read_loosely(raw: bytes) -> Body:
    """Event by event, so that a wrong one does not take the others with it."""
    try:
        return _split(raw)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    except RecursionError:
        raise MalformedError("The body is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        first = error
    # NaN and lone surrogates are not JSON, yet common: find the events that hold them.
    try:
        text, broken = _mended(raw)
        body = _split(text)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    except (ValueError, RecursionError):
        raise MalformedError(f"The body is not valid JSON: {first}.") from None
    for index, reason in broken.items():
        body.events[index] = Refused("properties", reason)
    return body


def _invalid(error: msgspec.ValidationError) -> InvalidError:
    return InvalidError(f"The body is not a list of events: {error}.")


def _split(raw: bytes) -> Body:
    if raw.lstrip(b" \t\r\n")[:1] == b"[":
        return _body_of(_list(raw), _Loose())
    loose = _loose(raw)
    events = loose.events if loose.events is not None else loose.batch
    if events is not None:
        return _body_of(events, loose)
    if b'"event"' not in raw:
        raise msgspec.ValidationError("Object missing required field `events`")
    return _body_of([msgspec.Raw(raw)], loose)


def _body_of(events: list[msgspec.Raw], loose: _Loose) -> Body:
    _check_count(events)
    sent_at = loose.sent_at if isinstance(loose.sent_at, str | int | float) else None
    key = loose.api_key or loose.token
    read = [_read_event(bytes(event)) for event in events]
    return Body(read, key, sent_at, loose.historical_migration is True)


def _read_event(raw: bytes) -> Sent | Refused:
    try:
        return _sent(raw)
    except msgspec.ValidationError as error:
        field = str(error).partition("`$")[2].rstrip("`").lstrip(".")
        return Refused(field.replace("[...]", ""), Reason.WRONG_TYPE)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Refused("", Reason.MALFORMED)


def _mended(raw: bytes) -> tuple[bytes, dict[int, Reason]]:
    """The body as JSON, each event that JSON can't say emptied; and why, by index."""
    body = json.loads(raw.decode("utf-8", "surrogateescape"))
    events = body.get("events", body.get("batch")) if isinstance(body, dict) else body
    if not isinstance(events, list):
        events = [body]
    _check_count(events)
    found = {index: _why_not_json(event) for index, event in enumerate(events)}
    broken = {index: reason for index, reason in found.items() if reason}
    mended = [{} if index in broken else event for index, event in enumerate(events)]
    outside = {key: body[key] for key in _OUTSIDE if key in body} if isinstance(body, dict) else {}
    return json.dumps({**outside, "events": mended}, allow_nan=False).encode(), broken


def _why_not_json(event: Any) -> Reason | None:
    try:
        json.dumps(event, allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return Reason.LONE_SURROGATE
    except ValueError:
        return Reason.NOT_A_NUMBER
    return None


def key_in_events(events: Sequence[Sent | Refused]) -> str | None:
    """The key inside the first event's properties, where browsers put it."""
    for event in events[:1]:
        if isinstance(event, Sent) and b'"token"' in bytes(event.properties):
            try:
                found = msgspec.json.decode(event.properties)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                return None
            token = found.get("token") if isinstance(found, dict) else None
            return token if isinstance(token, str) else None
    return None
