"""What operations does by the clock: the nightly comparison of both engines."""

from importlib import import_module

from groundswell.core.jobs import Schedule
from groundswell.core.platform import Platform
from groundswell.features.operations.logic.reconciliation import Difference, note


async def _reconcile(platform: Platform) -> None:
    # By name, because the drain of the outbox belongs to the writer and loads its tools.
    drain = import_module("groundswell.core.db.outbox_drain")
    found: list[Difference] = await drain.reconcile(platform)
    await note(platform, found)


SCHEDULES = (Schedule("operations.reconcile", "10 3 * * *", _reconcile),)
