"""``python -m groundswell.core.engines.store --home DIR``: serve until SIGTERM."""

import argparse
import asyncio
import gc
import os
import signal
from pathlib import Path

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from groundswell.core.config import Settings, load_settings
from groundswell.core.engines.home import Home
from groundswell.core.engines.store.app import StoreApp
from groundswell.core.engines.store.engine import Engine, Statement
from groundswell.core.engines.store.program import DATABASE, HOST, remembered_port

_QUERY_SECONDS = 60


def _defaults(settings: Settings) -> dict[str, str]:
    """Limits of a query that names none: half the memory, then it spills to disk or fails."""
    memory = settings.store_max_bytes // 2
    return {
        "max_execution_time": str(_QUERY_SECONDS),
        "max_memory_usage": str(memory),
        "max_bytes_before_external_group_by": str(memory // 2),
        "max_bytes_before_external_sort": str(memory // 2),
    }


async def serve(settings: Settings) -> None:
    """Open the engine, answer until told to stop."""
    home = Home(settings.home)
    engine = Engine(home / "store", settings.store_max_bytes)
    engine.run(Statement(sql=f"CREATE DATABASE IF NOT EXISTS {DATABASE}"))
    app = StoreApp(engine, home.secrets.store, _defaults(settings))
    server = Server(
        app,
        address=HOST,
        port=remembered_port(home),
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        log_level="warning",  # type: ignore[arg-type]
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    gc.freeze()
    await server.serve()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="groundswell store")
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    uvloop.run(serve(load_settings(home=options.home)))
    # chDB's own threads may take seconds to end; what was acknowledged is on disk.
    os._exit(0)


if __name__ == "__main__":
    main()
