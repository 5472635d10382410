"""What a process holds while it runs: settings, engines, directory. Built once, passed down."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from valkey.asyncio import Valkey

from groundswell.core.config import Settings
from groundswell.core.db.clickhouse import EventStore
from groundswell.core.db.postgres import Postgres
from groundswell.core.db.valkey import open_valkey
from groundswell.core.encryption import Encryption
from groundswell.core.engines.endpoints import Endpoints
from groundswell.core.engines.home import Home
from groundswell.core.tenancy.directory import Directory


@dataclass(frozen=True, slots=True)
class Platform:
    """The engines' clients of one process. Opening it needs none of the engines to be up."""

    settings: Settings
    endpoints: Endpoints
    postgres: Postgres
    store: EventStore
    log: Valkey
    cache: Valkey
    directory: Directory
    encryption: Encryption


@asynccontextmanager
async def open_platform(
    settings: Settings, endpoints: Endpoints, encryption: Encryption, *, pool_size: int = 8
) -> AsyncIterator[Platform]:
    """Clients for one process; closed at the end of the block."""
    postgres = Postgres(endpoints.database_url, endpoints.database_system_url, size=pool_size)
    store = EventStore(endpoints.clickhouse_url)
    log = open_valkey(endpoints.log_url)
    cache = open_valkey(endpoints.cache_url)
    directory = Directory(postgres, settings.home / "state" / "directory.json")
    await postgres.open()
    try:
        yield Platform(settings, endpoints, postgres, store, log, cache, directory, encryption)
    finally:
        await directory.close()
        await postgres.close()
        await store.close()
        await log.aclose()
        await cache.aclose()


def encryption_of(settings: Settings) -> Encryption:
    """Encryption under the configured master key, else the one in the home's secrets."""
    if settings.master_key is not None:
        return Encryption(settings.master_key.get_secret_value())
    return Encryption(Home(settings.home).secrets.master_key)
