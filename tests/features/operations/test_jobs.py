"""What failed is seen and run again."""

import msgspec
import pytest

from groundswell.core.jobs import Job, defer
from groundswell.core.signals import emit


class Nothing(msgspec.Struct):
    pass


async def _run(platform, tenant_id, payload):
    raise AssertionError("never run here")


JOB = Job("test.report", Nothing, _run)


def key(tenant):
    return {"Authorization": f"Bearer {tenant.secret_key}"}


@pytest.fixture
async def failed(platform, tenant):
    """A dead job, a waiting one and a dead signal; gives (job, signal) ids."""
    async with platform.postgres.transaction(tenant.scope) as tx:
        job = await defer(tx, JOB, Nothing())
        await defer(tx, JOB, Nothing())
        await emit(tx, "test.said", {})
        signal = await tx.value(
            "update signals set attempts = 10, last_error = 'ValueError: no'"
            " where tenant_id = %s and name = 'test.said' returning signal_id::text",
            (tenant.id,),
        )
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute("update procrastinate_jobs set status = 'failed' where id = %s", (job,))
        await tx.execute(
            "insert into job_errors (tenant_id, job_id, error) values (%s, %s, 'OSError: gone')",
            (tenant.id, job),
        )
    yield str(job), signal
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute("delete from procrastinate_jobs where task_name = 'test.report'")


async def listed(client, tenant, query=""):
    return (await client.get(f"/api/jobs{query}", headers=key(tenant))).json()["items"]


async def test_failed_and_waiting_work_is_listed_with_its_reason(client, tenant, failed):
    found = {(w["kind"], w["status"], w["error"]) for w in await listed(client, tenant)}
    assert found >= {
        ("job", "failed", "OSError: gone"),
        ("job", "waiting", None),
        ("signal", "failed", "ValueError: no"),
    }
    only = await listed(client, tenant, "?status=failed")
    assert {work["id"] for work in only} == set(failed)


async def test_cursors_walk_all_of_it_once(client, tenant, failed):
    seen, cursor = [], ""
    while True:
        answer = await client.get(f"/api/jobs?limit=1&cursor={cursor}", headers=key(tenant))
        seen += [work["id"] for work in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == len(await listed(client, tenant))


async def test_one_is_run_again_once(client, tenant, failed):
    for work_id in failed:
        url = f"/api/jobs/{work_id}/retry"
        assert (await client.post(url, headers=key(tenant))).json() == {"retried": 1}
        assert (await client.post(url, headers=key(tenant))).status_code == 404
    assert await listed(client, tenant, "?status=failed") == []


async def test_all_are_run_again(client, tenant, failed):
    answer = await client.post("/api/jobs/retry", headers=key(tenant))
    assert answer.json() == {"retried": 2}
    assert (await client.post("/api/jobs/retry", headers=key(tenant))).status_code == 409


async def test_another_tenant_sees_and_retries_nothing(client, other_tenant, failed):
    assert await listed(client, other_tenant) == []
    for work_id in failed:
        answer = await client.post(f"/api/jobs/{work_id}/retry", headers=key(other_tenant))
        assert answer.status_code == 404


@pytest.mark.parametrize(
    "work_id", ["x", "0", "9" * 30, "01a20000-0000-7000-8000-000000000000", "-1", "١"]
)
async def test_ids_of_nothing_are_not_found(client, tenant, work_id):
    answer = await client.post(f"/api/jobs/{work_id}/retry", headers=key(tenant))
    assert answer.status_code == 404


async def test_anonymous_callers_are_refused(client):
    assert (await client.get("/api/jobs")).status_code == 401
    assert (await client.post("/api/jobs/retry")).status_code == 401
