"""Counting orders anew, when rates or the tenant's currency changed and there are many."""

from uuid import UUID

import msgspec

from groundswell.core.jobs import Job, defer
from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import system_scope
from groundswell.features.commerce.logic.rates import recount

_BATCHES = 20


class Recount(msgspec.Struct):
    """All orders of the tenant whose worth is out of date."""


async def _recount(platform: Platform, tenant_id: UUID, _: Recount) -> None:
    scope = system_scope(tenant_id, "worker")
    for _batch in range(_BATCHES):
        async with platform.postgres.transaction(scope) as tx:
            if not await recount(tx):
                return
    # More are left than one job should hold a worker for.
    async with platform.postgres.transaction(scope) as tx:
        await defer(tx, RECOUNT, Recount())


RECOUNT = Job("commerce.recount", Recount, _recount)

JOBS = (RECOUNT,)
