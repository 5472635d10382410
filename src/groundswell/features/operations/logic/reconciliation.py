"""What becomes of the nightly comparison of PostgreSQL with the event store."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Protocol
from uuid import UUID

import msgspec
import structlog

from groundswell.core import clock
from groundswell.core.audit import audit
from groundswell.core.metrics import RECONCILIATION_DIFFERENCES
from groundswell.core.platform import Platform
from groundswell.core.signals import emit
from groundswell.core.tenancy.scope import system_scope

_KEY = "groundswell:reconciliation"
_KEPT = 20  # differences told per tenant; the number is always whole

_log = structlog.get_logger(__name__)


class Difference(Protocol):
    """Something that one engine has and the other has not; a Struct or dataclass."""

    @property
    def tenant_id(self) -> UUID:
        """Whose."""
        ...


class Outcome(msgspec.Struct, frozen=True):
    """The last comparison; zero differences is the only good number."""

    at: datetime
    differences: int


async def note(platform: Platform, found: Sequence[Difference]) -> None:
    """Tell everybody who should know: metric, log, ``/readyz``, the tenants' audit logs."""
    RECONCILIATION_DIFFERENCES.set(len(found))
    outcome = Outcome(clock.now(), len(found))
    await platform.log.set(_KEY, msgspec.json.encode(outcome))
    if found:
        _log.error("reconciliation_differs", differences=len(found))
    by_tenant = sorted(found, key=attrgetter("tenant_id"))
    for tenant_id, group in groupby(by_tenant, key=attrgetter("tenant_id")):
        mine = list(group)
        told = [msgspec.to_builtins(each) for each in mine[:_KEPT]]
        detail = {"differences": len(mine), "first": told}
        async with platform.postgres.transaction(system_scope(tenant_id, "worker")) as tx:
            await audit(tx, "reconciliation.differed", "tenant", tenant_id, detail)
            await emit(tx, "reconciliation.differed", detail)


async def last_reconciliation(platform: Platform) -> Outcome | None:
    """When both engines were compared last, and in how many rows they differed."""
    found = await platform.log.get(_KEY)
    return msgspec.json.decode(found, type=Outcome) if found else None
