"""Unpacking request bodies without letting a small one become a huge one."""

import zlib
from collections.abc import Callable

from groundswell.core.errors import MalformedError, TooLargeError, UnsupportedMediaTypeError

try:
    from backports import zstd
except ImportError:  # pragma: no cover - comes with the event store's client
    zstd = None  # type: ignore[assignment]

_GZIP = 31  # window bits: a gzip header is expected
_ZLIB = 15
_RAW = -15
_MOST_MEMBERS = 100  # each costs a copy of what follows it

Unpack = Callable[[bytes, int], bytes]


def unpack(raw: bytes, encoding: str, limit: int) -> bytes:
    """The bytes behind a ``Content-Encoding``.

    Raises:
        TooLargeError: more than ``limit`` bytes, packed or unpacked.
        MalformedError: not what the encoding says.
        UnsupportedMediaTypeError: an encoding we don't read.
    """
    if len(raw) > limit:
        raise too_large(limit)
    names = [name.strip().lower() for name in encoding.split(",") if name.strip()]
    steps = [name for name in names if name != "identity"]
    if len(steps) > 1 or any(step not in _READERS for step in steps):
        raise UnsupportedMediaTypeError(
            f"Content-Encoding {encoding[:80]} isn't read here.",
            headers={"Accept-Encoding": ", ".join(sorted(ENCODINGS))},
        )
    return _READERS[steps[0]](raw, limit) if steps else raw


def too_large(limit: int) -> TooLargeError:
    """The error for a body over the limit."""
    return TooLargeError(f"A request body may be {limit:,} bytes at most, unpacked.")


def _gunzip(raw: bytes, limit: int) -> bytes:
    """All members of a gzip file."""
    parts: list[bytes] = []
    size = 0
    while raw:
        if len(parts) == _MOST_MEMBERS:
            raise MalformedError("The packed body has too many parts.")
        reader = zlib.decompressobj(_GZIP)
        parts.append(_inflate(reader, raw, limit - size, limit))
        size += len(parts[-1])
        raw = reader.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _deflate(raw: bytes, limit: int) -> bytes:
    """zlib's format as the standard says, or bare deflate as some clients send it."""
    is_zlib = len(raw) >= 2 and raw[0] & 0x0F == 8 and (raw[0] << 8 | raw[1]) % 31 == 0
    reader = zlib.decompressobj(_ZLIB if is_zlib else _RAW)
    return _inflate(reader, raw, limit, limit)


def _inflate(reader: "zlib._Decompress", raw: bytes, room: int, limit: int) -> bytes:
    try:
        plain = reader.decompress(raw, room + 1)
    except zlib.error:
        raise MalformedError("The body can't be unpacked.") from None
    if len(plain) > room:
        raise too_large(limit)
    if not reader.eof:
        raise MalformedError("The packed body ends too early.")
    return plain


def _unzstd(raw: bytes, limit: int) -> bytes:
    # The window bounds the memory a frame may ask for, whatever its contents.
    options = {int(zstd.DecompressionParameter.window_log_max): 23}
    parts: list[bytes] = []
    size = 0
    while raw:
        if len(parts) == _MOST_MEMBERS:
            raise MalformedError("The packed body has too many parts.")
        reader = zstd.ZstdDecompressor(options=options)
        try:
            parts.append(reader.decompress(raw, limit - size + 1))
        except zstd.ZstdError:
            raise MalformedError("The body can't be unpacked.") from None
        size += len(parts[-1])
        if size > limit:
            raise too_large(limit)
        if not reader.eof:
            raise MalformedError("The packed body ends too early.")
        raw = reader.unused_data
    return b"".join(parts)


_READERS: dict[str, Unpack] = {"gzip": _gunzip, "x-gzip": _gunzip, "deflate": _deflate}
if zstd is not None:
    _READERS["zstd"] = _unzstd
ENCODINGS = frozenset(_READERS) - {"x-gzip"}
"""What ``Content-Encoding`` may say."""
