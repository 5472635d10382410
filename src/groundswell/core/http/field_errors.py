"""All wrong fields of a value at once; msgspec itself stops at the first.

The walk follows a type's annotations only as deep as needed to give each part to msgspec on its
own, so what is right or wrong stays msgspec's decision.
"""

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from groundswell.core.errors import FieldError

MOST = 100
"""Errors that one answer lists at most."""

_PLACE = re.compile(r" - at `(?:key in )?\$(.*?)`$")
_SEQUENCES = (list, tuple, set, frozenset, Sequence)
_MAPPINGS = (dict, Mapping)


def collect_errors(value: Any, wanted: Any, *, strict: bool = True) -> list[FieldError]:
    """Every wrong field of ``value`` (plain JSON types) for the type ``wanted``."""
    errors: list[FieldError] = []
    for error in _walk(value, wanted, "", strict):
        errors.append(error)
        if len(errors) == MOST:
            break
    return errors


def _walk(value: Any, wanted: Any, path: str, strict: bool) -> Iterator[FieldError]:
    whole = _problem(value, wanted, path, strict)
    if whole is None:
        return
    parts = list(_parts(value, wanted, path, strict))
    # A wrong container with right parts is wrong as a whole: its length, its __post_init__.
    yield from parts or [whole]


def _parts(value: Any, wanted: Any, path: str, strict: bool) -> Iterator[FieldError]:
    bare = _bare(wanted, value)
    origin = get_origin(bare) or bare
    if isinstance(origin, type) and issubclass(origin, msgspec.Struct):
        if isinstance(value, dict):
            yield from _struct(value, bare, path, strict)
    elif origin in _SEQUENCES and isinstance(value, list):
        for index, item in enumerate(value):
            inner = _item_type(bare, origin, index)
            yield from _walk(item, inner, f"{path}[{index}]", strict)
    elif origin in _MAPPINGS and isinstance(value, dict) and get_args(bare):
        inner = get_args(bare)[1]
        for name, item in value.items():
            yield from _walk(item, inner, _below(path, str(name)), strict)


def _struct(value: dict[str, Any], wanted: Any, path: str, strict: bool) -> Iterator[FieldError]:
    known: set[str] = set()
    for field in msgspec.structs.fields(wanted):
        name = field.encode_name
        known.add(name)
        if name in value:
            yield from _walk(value[name], field.type, _below(path, name), strict)
        elif field.required:
            yield FieldError(_below(path, name), "is missing")
    config = (get_origin(wanted) or wanted).__struct_config__
    if config.forbid_unknown_fields:
        for name in value.keys() - known - {config.tag_field}:
            yield FieldError(_below(path, str(name)), "is not known here")


def _problem(value: Any, wanted: Any, path: str, strict: bool) -> FieldError | None:
    """What msgspec says of this part, or None if it takes it."""
    try:
        msgspec.convert(value, wanted, strict=strict, str_keys=True)
    except msgspec.ValidationError as error:
        return field_error(error, path)
    except RecursionError:
        return FieldError(path, "is nested too deeply")
    return None


def field_error(error: msgspec.ValidationError, path: str = "") -> FieldError:
    """msgspec's one error with its place as a dotted path."""
    text = str(error)
    place = _PLACE.search(text)
    inner = place.group(1) if place else ""
    reason = text[: place.start()] if place else text
    missing = re.fullmatch(r"Object missing required field `(.+)`", reason)
    unknown = re.fullmatch(r"Object contains unknown field `(.+)`", reason)
    whole = (path + inner).lstrip(".")
    if missing:
        return FieldError(_below(whole, missing.group(1)), "is missing")
    if unknown:
        return FieldError(_below(whole, unknown.group(1)), "is not known here")
    return FieldError(whole, reason[:1].lower() + reason[1:])


def _bare(wanted: Any, value: Any) -> Any:
    """The type without its constraints, and of a union the member that fits the value's shape."""
    while get_origin(wanted) is Annotated:
        wanted = get_args(wanted)[0]
    if get_origin(wanted) in (Union, types.UnionType):
        return _member(get_args(wanted), value)
    return wanted


def _member(members: tuple[Any, ...], value: Any) -> Any:
    bare = [_bare(member, value) for member in members]
    structs = [kind for kind in bare if _is_struct(kind)]
    if isinstance(value, dict) and structs:
        for kind in structs:
            config = (get_origin(kind) or kind).__struct_config__
            if config.tag_field and value.get(config.tag_field) == config.tag:
                return kind
        return structs[0] if len(structs) == 1 else object
    shapes = _SEQUENCES if isinstance(value, list) else _MAPPINGS if isinstance(value, dict) else ()
    return next((kind for kind in bare if (get_origin(kind) or kind) in shapes), object)


def _is_struct(kind: Any) -> bool:
    origin = get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, msgspec.Struct)


def _item_type(wanted: Any, origin: Any, index: int) -> Any:
    arguments = get_args(wanted)
    if not arguments:
        return Any
    if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        return arguments[index] if index < len(arguments) else Any
    return arguments[0]


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
