"""Reading what a caller sends: size and decompression caps, types, all field errors at once."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Request

from groundswell.core.errors import (
    FieldError,
    InvalidError,
    MalformedError,
    TooLargeError,
    UnsupportedMediaTypeError,
)
from groundswell.core.http.compression import unpack
from groundswell.core.http.field_errors import MOST, collect_errors, field_error

T = TypeVar("T")

_NOT_JSON = "The body is not valid JSON: "
_LONG_DIGITS = re.compile(rb"\d{19}")
_INT64 = 2**63
_DEEPEST = 200

MOST_VALUES = 1_000_000
"""Values of one JSON body."""


async def read_body(request: Request[Any, Any, Any], wanted: type[T]) -> T:
    """The JSON body as ``wanted``.

    Raises:
        UnsupportedMediaTypeError: not JSON, or packed in a way we don't know.
        TooLargeError: over ``max_body_bytes``, packed or unpacked.
        MalformedError: not JSON at all.
        InvalidError: names every wrong field.
    """
    kind = request.content_type[0].lower()
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMediaTypeError(f"Send application/json; {kind[:80]} isn't read here.")
    return decode_json(await read_bytes(request), wanted)


async def read_bytes(request: Request[Any, Any, Any]) -> bytes:
    """The body's bytes, unpacked by its Content-Encoding."""
    raw = await request.body()
    encoding = request.headers.get("content-encoding", "")
    limit: int = request.app.state.platform.settings.max_body_bytes
    return unpack(raw, encoding, limit)


def decode_json(raw: bytes, wanted: type[T]) -> T:
    """JSON bytes as ``wanted``; the same errors as :func:`read_body`."""
    refuse_dense(raw)
    try:
        value = msgspec.json.decode(raw, type=wanted)
    except msgspec.ValidationError as error:
        raise _invalid(_plain(raw), wanted, field_error(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from None
    _check_storable(raw)
    return value


def refuse_dense(raw: bytes) -> None:
    """Refuse a body of millions of tiny values: decoded it would fill the memory.

    ``[[],[],…`` becomes thirty times its size, and gzip packs it into next to nothing.

    Raises:
        TooLargeError: more than ``MOST_VALUES`` values.
    """
    if len(raw) > MOST_VALUES and raw.count(b",") > MOST_VALUES:
        raise TooLargeError(f"A request body may hold {MOST_VALUES:,} values at most.")


def _invalid(value: Any, wanted: Any, first: FieldError) -> InvalidError:
    errors = collect_errors(value, wanted)
    if not any(error.field == first.field for error in errors):
        errors.insert(0, first)
    return InvalidError(_summary(errors), errors=errors)


def _summary(errors: list[FieldError]) -> str:
    if len(errors) == 1:
        return f"{errors[0].field or 'The body'} {_said(errors[0].reason)}"
    return f"{len(errors)} fields are wrong."


def _said(reason: str) -> str:
    text = reason if reason.startswith("is ") else f"is wrong: {reason}"
    return text if text.endswith(".") else text + "."


def _plain(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.ValidationError as error:
        raise InvalidError("A value is wrong.", errors=[field_error(error)]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from None


def _malformed(error: Exception) -> MalformedError:
    if isinstance(error, RecursionError):
        return MalformedError(_NOT_JSON + "it is nested too deeply.")
    if isinstance(error, UnicodeDecodeError):
        return MalformedError(_NOT_JSON + "a text is not UTF-8.")
    return MalformedError(_NOT_JSON + str(error) + ".")


def _check_storable(raw: bytes) -> None:
    """Refuse what no engine can keep: NUL in a text, an integer beyond 64 bits, a deep nest."""
    is_nested = raw.count(b"{") + raw.count(b"[") > _DEEPEST
    if not is_nested and b"\\u0000" not in raw and not _LONG_DIGITS.search(raw):
        return
    errors = list(islice(_unstorable(_plain(raw), "", _DEEPEST), MOST))
    if errors:
        raise InvalidError(_summary(errors), errors=errors)


def _unstorable(value: Any, path: str, room: int) -> Iterator[FieldError]:
    if room == 0:
        yield FieldError(path[:200], "is nested too deeply")
    elif isinstance(value, str) and "\x00" in value:
        yield FieldError(path, "contains a NUL character")
    elif isinstance(value, int) and not -_INT64 <= value < _INT64:
        yield FieldError(path, "is an integer beyond 64 bits")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unstorable(item, f"{path}[{index}]", room - 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            place = f"{path}.{name}" if path else name
            if "\x00" in name:
                yield FieldError(place.replace("\x00", "\\u0000"), "contains a NUL character")
            yield from _unstorable(item, place, room - 1)


def read_query(request: Request[Any, Any, Any], wanted: type[T]) -> T:
    """The query parameters as a Struct; a repeated name fills a list field.

    Raises:
        InvalidError: names every wrong parameter.
    """
    return convert_query(request.scope["query_string"], wanted)


def convert_query(raw: bytes, wanted: type[T]) -> T:
    """A raw query string as a Struct; the same errors as :func:`read_query`."""
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=200
        )
    except ValueError:
        raise MalformedError("The query is not percent-encoded UTF-8.") from None
    values = _gather(pairs, _list_fields(wanted))
    bad = [FieldError(n, "contains a NUL character") for n, v in pairs if "\x00" in n + v]
    if bad:
        raise InvalidError(_summary(bad), errors=bad)
    try:
        return msgspec.convert(values, wanted, strict=False, str_keys=True)
    except msgspec.ValidationError as error:
        errors = collect_errors(values, wanted, strict=False) or [field_error(error)]
        raise InvalidError(_summary(errors), errors=errors) from None


def _gather(pairs: list[tuple[str, str]], lists: set[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in lists:
            values.setdefault(name, []).append(value)
        elif value != "":  # an empty form field is one left out
            values[name] = value
    return values


def _list_fields(wanted: Any) -> set[str]:
    named = msgspec.inspect.type_info(wanted)
    fields = named.fields if isinstance(named, msgspec.inspect.StructType) else ()
    return {field.encode_name for field in fields if _holds_list(field.type)}


def _holds_list(kind: msgspec.inspect.Type) -> bool:
    if isinstance(kind, msgspec.inspect.UnionType):
        return any(_holds_list(part) for part in kind.types)
    return isinstance(
        kind,
        (
            msgspec.inspect.ListType,
            msgspec.inspect.SetType,
            msgspec.inspect.FrozenSetType,
            msgspec.inspect.VarTupleType,
        ),
    )
