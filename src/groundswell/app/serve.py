"""Runs one web process: granian around the application, until told to stop."""

import asyncio
import signal
from contextlib import suppress

import structlog
import uvloop
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from groundswell.app.web import GRACE, create_app
from groundswell.core.config import Settings
from groundswell.core.engines.embedded import engines

HEADER_MILLISECONDS = 10_000
"""A client that has not sent its headers by then is cut off."""

_log = structlog.get_logger(__name__)


def main(settings: Settings) -> None:
    """Run the web role in this process; returns after SIGINT or SIGTERM."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_web(settings))


async def serve_web(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM.

    Each web process binds the port itself with SO_REUSEPORT, so the kernel spreads connections
    and a killed process takes nobody else down.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with engines(settings) as endpoints:
        server = Server(
            create_app(settings, endpoints),
            address=settings.host,
            port=settings.port,
            interface=Interfaces.ASGI,
            websockets=False,
            backlog=1024,
            log_enabled=False,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
        )
        await _until(stop, server)


async def _until(stop: asyncio.Event, server: Server) -> None:
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.stop()  # type: ignore[no-untyped-call]
    with suppress(TimeoutError):
        await asyncio.wait_for(serving, GRACE + 1)
    _log.info("web_stopped")
