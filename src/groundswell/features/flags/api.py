"""Flags, for other features and the app."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from groundswell.core.platform import Platform
from groundswell.features.flags.logic.snapshot import FlagSnapshot

__all__ = ["CAPTURE", "flag_doors", "snapshot_of"]

_OPEN: dict[int, FlagSnapshot] = {}


def snapshot_of(platform: Platform) -> FlagSnapshot:
    """The flags in memory of a web process."""
    return _OPEN[id(platform)]


@asynccontextmanager
async def flag_doors(platform: Platform) -> AsyncIterator[Mapping[str, Any]]:
    """ASGI callables by path, for the methods each names; ``/*`` is one more part of a path."""
    # The worker and commands import this module and need none of HTTP.
    from groundswell.features.flags.logic.doors.table import doors_of

    snapshot = FlagSnapshot(
        platform.postgres, platform.cache, platform.settings.home / "state" / "flags.json"
    )
    await snapshot.start()
    _OPEN[id(platform)] = snapshot
    try:
        yield doors_of(platform, snapshot)
    finally:
        del _OPEN[id(platform)]
        await snapshot.close()


CAPTURE = (flag_doors,)


def __getattr__(name: str) -> Any:
    # Only the web role asks for it, and it draws in the framework.
    if name == "CAPTURE_ROUTES":
        from groundswell.features.flags.logic.doors.table import ROUTES

        return ROUTES
    raise AttributeError(name)
