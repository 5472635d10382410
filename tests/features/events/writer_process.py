"""A writer that ends itself with SIGKILL at the n-th passage of a named point.

``python writer_process.py HOME POINT NUMBER``; without a point it runs until it is stopped.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from groundswell.app.features import exported
from groundswell.core.config import load_settings
from groundswell.core.engines.endpoints import read_published
from groundswell.core.engines.home import Home
from groundswell.core.platform import encryption_of, open_platform
from groundswell.features.events.logic.ingest import Ingest


def main() -> None:
    home, point, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    passed = 0

    def checkpoint(name: str) -> None:
        nonlocal passed
        if name == point:
            passed += 1
            if passed == number:
                os.kill(os.getpid(), signal.SIGKILL)

    async def run() -> None:
        settings = load_settings(home=home, port=0)
        published = read_published(Home(home))
        assert published is not None
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        async with open_platform(settings, published.endpoints, encryption_of(settings)) as opened:
            await Ingest(opened, exported("api", "EVENT_CONSUMERS"), checkpoint).run(stop)

    asyncio.run(run())


if __name__ == "__main__":
    main()
