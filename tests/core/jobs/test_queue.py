"""Jobs: with the change or not at all, again after a failure, once at a time by the clock."""

import asyncio
import contextlib
from collections import Counter
from datetime import timedelta

import msgspec
import psycopg
import pytest
from procrastinate.periodic import PeriodicDeferrer
from procrastinate.worker import Worker

from groundswell.core.clock import now
from groundswell.core.ids import new_id
from groundswell.core.jobs import Job, Schedule, defer
from groundswell.core.jobs import queue as queue_module
from groundswell.core.jobs.clean import clean_jobs
from groundswell.core.jobs.queue import build_queue
from groundswell.core.jobs.run import rescue, run_queue


class Note(msgspec.Struct):
    n: int


class Recorder:
    """A job of this test's own that notes what it ran."""

    def __init__(self, *, fails=0, retries=8, seconds=0.0):
        self.ran = []
        self.fails = fails
        self.seconds = seconds
        self.running = Counter()
        self.most = 0
        self.job = Job(f"test.note_{new_id().hex[-10:]}", Note, self.run, retries=retries)

    async def run(self, platform, tenant_id, payload):
        self.ran.append((tenant_id, payload.n))
        number = len(self.ran)
        self.running["now"] += 1
        self.most = max(self.most, self.running["now"])
        await asyncio.sleep(self.seconds)
        self.running["now"] -= 1
        if number <= self.fails:
            raise ValueError(f"no {payload.n}\n  with a second line")


