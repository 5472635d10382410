"""What access does by the clock."""

from groundswell.core.jobs import Schedule
from groundswell.features.access.logic.account import drop_stale

JOBS = ()
SCHEDULES = (Schedule("access.drop_stale", "17 3 * * *", drop_stale),)
SIGNAL_HANDLERS = ()
