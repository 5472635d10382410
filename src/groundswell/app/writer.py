"""The writer role: from the ingest log to the event store, and the outbox with it."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import suppress

import structlog
import uvloop

from groundswell.app.features import exported
from groundswell.app.metrics_files import published_metrics
from groundswell.core.config import Settings
from groundswell.core.engines.embedded import engines
from groundswell.core.platform import Platform, encryption_of, open_platform
from groundswell.features.events.api import store_events
from groundswell.features.events.types import EventConsumer

_STOP_WITHIN = 3.0  # seconds; the supervisor kills after 5, which loses nothing either

_log = structlog.get_logger(__name__)


def main(settings: Settings) -> None:
    """Run the writer role until SIGTERM or SIGINT. A second writer waits for the first to end."""
    uvloop.run(_main(settings))


async def _main(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with (
        engines(settings) as endpoints,
        open_platform(settings, endpoints, encryption_of(settings)) as platform,
        published_metrics(settings.home, "writer"),
    ):
        await run_writer(platform, exported("api", "EVENT_CONSUMERS"), stop)


async def run_writer(
    platform: Platform, consumers: Sequence[EventConsumer], stop: asyncio.Event
) -> None:
    """Store events until ``stop`` is set; what is half done then is taken up by the next writer."""
    work = asyncio.create_task(store_events(platform, consumers, stop))
    asked = asyncio.create_task(stop.wait())
    await asyncio.wait({asked, work}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    await asyncio.wait({work}, timeout=_STOP_WITHIN)
    if not work.done():
        work.cancel()
    with suppress(asyncio.CancelledError):
        await work
