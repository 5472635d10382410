"""Counts of refused events, from the capped stream of the web processes to their table."""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
import structlog
from valkey import exceptions

from groundswell.core.errors import UnavailableError
from groundswell.core.platform import Platform
from groundswell.features.events.adapters.log import REFUSED_STREAM
from groundswell.features.events.store import refusals
from groundswell.features.events.types import CountedRefusal

_EVERY = 0.5
_AFTER_FAILURE = 2.0
_ENTRIES = 500

_decode = msgspec.msgpack.Decoder(list[CountedRefusal]).decode
_log = structlog.get_logger(__name__)


async def count_refusals(platform: Platform, stop: asyncio.Event) -> None:
    """Move counts until ``stop``."""
    while not stop.is_set():
        pause = _EVERY
        try:
            await move_refusals(platform)
        except (UnavailableError, exceptions.ValkeyError, OSError) as error:
            _log.warning("refusals_wait", error=str(error)[:200])
            pause = _AFTER_FAILURE
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)


async def move_refusals(platform: Platform) -> int:
    """Move what is in the stream; returns how many kinds were counted.

    How far it got is written with the counts, so that a crash between counting and trimming
    counts nothing twice.
    """
    async with platform.postgres.across_tenants("refusals") as tx:
        last = await refusals.last_counted(tx, REFUSED_STREAM)
        entries: list[Any] = await platform.log.xrange(
            REFUSED_STREAM, f"({last}", "+", count=_ENTRIES
        )
        if not entries:
            return 0
        rows = [row for _, fields in entries for row in _rows(fields)]
        last = entries[-1][0].decode()
        await refusals.count(tx, rows)
        await refusals.set_last_counted(tx, REFUSED_STREAM, last)
    ms, _, number = last.partition("-")
    await platform.log.xtrim(REFUSED_STREAM, minid=f"{ms}-{int(number) + 1}", approximate=False)
    return len(rows)


def _rows(fields: dict[bytes, bytes]) -> list[CountedRefusal]:
    try:
        return _decode(fields[b"c"])
    except (KeyError, msgspec.MsgspecError):
        return []
