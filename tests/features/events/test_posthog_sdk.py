"""The unmodified ``posthog`` package against a real server process."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from posthog import Posthog

from groundswell.features.people import api as people


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
async def address(settings, endpoints, platform) -> AsyncIterator[str]:
    """A web process of the test installation."""
    port = free_port()
    argv = [sys.executable, "-m", "groundswell", "web", "--home", str(settings.home)]
    environment = {**os.environ, "GROUNDSWELL_PORT": str(port)}
    process = subprocess.Popen([*argv, "--port", str(port)], env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient() as client:
            for _ in range(300):
                await asyncio.sleep(0.1)
                try:
                    if (await client.get(f"{url}/healthz")).status_code == 200:
                        break
                except httpx.TransportError:
                    continue
        yield url
    finally:
        process.terminate()
        process.wait(10)


def sdk(address: str, key: str, **options) -> Posthog:
    """The package with its defaults but for where it sends."""
    return Posthog(key, host=address, **options)


async def in_thread(work):
    return await asyncio.to_thread(work)


async def rows_of(platform, tenant):
    return await platform.store.rows(
        tenant.scope,
        "select event, distinct_id, toString(event_id), toJSONString(properties), historical"
        " from events where tenant_id = {tenant:UUID} order by received_at, event",
    )


@pytest.mark.parametrize("options", [{}, {"gzip": True}, {"sync_mode": True}])
async def test_what_the_package_captures_is_stored_once(
    address, tenant, stored, platform, options
) -> None:
    def work() -> None:
        client = sdk(address, tenant.publishable_key, **options)
        client.capture("Signed Up", distinct_id="ann", properties={"plan": "pro"})
        client.set(distinct_id="ann", properties={"email": "Ann@Example.com"})
        client.set_once(distinct_id="ann", properties={"first": "mail"})
        client.capture("Paid", distinct_id="anon-1", groups={"company": "acme"})
        client.alias("anon-1", "ann")
        client.group_identify("company", "acme", {"size": 3})
        client.capture("Old", distinct_id="ann", timestamp=datetime(2024, 5, 1, tzinfo=UTC))
        client.shutdown()

    await in_thread(work)
    await stored()
    rows = await rows_of(platform, tenant)
    names = sorted(row[0] for row in rows)
    assert names == sorted(
        ["Signed Up", "$set", "$set_once", "Paid", "$create_alias", "$groupidentify", "Old"]
    )
    async with platform.postgres.transaction(tenant.scope) as tx:
        person_id = await people.root_of(tx, "ann")
        assert await people.root_of(tx, "anon-1") == person_id
        person = await people.get(tx, person_id)
    assert person.email == "ann@example.com"
    assert person.properties["first"] == "mail"


async def test_a_wrong_key_reaches_on_error_and_is_not_repeated(address) -> None:
    seen: list[str] = []

    def work() -> None:
        client = sdk(address, "gpk_wrong", on_error=lambda error, _: seen.append(str(error)))
        client.capture("a", distinct_id="b")
        client.shutdown()

    await in_thread(work)
    assert len(seen) == 1
    assert "API key is not known" in seen[0]


async def test_events_survive_a_full_log_with_the_same_uuid(
    address, tenant, stored, platform
) -> None:
    """503 makes the package send again; the event is stored once."""
    before = (await platform.log.config_get("maxmemory"))["maxmemory"]
    await platform.log.config_set("maxmemory", "1")
    event_id = str(uuid.uuid4())
    done = threading.Event()

    def work() -> None:
        client = sdk(address, tenant.secret_key, max_retries=10)
        client.capture("Kept", distinct_id="u", uuid=event_id)
        client.shutdown()
        done.set()

    task = asyncio.create_task(in_thread(work))
    await asyncio.sleep(1.0)
    assert not done.is_set()
    await platform.log.config_set("maxmemory", before)
    await asyncio.wait_for(task, 30)
    await stored()
    assert [row[2] for row in await rows_of(platform, tenant)] == [event_id]


async def test_a_historical_migration_is_marked_and_keeps_its_times(
    address, tenant, stored, platform
) -> None:
    def work() -> None:
        client = sdk(address, tenant.secret_key, historical_migration=True)
        client.capture("Then", distinct_id="u", timestamp=datetime(2020, 1, 2, tzinfo=UTC))
        client.shutdown()

    await in_thread(work)
    await stored()
    assert [(row[0], row[4]) for row in await rows_of(platform, tenant)] == [("Then", True)]
