"""Passwords: argon2id in a small thread pool, so that a burst of sign-ins can't eat the machine."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from groundswell.core.errors import UnavailableError

Result = TypeVar("Result")

MIN_LENGTH = 10
MAX_LENGTH = 256

_COMMON_TEXT = """
password12 password123 password1234 passwordpassword 1234567890 12345678910 123456789012
0123456789 0987654321 9876543210 1111111111 0000000000 qwertyuiop qwerty1234 qwerty12345
qwerty123456 1q2w3e4r5t 1qaz2wsx3edc iloveyou12 iloveyou123 letmein123 letmein1234 welcome123
welcome1234 admin12345 admin123456 administrator changeme123 changeme1234 football123
baseball123 princess123 sunshine123 superman123 abcdefghij abcdefghijk abc1234567 abcd123456
asdfghjkl1 zxcvbnm123 secret1234 groundswell groundswell1
"""
_COMMON = frozenset(_COMMON_TEXT.split())


class Passwords:
    """Hashes and checks; at most ``threads`` at a time and ``queue`` waiting.

    Each hash takes 64 MiB (the second profile of RFC 9106) for its ~0.15 s.
    """

    def __init__(self, threads: int = 2, queue: int = 32) -> None:
        self._hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._limit = threads + queue
        self._pending = 0
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """The hash to store, with its parameters and salt.

        Raises:
            UnavailableError: too many are waiting.
        """
        return await self._run(lambda: self._hasher.hash(_normal(password)))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password is the stored one; ``None`` takes as long and is never right.

        Raises:
            UnavailableError: too many are waiting.
        """
        return await self._run(lambda: self._check(_normal(password), stored))

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters and should be made anew."""
        return self._hasher.check_needs_rehash(stored)

    def _check(self, password: str, stored: str | None) -> bool:
        if stored is None and self._decoy is None:
            self._decoy = self._hasher.hash("nobody's password")
            return False  # making the decoy took as long as checking one
        try:
            self._hasher.verify(stored or self._decoy or "", password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    async def _run(self, work: Callable[[], Result]) -> Result:
        if self._pending >= self._limit:
            raise UnavailableError(
                "Too many people are signing in at this moment. Please try again.",
                headers={"Retry-After": "2"},
            )
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._pending -= 1


PASSWORDS = Passwords()
"""The process's one pool: its bound holds only if everybody shares it."""


def weakness(password: str, email: str) -> str | None:
    """Why a new password is refused, or None if it will do."""
    plain = _normal(password)
    folded = plain.casefold()
    if len(plain) < MIN_LENGTH:
        return f"must have at least {MIN_LENGTH} characters"
    if len(plain) > MAX_LENGTH:
        return f"must have at most {MAX_LENGTH} characters"
    if folded in (email.casefold(), email.casefold().partition("@")[0]):
        return "must not be the e-mail address"
    if folded in _COMMON or len(set(folded)) < 4:
        return "is too easy to guess"
    return None


def _normal(password: str) -> str:
    # The same word typed on two keyboards may be composed differently.
    return unicodedata.normalize("NFKC", password[: 4 * MAX_LENGTH])
