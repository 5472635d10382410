"""What growth does by the clock."""

from groundswell.core.jobs import Schedule
from groundswell.core.platform import Platform
from groundswell.features.growth.logic import capture_all


async def _capture_due(platform: Platform) -> None:
    await capture_all(platform, only_due=True)


# Midnights of all time zones fall on a quarter of an hour.
SCHEDULES = (Schedule("growth.capture", "*/15 * * * *", _capture_due),)
