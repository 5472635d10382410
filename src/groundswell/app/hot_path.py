"""The thin layer in front of Litestar: a few addresses answered by plain ASGI applications."""

import asyncio
from collections.abc import Mapping

from litestar.types import ASGIApp, Receive, Scope, Send

_CAPTURE_METHODS = ("POST", "OPTIONS")


class HotPath:
    """Looks an address up in a table; what is not in it goes to ``app``.

    The framework costs about three times what capture itself does, so capture never enters it.
    """

    def __init__(self, app: ASGIApp, prefixes: Mapping[str, ASGIApp]) -> None:
        self._app = app
        self._doors: dict[str, ASGIApp] = {}
        self._prefixes = tuple(prefixes.items())
        self._under_way = 0

    def install(self, doors: Mapping[str, ASGIApp]) -> None:
        """Answer these paths by plain ASGI applications, besides those installed before.

        POST and OPTIONS, or what a door's ``methods`` names; ``/a/*`` is one more part behind
        ``/a``. Other methods go to the app.
        """
        self._doors.update(doors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        app = self._app
        path = scope.get("path", "")
        door = self._doors.get(path) or self._doors.get(path[: path.rfind("/")] + "/*")
        if door is not None and scope.get("method") in getattr(door, "methods", _CAPTURE_METHODS):
            app = door
        else:
            for prefix, found in self._prefixes:
                if path.startswith(prefix):
                    app = found
        self._under_way += 1
        try:
            await app(scope, receive, send)
        finally:
            self._under_way -= 1

    async def drained(self, within: float) -> None:
        """Return when no request is under way, or after ``within`` seconds.

        Call it inside the lifespan, which counts as one.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        # Looked at rather than told: an event would cost every request.
        while self._under_way > 1 and loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
