"""Telling the processes that hold flags in memory to look now, and hearing it."""

from contextlib import suppress

from valkey.exceptions import ValkeyError

from groundswell.core.platform import Platform

CHANNEL = "flags"


async def announce(platform: Platform) -> None:
    """Say that flags changed. Who doesn't hear it looks by itself within half a second."""
    with suppress(ValkeyError, OSError):
        await platform.cache.publish(CHANNEL, b"")
