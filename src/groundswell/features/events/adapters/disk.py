"""How full the disk is, looked at once a second: nothing is promised that can't be kept."""

import os
import time
from pathlib import Path

from groundswell.core.errors import InsufficientStorageError

_LOOK_EVERY = 1.0


class DiskGuard:
    """Refuses writes while less than ``reserve`` bytes are free where ``path`` is."""

    def __init__(self, path: Path, reserve: int) -> None:
        self._path = path
        self._reserve = reserve
        self._next = 0.0
        self._is_full = False

    def check(self) -> None:
        """Raise InsufficientStorageError while the disk is too full."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _LOOK_EVERY
            self._is_full = self._free() < self._reserve
        if self._is_full:
            raise InsufficientStorageError(
                "The server's disk is full. Nothing was stored; please send this again later.",
                headers={"Retry-After": "30"},
            )

    def _free(self) -> int:
        try:
            found = os.statvfs(self._path)
        except OSError:
            return self._reserve
        return found.f_bavail * found.f_frsize
