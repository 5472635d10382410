"""Jobs: work done later by the worker, deferred in the caller's transaction."""

from groundswell.core.jobs.defer import defer
from groundswell.core.jobs.types import Job, Schedule

__all__ = ["Job", "Schedule", "defer"]
