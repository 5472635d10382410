"""Every unsafe route of the API that changes something leaves an audit row and a signal."""

import pytest

from groundswell.core.http.access import Door
from groundswell.core.ids import new_id

EXEMPT = {
    "/api/events": "events are data, not changes of ours: the log of events is their record",
    "/api/jobs/retry": "nothing has failed here; see tests/features/operations/test_jobs.py",
    "/api/jobs/{work_id:str}/retry": "the same",
    "/api/cron/capture-growth-metrics": "the scheduler counts again what is there",
}
ORDER = {"source": "s", "order_id": "1", "distinct_id": "ada", "currency": "USD", "total": 500}
LATER = (
    # Features that came after this test hold themselves to it in their own tests.
    "/api/flags", "/api/flag", "/api/insights", "/api/mail", "/api/experiments", "/api/cohorts",
)  # fmt: skip


@pytest.fixture
def unsafe(app):
    """Unsafe routes of the API that need a permission, as (method, path)."""
    return {
        (entry.method, entry.path)
        for entry in app._app._app.state.routes
        if entry.is_api and entry.handler is not None and entry.method not in ("GET", "HEAD")
        if entry.access.door is Door.PERMISSION and not entry.path.startswith(LATER)
    }


@pytest.fixture
async def changes(sign_in, tenant):
    """Does each change once; yields (method, path of the table, answer)."""
    browser = await sign_in("owner")

    async def do(method, template, body=None, **ids):
        path = template
        for name, value in ids.items():
            path = path.replace("{" + name + ":uuid}", str(value))
        answer = await browser.request(method, path, json=body)
        assert answer.status_code < 300, (template, answer.text)
        return answer.json() if answer.content else None

    async def run():
        made = {}

        async def step(method, template, body=None, **ids):
            made[template] = await do(method, template, body, **ids)
            return method, template

        yield await step("POST", "/api/keys", {"kind": "secret", "name": "A"})
        key = made["/api/keys"]["key_id"]
        yield await step("POST", "/api/keys/{key_id:uuid}/rotate", {}, key_id=key)
        yield await step("DELETE", "/api/keys/{key_id:uuid}", key_id=key)
        email = f"{new_id().hex}@example.com"
        yield await step("POST", "/api/members", {"email": email, "role": "viewer"})
        member = made["/api/members"]["member_id"]
        path = "/api/members/{member_id:uuid}"
        yield await step("PATCH", path, {"role": "admin"}, member_id=member)
        yield await step("DELETE", path, member_id=member)
        yield await step("PATCH", "/api/tenant", {"name": "Other"})
        yield await step("POST", "/api/orders", ORDER)
        order = made["/api/orders"]["order_uid"]
        refund = {"refund_id": "r", "amount": 100}
        yield await step("POST", "/api/orders/{order_uid:uuid}/refunds", refund, order_uid=order)
        yield await step("POST", "/api/orders/batch", {"orders": [ORDER | {"order_id": "2"}]})
        rate = {"currency": "EUR", "day": "2026-01-01", "rate": "1.1"}
        yield await step("PUT", "/api/exchange-rates", {"rates": [rate]})
        yield await step("POST", "/api/people", {"distinct_id": "bob", "set": {"a": 1}})
        bob = made["/api/people"]["person_id"]
        yield await step("PATCH", "/api/people/{person_id:uuid}", {"set": {"a": 2}}, person_id=bob)
        other = await do("POST", "/api/people", {"distinct_id": "eve"})
        merge = {"person_id": other["person_id"], "reason": "the same"}
        yield await step("POST", "/api/people/{person_id:uuid}/merge", merge, person_id=bob)
        merged = made["/api/people/{person_id:uuid}/merge"]["merge_id"]
        yield await step("POST", "/api/merges/{merge_id:uuid}/undo", merge_id=merged)

    return run


async def test_every_change_leaves_an_audit_row_and_a_signal(changes, unsafe, platform, tenant):
    """A new unsafe route fails here until it is tried too, or named above with its reason."""
    counts = "select (select count(*) from audit_log where tenant_id = %s),"
    counts += " (select count(*) from signals where tenant_id = %s)"
    tried = set()
    before = (0, 0)

    async def count():
        async with platform.postgres.transaction(tenant.scope) as tx:
            return (await tx.rows(counts, (tenant.id, tenant.id)))[0]

    before = await count()
    async for method, path in changes():
        after = await count()
        assert after[0] > before[0], f"{method} {path} left no audit row"
        assert after[1] > before[1], f"{method} {path} left no signal"
        before = after
        tried.add((method, path))
    assert {(m, p) for m, p in unsafe if p not in EXEMPT} - tried == set()


async def test_who_did_it_is_in_the_row(changes, platform, tenant):
    async for _ in changes():
        pass
    async with platform.postgres.transaction(tenant.scope) as tx:
        rows = await tx.rows(
            "select action, actor_kind from audit_log where tenant_id = %s", (tenant.id,)
        )
    kinds = {action: kind for action, kind in rows if action != "key.created"}
    assert {kind for action, kind in kinds.items() if action != "tenant.created"} == {"member"}
