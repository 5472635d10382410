"""An event store that goes away is said to be unavailable, not broken."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from groundswell.core.db.clickhouse import EventStore
from groundswell.core.errors import UnavailableError

ASK = "select count() from events where tenant_id = {tenant:UUID}"


async def test_a_question_to_a_store_that_went_away_is_unavailable(endpoints, tenant):
    real = urlsplit(endpoints.clickhouse_url)
    under_way: set[asyncio.StreamWriter] = set()

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while part := await source.read(65_536):
                target.write(part)

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, there = await asyncio.open_connection(real.hostname, real.port)
        under_way.update((writer, there))
        await asyncio.gather(copy(reader, there), copy(back, writer))

    between = await asyncio.start_server(forward, "127.0.0.1")
    port = between.sockets[0].getsockname()[1]
    store = EventStore(endpoints.clickhouse_url.replace(f":{real.port}", f":{port}"))
    assert await store.rows(tenant.scope, ASK) == [(0,)]

    between.close()
    for writer in under_way:
        writer.close()
    with pytest.raises(UnavailableError):
        await store.rows(tenant.scope, ASK)
    await store.close()
