"""Running the queue: through restarts of PostgreSQL, with the jobs of dead workers taken up."""

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import Any

import psycopg
import structlog
from procrastinate import App, exceptions
from procrastinate.worker import Worker

from groundswell.core.errors import UnavailableError
from groundswell.core.jobs.queue import build_queue
from groundswell.core.jobs.types import Job, Schedule
from groundswell.core.platform import Platform

HEARTBEAT = 2.0  # seconds between signs of life
STALLED = 10.0  # seconds without one; then a worker counts as dead
DRAIN = 3.0  # seconds that running jobs get to finish when we are asked to stop
_CONCURRENT = 8
_RESCUE_EVERY = 2.0

_log = structlog.get_logger(__name__)

# A job is abandoned if its worker is gone, or is ours and does not run it (the note that it had
# ended was lost with the connection). A job that takes its worker down each time ends up dead.
_RESCUE = """
with abandoned as (
  select j.id,
         j.attempts >= coalesce((%(retries)s::jsonb ->> j.task_name)::int, 8) as is_dead,
         j.args ->> 'tenant_id' as tenant
  from procrastinate_jobs j left join procrastinate_workers w on w.id = j.worker_id
  where j.status = 'doing'
    and (w.id is null or w.last_heartbeat < now() - make_interval(secs => %(stalled)s)
         or (j.worker_id = %(mine)s and not j.id = any(%(running)s)
             and not exists (select from procrastinate_events e
                             where e.job_id = j.id and e.at > now() - make_interval(secs => 10))))
  for update of j skip locked
), told as (
  insert into job_errors (tenant_id, job_id, error)
  select tenant::uuid, id, 'The worker stopped while this job ran.' from abandoned
  where tenant is not null
    and exists (select from tenants t where t.tenant_id = abandoned.tenant::uuid)
  on conflict (tenant_id, job_id) do update set error = excluded.error, at = clock_timestamp()
)
update procrastinate_jobs j
set status = case when a.is_dead then 'failed' else 'todo' end::procrastinate_job_status,
    attempts = j.attempts + 1, queueing_lock = null, abort_requested = false, scheduled_at = now()
from abandoned a where j.id = a.id returning j.id
"""


async def run_queue(
    platform: Platform,
    jobs: Sequence[Job[Any]],
    schedules: Sequence[Schedule],
    stop: asyncio.Event,
) -> None:
    """Run jobs and schedules until ``stop`` is set; then drain within :data:`DRAIN` seconds."""
    retries = json.dumps({job.name: job.retries for job in jobs})
    while not stop.is_set():
        app = build_queue(platform, jobs, schedules)
        try:
            async with app.open_async():
                await _run_once(platform, app, retries, stop)
        except (exceptions.ConnectorException, psycopg.Error, OSError) as error:
            _log.warning("queue_interrupted", error=str(error)[:500])
        if not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1.0)


async def _run_once(platform: Platform, app: App, retries: str, stop: asyncio.Event) -> None:
    worker = Worker(
        app=app,
        concurrency=_CONCURRENT,
        fetch_job_polling_interval=1.0,
        shutdown_graceful_timeout=DRAIN,
        install_signal_handlers=False,
        update_heartbeat_interval=HEARTBEAT,
        stalled_worker_timeout=STALLED,
    )
    running = asyncio.create_task(worker.run())  # type: ignore[no-untyped-call]
    rescue = asyncio.create_task(_rescue(platform, worker, retries))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        worker.stop()  # type: ignore[no-untyped-call]
        await running
    finally:
        for task in (rescue, stopping):
            task.cancel()
        await asyncio.gather(rescue, stopping, return_exceptions=True)


async def _rescue(platform: Platform, worker: Worker, retries: str) -> None:
    while True:
        try:
            await rescue(platform, worker, retries)
        except (UnavailableError, psycopg.Error) as error:
            _log.warning("rescue_interrupted", error=str(error)[:500])
        await asyncio.sleep(_RESCUE_EVERY)


async def rescue(platform: Platform, worker: Worker, retries: str = "{}") -> list[int]:
    """Put abandoned jobs back into the queue; returns their numbers."""
    running = [context.job.id for context in worker._running_jobs.values()]
    async with platform.postgres.across_tenants("jobs") as tx:
        found: list[int] = await tx.values(
            _RESCUE,
            {
                "retries": retries,
                "stalled": STALLED,
                "mine": worker.worker_id,
                "running": running,
            },
        )
    if found:
        _log.warning("jobs_rescued", jobs=found)
    return found
