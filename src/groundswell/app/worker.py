"""The worker role: jobs, schedules, signals, sealing of the audit log."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import structlog
import uvloop

from groundswell.app.features import exported
from groundswell.app.metrics_files import published_metrics
from groundswell.core.audit.seal import seal_audit
from groundswell.core.config import Settings
from groundswell.core.engines.embedded import engines
from groundswell.core.errors import UnavailableError
from groundswell.core.jobs import Job, Schedule
from groundswell.core.jobs.clean import CLEAN_JOBS
from groundswell.core.jobs.run import run_queue
from groundswell.core.platform import Platform, encryption_of, open_platform
from groundswell.core.signals import SignalHandler
from groundswell.core.signals.deliver import Delivery

_SIGNALS_EVERY = 0.2  # seconds
_SEAL_EVERY = 1.0
_AFTER_FAILURE = 2.0
_STOP_WITHIN = 4.5  # the supervisor kills after 5

_log = structlog.get_logger(__name__)


class Work(msgspec.Struct, frozen=True):
    """What a worker does; the features' own unless a test says otherwise."""

    jobs: Sequence[Job[Any]] = ()
    schedules: Sequence[Schedule] = ()
    signal_handlers: Sequence[SignalHandler] = ()


def all_work() -> Work:
    """The jobs, schedules and signal handlers of every feature, and the queue's own."""
    return Work(
        exported("jobs", "JOBS"),
        (CLEAN_JOBS, *exported("jobs", "SCHEDULES")),
        exported("jobs", "SIGNAL_HANDLERS"),
    )


def main(settings: Settings) -> None:
    """Run the worker role until SIGTERM or SIGINT."""
    uvloop.run(_main(settings))


async def _main(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with (
        engines(settings) as endpoints,
        open_platform(settings, endpoints, encryption_of(settings)) as platform,
        published_metrics(settings.home, "worker"),
    ):
        await platform.directory.start()
        await run_worker(platform, all_work(), stop)


async def run_worker(platform: Platform, work: Work, stop: asyncio.Event) -> None:
    """Do the work until ``stop`` is set; what runs then gets 3 s, and is taken up again later."""
    delivery = Delivery(platform, work.signal_handlers)
    tasks = [
        asyncio.create_task(run_queue(platform, work.jobs, work.schedules, stop)),
        asyncio.create_task(_repeat("signals", delivery.deliver_due, _SIGNALS_EVERY, stop)),
        asyncio.create_task(_repeat("audit-seal", lambda: seal_audit(platform), _SEAL_EVERY, stop)),
    ]
    try:
        await asyncio.wait(
            [*tasks, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED
        )
        failed = not stop.is_set()
        stop.set()
        await asyncio.wait(tasks, timeout=_STOP_WITHIN)
        for task in tasks:
            if failed and task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _repeat(
    name: str, work: Callable[[], Awaitable[int]], every: float, stop: asyncio.Event
) -> None:
    """Work until there is none, then look again after ``every`` seconds."""
    while not stop.is_set():
        pause = every
        try:
            if await work():
                pause = 0.0
        except UnavailableError:
            pause = _AFTER_FAILURE
        except Exception:  # noqa: BLE001 - one round's surprise must not end the others
            _log.exception("round_failed", work=name)
            pause = _AFTER_FAILURE
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
