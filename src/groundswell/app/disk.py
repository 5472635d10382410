"""Watches free space: writes are refused before the disk is full, so that none is lost."""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

import structlog

from groundswell.core.metrics import DISK_FREE

_EVERY = 3.0  # seconds
_log = structlog.get_logger(__name__)


class DiskGuard:
    """Free space of the home's volume against a reserve, in bytes; checked in the background."""

    def __init__(self, folder: Path, reserve: int) -> None:
        self._folder = folder
        self._reserve = reserve
        self._reason: str | None = None
        self._task: asyncio.Task[None] | None = None

    def reason(self) -> str | None:
        """Why writes are refused now, or None."""
        return self._reason

    async def start(self) -> None:
        """Check once, then every few seconds."""
        self.check()
        self._task = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Stop checking."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def check(self) -> None:
        """Compare now."""
        try:
            free = shutil.disk_usage(self._folder).free
        except OSError as error:
            _log.warning("disk_unreadable", error=str(error))
            return
        DISK_FREE.set(free)
        was, self._reason = self._reason, None
        if free < self._reserve:
            self._reason = (
                f"The disk is nearly full ({free:,} bytes free). "
                "Nothing was stored; free some space and repeat."
            )
        if bool(was) != bool(self._reason):
            _log.warning(
                "disk_guard", free=free, reserve=self._reserve, refusing=bool(self._reason)
            )

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            self.check()