@contextlib.asynccontextmanager
async def worker(platform, jobs, schedules=()):
    stop = asyncio.Event()
    task = asyncio.create_task(run_queue(platform, [r.job for r in jobs], schedules, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def until(condition, seconds=8.0):
    deadline = asyncio.get_running_loop().time() + seconds
    while not (
        got := condition() if not asyncio.iscoroutinefunction(condition) else await condition()
    ):
        assert asyncio.get_running_loop().time() < deadline, "it did not happen"
        await asyncio.sleep(0.02)
    return got


async def queued(platform, tenant):
    async with platform.postgres.transaction(tenant.scope) as tx:
        return await tx.rows(
            "select status, attempts, error from tenant_jobs where tenant_id = %s order by job_id",
            (tenant.id,),
        )


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Retries without the wait."""
    monkeypatch.setattr(queue_module, "delay", lambda attempts: timedelta())


async def test_a_job_runs_for_its_tenant_within_a_second(platform, tenant):
    recorder = Recorder()
    async with worker(platform, [recorder]):
        await asyncio.sleep(0.5)
        async with platform.postgres.transaction(tenant.scope) as tx:
            await defer(tx, recorder.job, Note(7))
        await until(lambda: recorder.ran == [(tenant.id, 7)], seconds=1.0)


async def test_a_job_of_a_rolled_back_change_never_runs(platform, tenant):
    recorder = Recorder()

    async def fail() -> None:
        async with platform.postgres.transaction(tenant.scope) as tx:
            await defer(tx, recorder.job, Note(1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with worker(platform, [recorder]):
        async with platform.postgres.transaction(tenant.scope) as tx:
            await defer(tx, recorder.job, Note(2))
        await until(lambda: recorder.ran)
    assert recorder.ran == [(tenant.id, 2)]


async def test_no_tenant_can_defer_for_another_or_see_its_jobs(platform, tenant, other_tenant):
    statement = (
        "select app.defer_job('test.x', jsonb_build_object('tenant_id', %s::text, 'payload', '{}'),"
        " 'default', null, null, null, 0)"
    )
    async with platform.postgres.transaction(tenant.scope) as tx:
        assert await tx.value(statement, (str(tenant.id),))
    for forged in (str(other_tenant.id), None):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with platform.postgres.transaction(tenant.scope) as tx:
                await tx.value(statement, (forged,))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with platform.postgres.transaction(tenant.scope) as tx:
            await tx.rows("select * from procrastinate_jobs")
    async with platform.postgres.transaction(other_tenant.scope) as tx:
        assert await tx.rows("select * from tenant_jobs") == []


async def test_a_failed_job_is_tried_again_and_a_dead_one_kept_with_its_reason(platform, tenant):
    flaky, hopeless = Recorder(fails=2), Recorder(fails=99, retries=3)
    async with worker(platform, [flaky, hopeless]):
        async with platform.postgres.transaction(tenant.scope) as tx:
            await defer(tx, flaky.job, Note(1))
            await defer(tx, hopeless.job, Note(2))
        await until(lambda: len(flaky.ran) == 3 and len(hopeless.ran) == 4)

        async def is_dead() -> bool:
            return [row[0] for row in await queued(platform, tenant)] == ["failed"]

        await until(is_dead)
    assert (await queued(platform, tenant))[0][2] == "ValueError: no 2 with a second line"


async def test_a_dead_job_runs_again_when_asked(platform, tenant, other_tenant):
    recorder = Recorder(fails=1, retries=0)
    async with worker(platform, [recorder]):
        async with platform.postgres.transaction(tenant.scope) as tx:
            number = await defer(tx, recorder.job, Note(1))

        async def is_dead() -> bool:
            return [row[0] for row in await queued(platform, tenant)] == ["failed"]

        await until(is_dead)
        async with platform.postgres.transaction(other_tenant.scope) as tx:
            assert await tx.value("select app.retry_jobs(%s)", (number,)) == 0
        async with platform.postgres.transaction(tenant.scope) as tx:
            assert await tx.value("select app.retry_jobs(%s)", (number,)) == 1
        await until(lambda: len(recorder.ran) == 2)


async def test_once_keeps_one_waiting_and_after_runs_one_at_a_time(platform, tenant):
    recorder = Recorder(seconds=0.1)
    async with platform.postgres.transaction(tenant.scope) as tx:
        first = await defer(tx, recorder.job, Note(0), once="sync")
        assert first is not None
        assert await defer(tx, recorder.job, Note(0), once="sync") is None
        for n in range(1, 5):
            await defer(tx, recorder.job, Note(n), after="line")
    async with worker(platform, [recorder]):
        await until(lambda: len(recorder.ran) == 5)
    assert [n for _, n in recorder.ran if n] == [1, 2, 3, 4]
    assert recorder.most <= 2


async def test_a_retry_does_not_collide_with_the_next_one_waiting(platform, tenant):
    recorder = Recorder(fails=1, seconds=0.3)
    async with worker(platform, [recorder]):
        async with platform.postgres.transaction(tenant.scope) as tx:
            await defer(tx, recorder.job, Note(1), once="sync")
        await until(lambda: recorder.ran)
        async with platform.postgres.transaction(tenant.scope) as tx:
            assert await defer(tx, recorder.job, Note(2), once="sync") is not None
        await until(lambda: sorted(n for _, n in recorder.ran) == [1, 1, 2])


async def test_a_schedule_runs_once_across_workers_and_never_beside_itself(platform):
    ran, running = [], Counter()

    async def run(platform):
        running["now"] += 1
        assert running["now"] == 1
        ran.append(now().replace(microsecond=0))
        await asyncio.sleep(0.3)
        running["now"] -= 1

    schedule = Schedule(f"test.tick_{new_id().hex[-10:]}", "* * * * * */1", run)
    async with worker(platform, [], [schedule]), worker(platform, [], [schedule]):
        await asyncio.sleep(3.6)
    assert 2 <= len(ran) <= 5


async def test_missed_times_are_caught_up_once_in_utc(platform, monkeypatch):
    """After days of standstill one run, not one per day; another start adds none."""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    name = f"test.daily_{new_id().hex[-10:]}"

    async def run(platform):
        pass

    for _ in range(2):
        app = build_queue(platform, [], [Schedule(name, "30 5 1 1 *", run)])
        async with app.open_async():
            deferrer = PeriodicDeferrer(app.periodic_registry, **app.periodic_defaults)
            await deferrer.defer_jobs(deferrer.get_previous_tasks(at=now().timestamp()))
    async with platform.postgres.across_tenants("test") as tx:
        rows = await tx.rows(
            "select to_timestamp((args ->> 'timestamp')::bigint) at time zone 'utc'"
            " from procrastinate_jobs where task_name = %s",
            (f"schedule:{name}",),
        )
    assert [row[0].strftime("%m-%d %H:%M") for row in rows] == ["01-01 05:30"]


async def test_jobs_of_a_dead_worker_are_put_back_and_dead_in_the_end(platform, tenant):
    """A job that takes its worker down each time does not do so for ever."""
    recorder = Recorder(retries=2)
    async with platform.postgres.transaction(tenant.scope) as tx:
        number = await defer(tx, recorder.job, Note(1))
    app = build_queue(platform, [recorder.job], [])
    idle = Worker(app=app)
    retries = f'{{"{recorder.job.name}": 2}}'
    for _ in range(3):
        async with platform.postgres.across_tenants("test") as tx:
            await tx.execute(
                "update procrastinate_jobs set status = 'doing', worker_id = null where id = %s",
                (number,),
            )
        assert number in await rescue(platform, idle, retries)
    assert [tuple(row) for row in await queued(platform, tenant)] == [
        ("failed", 3, "The worker stopped while this job ran.")
    ]


async def test_finished_jobs_are_deleted_after_a_day_and_dead_ones_kept(platform, tenant):
    recorder = Recorder()
    async with platform.postgres.transaction(tenant.scope) as tx:
        numbers = [await defer(tx, recorder.job, Note(n)) for n in range(3)]
    async with platform.postgres.across_tenants("test") as tx:
        for number, status in zip(numbers, ("succeeded", "failed", "succeeded"), strict=True):
            await tx.execute(
                "update procrastinate_jobs set status = %s where id = %s", (status, number)
            )
        await tx.execute(
            "update procrastinate_events set at = now() - interval '25 hours'"
            " where job_id = any(%s)",
            (numbers[:2],),
        )
    await clean_jobs(platform)
    async with platform.postgres.across_tenants("test") as tx:
        left = await tx.values(
            "select id from procrastinate_jobs where id = any(%s) order by id", (numbers,)
        )
    assert left == numbers[1:]
