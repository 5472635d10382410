"""What flags do by the clock and by signals."""

from groundswell.core.jobs import Schedule
from groundswell.core.signals import SignalHandler
from groundswell.features.flags.logic.environments import inherit
from groundswell.features.flags.logic.schedule import run_due

JOBS = ()
SCHEDULES = (Schedule("flags.run_due", "* * * * *", run_due),)
SIGNAL_HANDLERS = (SignalHandler("flags.inherit_environment", "key.rotated", inherit),)
