"""A worker of its own for tests that kill it: ``python worker_process.py HOME MARK``."""

import asyncio
import signal
import sys
from pathlib import Path

import msgspec

from groundswell.app.worker import Work, run_worker
from groundswell.core.config import load_settings
from groundswell.core.engines.embedded import engines
from groundswell.core.jobs import Job
from groundswell.core.platform import encryption_of, open_platform
from groundswell.core.signals import SignalHandler


class Nothing(msgspec.Struct):
    """A job without a payload."""


def work(mark: str, seconds: float) -> Work:
    """A job and a handler that count their starts and ends in the cache."""

    async def run(platform, tenant_id, payload) -> None:
        await platform.cache.incr(f"{mark}:job:started")
        await asyncio.sleep(seconds)
        await platform.cache.incr(f"{mark}:job:ended")

    async def handle(platform, tenant_id, signals) -> None:
        await platform.cache.incr(f"{mark}:signal:started")
        await asyncio.sleep(seconds)
        await platform.cache.incrby(f"{mark}:signal:ended", len(signals))

    return Work([Job(mark, Nothing, run)], (), [SignalHandler("test", mark, handle)])


async def main(home: str, mark: str) -> None:
    """Work until told to stop."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = load_settings(home=Path(home))
    async with (
        engines(settings) as endpoints,
        open_platform(settings, endpoints, encryption_of(settings)) as platform,
    ):
        await run_worker(platform, work(mark, 60.0), stop)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
