"""The web role: the hot path in front, Litestar with every feature's routes and pages behind."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from litestar import Litestar
from litestar.types import ASGIApp

from groundswell.app.disk import DiskGuard
from groundswell.app.features import exported, template_folders
from groundswell.app.frame import Frames
from groundswell.app.health import Lag
from groundswell.app.hot_path import HotPath
from groundswell.app.metrics_files import published_metrics
from groundswell.app.operations import OPERATIONS
from groundswell.app.reference_pages import REFERENCE
from groundswell.app.sdk import BrowserSdk
from groundswell.app.static import StaticFiles
from groundswell.core.config import Settings
from groundswell.core.engines.endpoints import Endpoints
from groundswell.core.engines.home import Home
from groundswell.core.errors import ConfigurationError, UnavailableError
from groundswell.core.http.access import route_table
from groundswell.core.http.edge import Edge
from groundswell.core.http.gate import Gate
from groundswell.core.http.handlers import DEPENDENCIES, prepared
from groundswell.core.http.problems import EXCEPTION_HANDLERS
from groundswell.core.platform import Platform, encryption_of, open_platform
from groundswell.ui.assets import STATIC
from groundswell.ui.render import environment

GRACE = 3.0
"""Seconds that requests under way have to end after the signal to stop."""

FLUSH_SECONDS = 30.0
_TEMPLATES = Path(__file__).parent / "templates"


def create_app(settings: Settings, endpoints: Endpoints, *, more: Sequence[Any] = ()) -> ASGIApp:
    """The whole web application of one process; its lifespan opens and closes the engines' clients.

    ``more`` are handlers besides those of the features.

    Raises:
        ConfigurationError: a route does not say who may call it, or the bundle was not built.
    """
    disk = DiskGuard(settings.home, settings.disk_reserve_bytes)
    app = Litestar(
        route_handlers=prepared(
            [
                *OPERATIONS,
                *REFERENCE,
                *exported("routes", "ROUTES"),
                *exported("pages", "PAGES"),
                *more,
            ]
        ),
        dependencies=DEPENDENCIES,
        middleware=[Gate],
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=[_started],
        openapi_config=None,
        logging_config=None,
        request_max_body_size=settings.max_body_bytes,
    )
    routes = route_table(app)
    frames = Frames(routes)
    edge = Edge(app, secure=settings.is_secure, storage=disk.reason)
    sdk = BrowserSdk(STATIC / "sdk", secure=settings.is_secure)
    static = StaticFiles(STATIC, secure=settings.is_secure)
    hot = HotPath(edge, {"/static/": static, "/sdk/": sdk, "/sdk.js": sdk})
    app.state.update(
        {
            "settings": settings,
            "endpoints": endpoints,
            "disk": disk,
            "hot_path": hot,
            "routes": [*routes, *exported("api", "CAPTURE_ROUTES")],
            "templates": _templates(),
            "frame": frames.build,
            "bare_page": frames.bare,
            "cron_secret": _cron_secret(settings),
            "lag_of": _lag_of(),
            "timeline_sources": exported("api", "TIMELINE"),
            "person_summaries": exported("api", "PERSON_SUMMARIES"),
        }
    )
    return hot


@asynccontextmanager
async def _started(app: Litestar) -> AsyncIterator[None]:
    """Open what requests need, for as long as the process answers them."""
    state = app.state
    settings: Settings = state.settings
    async with AsyncExitStack() as stack:
        opened = open_platform(settings, state.endpoints, encryption_of(settings))
        state.platform = await stack.enter_async_context(opened)
        await state.platform.directory.start()
        await state.disk.start()
        stack.push_async_callback(state.disk.close)
        await stack.enter_async_context(published_metrics(settings.home, "web"))
        for doors in exported("api", "CAPTURE"):
            state.hot_path.install(await stack.enter_async_context(doors(state.platform)))
        await stack.enter_async_context(_flushing(state.platform))
        _settle_memory()
        yield
        await state.hot_path.drained(GRACE)


@asynccontextmanager
async def _flushing(platform: Platform) -> AsyncIterator[None]:
    """Write down now and then, and at the end, what features noted in memory."""
    flushes = exported("api", "FLUSHES")

    async def flush() -> None:
        for each in flushes:
            with suppress(UnavailableError):
                await each(platform)

    async def keep_flushing() -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await flush()

    task = asyncio.create_task(keep_flushing())
    try:
        yield
    finally:
        task.cancel()
        await flush()


def _settle_memory() -> None:
    """What is loaded by now stays for ever: the collector need not look at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _templates() -> Environment:
    folders = [_TEMPLATES, *template_folders()]
    try:
        return environment([FileSystemLoader(folder) for folder in folders])
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"The page bundle was not built ({error.filename} is missing): run `make setup`."
        ) from None


def _cron_secret(settings: Settings) -> str:
    if settings.cron_secret is not None:
        return settings.cron_secret.get_secret_value()
    return Home(settings.home).create().secrets.cron_secret


def _lag_of() -> Lag:
    found = exported("api", "INGEST_LAG")
    return found[0] if found else _unknown_lag


async def _unknown_lag(platform: Platform) -> float | None:
    return None
