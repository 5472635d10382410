"""What access does by the clock."""

from groundswell.core.jobs import Schedule
from groundswell.core.mail.send import PURGE_MAIL, SEND_MAIL
from groundswell.features.access.logic.account import drop_stale

JOBS = (SEND_MAIL,)
SCHEDULES = (Schedule("access.drop_stale", "17 3 * * *", drop_stale), PURGE_MAIL)
SIGNAL_HANDLERS = ()
