"""The form of API keys: ``gsk_`` or ``gpk_``, 32 random characters, 6 of checksum, all base62.

The checksum lets a mistyped key be refused without a look-up, and lets secret scanners tell a
key from noise.
"""

import secrets
import string
from hashlib import sha256
from typing import Literal
from zlib import crc32

KeyKind = Literal["secret", "publishable"]

PREFIXES: dict[KeyKind, str] = {"secret": "gsk_", "publishable": "gpk_"}

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM = 32  # 190 bits
_CHECKSUM = 6
_LENGTH = 4 + _RANDOM + _CHECKSUM
_SHOWN = 10


def new_key(kind: KeyKind) -> str:
    """A new key; show it once and store :func:`key_hash` of it."""
    body = PREFIXES[kind] + random_text(_RANDOM)
    return body + _checksum(body)


def is_well_formed(presented: str) -> bool:
    """Whether this can be a key at all: prefix, length, alphabet and checksum are right."""
    if len(presented) != _LENGTH or not presented.isascii():
        return False
    body, checksum = presented[:-_CHECKSUM], presented[-_CHECKSUM:]
    return body.startswith(tuple(PREFIXES.values())) and checksum == _checksum(body)


def key_hash(key: str) -> bytes:
    """What is stored of a key. A fast hash will do: the key has its full entropy."""
    return sha256(key.encode()).digest()


def shown_prefix(key: str) -> str:
    """The beginning of a key, by which people recognise it later."""
    return key[:_SHOWN]


def random_text(length: int) -> str:
    """Random base62 characters, about 5.95 bits each."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _checksum(body: str) -> str:
    number = crc32(body.encode())
    digits = []
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
