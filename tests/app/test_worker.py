"""The worker role: nothing lost when it is killed, quick to stop when asked."""

import asyncio
import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import pytest

from groundswell.app import features
from groundswell.app.worker import all_work, run_worker
from groundswell.core.audit import audit
from groundswell.core.ids import new_id
from groundswell.core.jobs import defer, run
from groundswell.core.signals import emit

PROCESS = Path(__file__).with_name("worker_process.py")
_spec = importlib.util.spec_from_file_location("worker_process", PROCESS)
worker_process = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(worker_process)


@pytest.fixture
def mark():
    """A name of this test's own."""
    return f"test.mark_{new_id().hex[-10:]}"


async def count(platform, key):
    return int(await platform.cache.get(key) or 0)


async def until(platform, key, number, seconds=15.0):
    deadline = time.monotonic() + seconds
    while await count(platform, key) < number:
        assert time.monotonic() < deadline, f"{key} did not reach {number}"
        await asyncio.sleep(0.05)


async def start(platform, settings, tenant, mark):
    """Queue a job and a signal, and let a process begin both."""
    async with platform.postgres.transaction(tenant.scope) as tx:
        await defer(tx, worker_process.work(mark, 0).jobs[0], worker_process.Nothing())
        await emit(tx, mark, {})
    process = subprocess.Popen([sys.executable, str(PROCESS), str(settings.home), mark])
    try:
        await until(platform, f"{mark}:job:started", 1)
        await until(platform, f"{mark}:signal:started", 1)
    except BaseException:
        process.kill()
        raise
    return process


async def test_after_a_kill_in_the_middle_job_and_signal_are_done_by_another_worker(
    platform, settings, tenant, mark, monkeypatch
):
    process = await start(platform, settings, tenant, mark)
    process.kill()
    process.wait()
    monkeypatch.setattr(run, "STALLED", 2.5)
    monkeypatch.setattr(run, "HEARTBEAT", 0.5)
    stop = asyncio.Event()
    task = asyncio.create_task(run_worker(platform, worker_process.work(mark, 0), stop))
    try:
        await until(platform, f"{mark}:signal:ended", 1)
        await until(platform, f"{mark}:job:ended", 1)
    finally:
        stop.set()
        await task
    assert await count(platform, f"{mark}:job:started") == 2
    assert await count(platform, f"{mark}:job:ended") == 1


async def test_asked_to_stop_it_is_gone_within_five_seconds_and_its_work_waits(
    platform, settings, tenant, mark
):
    process = await start(platform, settings, tenant, mark)
    started = time.monotonic()
    process.terminate()
    await asyncio.to_thread(process.wait, 10)
    assert time.monotonic() - started < 5.0
    assert process.returncode == 0
    async with platform.postgres.transaction(tenant.scope) as tx:
        assert await tx.values("select status from tenant_jobs") == ["todo"]
        assert await tx.value("select count(*) from signals where name = %s", (mark,)) == 1


async def test_signals_arrive_and_audit_rows_are_sealed_within_seconds(platform, tenant, mark):
    stop = asyncio.Event()
    task = asyncio.create_task(run_worker(platform, worker_process.work(mark, 0), stop))
    try:
        await asyncio.sleep(0.5)
        async with platform.postgres.transaction(tenant.scope) as tx:
            await emit(tx, mark, {})
            await audit(tx, "key.revoked", "key", "x")
        await until(platform, f"{mark}:signal:ended", 1, seconds=1.0)
        await asyncio.sleep(1.5)
        async with platform.postgres.transaction(tenant.scope) as tx:
            assert await tx.value("select count(*) from audit_seals") > 0
            assert (
                await tx.value(
                    "select count(*) from audit_log l where not exists"
                    " (select from audit_seals s where s.audit_id = l.audit_id)"
                )
                == 0
            )
    finally:
        stop.set()
        await task


def test_every_feature_is_collected_and_names_are_unique():
    work = all_work()
    for things in (work.jobs, work.schedules, work.signal_handlers):
        names = [thing.name for thing in things]
        assert len(names) == len(set(names))
    assert "jobs.clean" in [schedule.name for schedule in work.schedules]
    assert set(features.FEATURES) >= {
        folder.name
        for folder in Path(features.__file__).parents[1].joinpath("features").iterdir()
        if (folder / "__init__.py").exists()
    }
