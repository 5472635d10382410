"""The nightly comparison: what differs is told, and to its tenant only."""

from uuid import UUID

import msgspec

from groundswell.core.db import outbox_drain
from groundswell.features.operations.api import last_reconciliation
from groundswell.features.operations.jobs import SCHEDULES


class Missing(msgspec.Struct):
    tenant_id: UUID
    table: str


async def actions(platform, tenant):
    async with platform.postgres.transaction(tenant.scope) as tx:
        return await tx.rows(
            "select detail ->> 'differences' from audit_log"
            " where tenant_id = %s and action = 'reconciliation.differed'",
            (tenant.id,),
        )


async def test_differences_reach_the_log_of_their_tenant_and_readyz(
    platform, tenant, other_tenant, monkeypatch
):
    async def reconcile(platform):
        return [Missing(tenant.id, "orders"), Missing(tenant.id, "people")]

    monkeypatch.setattr(outbox_drain, "reconcile", reconcile, raising=False)
    await SCHEDULES[0].run(platform)
    assert await actions(platform, tenant) == [("2",)]
    assert await actions(platform, other_tenant) == []
    assert (await last_reconciliation(platform)).differences == 2


async def test_a_night_without_differences_is_noted_too(platform, tenant, monkeypatch):
    async def reconcile(platform):
        return []

    monkeypatch.setattr(outbox_drain, "reconcile", reconcile, raising=False)
    await SCHEDULES[0].run(platform)
    assert (await last_reconciliation(platform)).differences == 0
