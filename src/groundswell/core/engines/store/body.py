"""Request bodies: undo what the client compressed, read forms."""

import gzip
import io
import sys
import zlib
from collections.abc import Callable
from urllib.parse import parse_qsl

import lz4.frame  # type: ignore[import-untyped]
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    parse_form_data,
)

from groundswell.core.engines.store.errors import CANNOT_DECOMPRESS, UNSUPPORTED, StoreError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def _lz4(data: bytes) -> bytes:
    # A client may send one frame after another; the plain function reads the first only.
    with lz4.frame.open(io.BytesIO(data)) as file:
        return bytes(file.read())


_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "lz4": _lz4,
    "zstd": zstd.decompress,
}


def decompress(data: bytes, encoding: str) -> bytes:
    """``data`` as it was before ``Content-Encoding``.

    Raises:
        StoreError: the encoding is unknown, or the data is not of it.
    """
    decode = _DECODERS.get(encoding.strip().lower())
    if decode is None:
        raise StoreError(UNSUPPORTED, f"Unknown Content-Encoding {encoding}. (NOT_IMPLEMENTED)")
    try:
        return decode(data)
    except (OSError, EOFError, RuntimeError, ValueError, zlib.error, zstd.ZstdError) as error:
        raise StoreError(
            CANNOT_DECOMPRESS, f"The body is not valid {encoding}: {error}. (CANNOT_DECOMPRESS)"
        ) from None


def form_fields(data: bytes, content_type: str) -> dict[str, str] | None:
    """Fields of a form that carries the query, or None when the body is no such form."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        # curl gives every body this type, also a bare statement.
        fields = dict(parse_qsl(data.decode(errors="replace"), keep_blank_values=True))
        return fields if "query" in fields else None
    if kind != "multipart/form-data":
        return None
    return _multipart(data, content_type)


def _multipart(data: bytes, content_type: str) -> dict[str, str]:
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(data)),
        "wsgi.input": io.BytesIO(data),
    }
    try:
        forms, files = parse_form_data(
            environ,
            strict=True,
            part_limit=10_000,
            spool_limit=len(data) + 1,
            memory_limit=len(data) + 1,
        )
    except MultipartError as error:
        raise StoreError(CANNOT_DECOMPRESS, f"The form can't be read: {error}.") from None
    if len(files):
        raise StoreError(UNSUPPORTED, "External data is not supported. (NOT_IMPLEMENTED)")
    return {name: forms[name] for name in forms}
