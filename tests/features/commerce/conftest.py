"""Orders as tests post them, and both engines to count them."""

import pytest

from groundswell.core.db.outbox_drain import Drain
from groundswell.features.events.logic.gate import EventGate
from groundswell.features.events.logic.seen import SeenEvents


@pytest.fixture
def server(client, tenant):
    """Requests with the tenant's secret key."""
    client.headers["Authorization"] = f"Bearer {tenant.secret_key}"
    return client


@pytest.fixture
def order():
    """A body of POST /api/orders with changes."""

    def make(**changes):
        body = {
            "source": "shop",
            "order_id": "1001",
            "distinct_id": "ada",
            "currency": "USD",
            "total": 2933,
        }
        return {name: value for name, value in (body | changes).items() if value is not ...}

    return make


@pytest.fixture
def drain(platform):
    """Carries the outbox to the event store."""
    gate = EventGate(SeenEvents(platform.store, 30))
    return Drain(platform.postgres, platform.store, gate).run


@pytest.fixture
def stored(platform, tenant, drain):
    """One row of sums from the event store: ``await stored("sum(total)")``."""

    async def read(what, table="orders"):
        await drain()
        sql = f"select {what} from {table} final where tenant_id = {{tenant:UUID}} and not deleted"
        return (await platform.store.rows(tenant.scope, sql))[0]

    return read


@pytest.fixture
def rows(platform, tenant):
    """Rows of the tenant in PostgreSQL: ``await rows("select …")``; one parameter, the tenant."""

    async def read(sql):
        async with platform.postgres.transaction(tenant.scope) as tx:
            return await tx.rows(sql, (tenant.id,))

    return read
