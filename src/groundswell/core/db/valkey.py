"""Valkey: the durable ingest log and the cache are two instances; keys begin with the tenant."""

from uuid import UUID

from valkey import exceptions
from valkey.asyncio import BlockingConnectionPool, Valkey
from valkey.asyncio.retry import Retry
from valkey.backoff import ExponentialBackoff


def open_valkey(url: str, *, connections: int = 32, retries: int = 2) -> Valkey:
    """A client over a small pool; connects when first used. Answers are bytes."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=2,
        socket_connect_timeout=2,
        socket_timeout=5,
        # One that restarts is asked again; one that hangs would only make the caller wait longer.
        retry=Retry(
            ExponentialBackoff(cap=0.2, base=0.02),
            retries,
            supported_errors=(exceptions.ConnectionError, exceptions.BusyLoadingError),
        ),
    )
    return Valkey(connection_pool=pool)


def tenant_key(tenant_id: UUID, *parts: str) -> str:
    """The only way a tenant's key is built: ``<tenant>:<part>:<part>``."""
    return ":".join((str(tenant_id), *parts))
