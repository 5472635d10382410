"""The queue that the worker runs: procrastinate's tables, our retries, errors kept in words."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.jobs import Job as QueuedJob
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from groundswell.core import clock
from groundswell.core.errors import UnavailableError
from groundswell.core.jobs.errors import sentence
from groundswell.core.jobs.types import Job, Schedule
from groundswell.core.metrics import JOBS_RUN
from groundswell.core.platform import Platform

_CAP = 3_600.0  # seconds between attempts at most
_AWAY = 100  # attempts granted while an engine is away
_SCHEDULE_RETRIES = 3
_EVER = 10 * 366 * 86_400  # seconds; a missed time is caught up however long we were away

_log = structlog.get_logger(__name__)

_KEEP_ERROR = """
insert into job_errors (tenant_id, job_id, error) values (%s, %s, %s)
on conflict (tenant_id, job_id) do update set error = excluded.error, at = clock_timestamp()
"""


class Backoff(BaseRetryStrategy):
    """Exponential with jitter; a job stopped by our shutdown goes on at once."""

    def __init__(self, retries: int) -> None:
        self.retries = retries

    def get_retry_decision(
        self, *, exception: BaseException, job: QueuedJob
    ) -> RetryDecision | None:
        """When to run again; None makes the job dead."""
        if isinstance(exception, asyncio.CancelledError):
            return RetryDecision(retry_at=clock.now())
        allowed = _AWAY if isinstance(exception, UnavailableError) else self.retries
        if job.attempts >= allowed:
            return None
        return RetryDecision(retry_at=clock.now() + delay(job.attempts))


def delay(attempts: int) -> timedelta:
    """Doubling from a second to an hour, spread by a quarter to either side."""
    seconds = min(_CAP, 2.0 ** min(attempts, 12))
    return timedelta(seconds=seconds * random.uniform(0.75, 1.25))  # noqa: S311


def build_queue(platform: Platform, jobs: Sequence[Job[Any]], schedules: Sequence[Schedule]) -> App:
    """procrastinate's app over the jobs and schedules of all features; not yet open."""
    connector = PsycopgConnector(
        conninfo=platform.endpoints.database_system_url,
        min_size=1,
        max_size=3,
        kwargs={"application_name": "groundswell-jobs"},
    )
    app = App(connector=connector, periodic_defaults={"max_delay": _EVER})
    for job in jobs:
        app.task(name=job.name, queue=job.queue, retry=Backoff(job.retries), pass_context=True)(
            _job_task(platform, job)
        )
    for schedule in schedules:
        _add_schedule(app, platform, schedule)
    return app


def _job_task(platform: Platform, job: Job[Any]) -> Callable[..., Awaitable[None]]:
    async def run(context: JobContext, *, tenant_id: str, payload: dict[str, Any]) -> None:
        tenant = UUID(tenant_id)
        await _let_next_wait(platform, context.job)
        try:
            with structlog.contextvars.bound_contextvars(tenant_id=tenant_id, job=job.name):
                await job.run(platform, tenant, msgspec.convert(payload, job.payload))
        except Exception as error:
            JOBS_RUN.labels(job.name, "failed").inc()
            async with platform.postgres.across_tenants("jobs") as tx:
                await tx.execute(_KEEP_ERROR, (tenant, context.job.id, sentence(error)))
            raise
        JOBS_RUN.labels(job.name, "succeeded").inc()

    return run


def _add_schedule(app: App, platform: Platform, schedule: Schedule) -> None:
    name = f"schedule:{schedule.name}"

    async def run(context: JobContext, timestamp: int) -> None:
        await _let_next_wait(platform, context.job)
        try:
            await schedule.run(platform)
        except Exception:
            JOBS_RUN.labels(name, "failed").inc()
            raise
        JOBS_RUN.labels(name, "succeeded").inc()

    # The queueing lock makes several missed times one run, the lock keeps two from overlapping.
    task = app.task(
        name=name,
        queue="schedules",
        retry=Backoff(_SCHEDULE_RETRIES),
        pass_context=True,
        queueing_lock=name,
        lock=name,
    )(run)
    app.periodic(cron=schedule.cron)(task)


async def _let_next_wait(platform: Platform, job: QueuedJob) -> None:
    """Free the "one waiting" word: a retry of this job must not collide with the next one."""
    if job.queueing_lock is None:
        return
    async with platform.postgres.across_tenants("jobs") as tx:
        await tx.execute(
            "update procrastinate_jobs set queueing_lock = null where id = %s", (job.id,)
        )
