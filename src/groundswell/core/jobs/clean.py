"""What is deleted from the queue: finished jobs after a day. Dead jobs stay until retried."""

from groundswell.core.jobs.types import Schedule
from groundswell.core.platform import Platform

_FINISHED = """
delete from procrastinate_jobs j
where (j.status in ('succeeded', 'cancelled', 'aborted')
       or (j.status = 'failed' and j.args ->> 'tenant_id' is null))
  and not exists (select from procrastinate_events e
                  where e.job_id = j.id and e.at > now() - interval '1 day')
"""
_ORPHANS = """
delete from job_errors e
where not exists (select from procrastinate_jobs j where j.id = e.job_id)
"""


async def clean_jobs(platform: Platform) -> None:
    """Delete what finished more than a day ago."""
    async with platform.postgres.across_tenants("jobs") as tx:
        await tx.execute(_FINISHED)
        await tx.execute(_ORPHANS)


CLEAN_JOBS = Schedule("jobs.clean", "17 * * * *", clean_jobs)
