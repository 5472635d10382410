"""All engines of a home for the length of a block: named, running already, or started here."""

import asyncio
import contextlib
import fcntl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from pydantic import SecretStr

from groundswell.core.config import Settings
from groundswell.core.engines.endpoints import Endpoints, publish, read_published, withdraw
from groundswell.core.engines.home import AlreadyRunningError, Home
from groundswell.core.engines.postgres import postgres_program, postgres_url
from groundswell.core.engines.program import Program
from groundswell.core.engines.store.program import choose_port, store_program, store_url
from groundswell.core.engines.supervisor import Supervisor
from groundswell.core.engines.valkey import (
    cache_program,
    cache_socket,
    log_program,
    log_socket,
    valkey_url,
)
from groundswell.core.errors import ConfigurationError

_ATTACH_WITHIN = 60.0  # seconds: the other side may be recovering a large log
_POLL = 0.05


def plan(settings: Settings, home: Home) -> tuple[Endpoints, list[Program]]:
    """URLs of all engines, and the programs for those that no setting names.

    Call with the home's lock held.

    Raises:
        ConfigurationError: ``DATABASE_URL`` without its two companions.
    """
    programs: list[Program] = []
    if settings.database_url is None:
        programs.append(postgres_program(home))
    if settings.log_url is None:
        programs.append(log_program(home, settings.log_max_bytes))
    if settings.cache_url is None:
        programs.append(cache_program(home, settings.cache_max_bytes))
    clickhouse = _secret(settings.clickhouse_url)
    if clickhouse is None:
        port = choose_port(home)
        programs.append(store_program(home, port))
        clickhouse = store_url(home, port)
    app, owner, system = _database_urls(settings, home)
    endpoints = Endpoints(
        database_url=app,
        database_owner_url=owner,
        database_system_url=system,
        clickhouse_url=clickhouse,
        log_url=_secret(settings.log_url) or valkey_url(log_socket(home)),
        cache_url=_secret(settings.cache_url) or valkey_url(cache_socket(home)),
        files_url=settings.files_url or (home / "files").as_uri(),
    )
    return endpoints, programs


def _all_named(settings: Settings) -> bool:
    return None not in (
        settings.database_url,
        settings.clickhouse_url,
        settings.log_url,
        settings.cache_url,
    )


def _database_urls(settings: Settings, home: Home) -> tuple[str, str, str]:
    given = [
        _secret(settings.database_url),
        _secret(settings.database_owner_url),
        _secret(settings.database_system_url),
    ]
    urls = [url for url in given if url is not None]
    if len(urls) == 3:
        return urls[0], urls[1], urls[2]
    if urls:
        raise ConfigurationError(
            "DATABASE_URL, DATABASE_OWNER_URL and DATABASE_SYSTEM_URL go together: set all or none."
        )
    return postgres_url(home, "app"), postgres_url(home, "owner"), postgres_url(home, "system")


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None


@contextlib.asynccontextmanager
async def engines(settings: Settings) -> AsyncIterator[Endpoints]:
    """Endpoints that answer, for the length of the block.

    Engines with a URL in the settings are used as they are. When another command holds the home,
    its engines are shared, and it stays until we are done. Otherwise they are started here and
    stopped after the block.

    Raises:
        ConfigurationError: the home can't be used, or settings contradict each other.
        StartError: an engine does not start; the text has its last log lines.
        AlreadyRunningError: another command holds the home and does not become ready.
    """
    home = Home(settings.home)
    if _all_named(settings):
        yield plan(settings, home)[0]
        return
    home.create()
    async with contextlib.AsyncExitStack() as stack:
        yield await _enter(settings, home, stack)


async def _enter(settings: Settings, home: Home, stack: contextlib.AsyncExitStack) -> Endpoints:
    deadline = asyncio.get_running_loop().time() + _ATTACH_WITHIN
    while True:
        shared = _share(home, stack)
        if shared is not None:
            return shared
        try:
            stack.enter_context(home.locked())
            break
        except AlreadyRunningError:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(_POLL)
    endpoints, programs = plan(settings, home)
    supervisor = Supervisor(home, programs)
    await supervisor.start()
    stack.push_async_callback(supervisor.stop)
    publish(home, endpoints)
    stack.push_async_callback(_let_guests_finish, home, stack)
    return endpoints


def _share(home: Home, stack: contextlib.AsyncExitStack) -> Endpoints | None:
    """The engines of whoever holds the home, who then waits for us before it stops them."""
    with contextlib.ExitStack() as trial:
        if not trial.enter_context(_guest(home)):
            return None
        published = read_published(home)
        if published is None or not home.is_locked():
            return None
        stack.push(trial.pop_all().__exit__)
        return published.endpoints


@contextlib.contextmanager
def _guest(home: Home) -> Iterator[bool]:
    """Hold the guests' lock together with other guests; False while the holder is leaving."""
    with _guests_file(home).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


async def _let_guests_finish(home: Home, stack: contextlib.AsyncExitStack) -> None:
    """Wait until no other command uses our engines, and let no new one begin."""
    file = stack.enter_context(_guests_file(home).open("a"))
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            await asyncio.sleep(_POLL)
    withdraw(home)


def _guests_file(home: Home) -> Path:
    return home / "run" / "guests"
