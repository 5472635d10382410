"""The growth API: its exact shape, its limits, its snapshots."""

from datetime import date, timedelta

import pytest

from groundswell.core import clock

CRON = {"Authorization": "Bearer test-cron-secret"}


def key(tenant):
    return {"Authorization": f"Bearer {tenant.secret_key}"}


async def write(platform, tenant, history):
    await history.write(platform.store, tenant.id)


async def test_the_answer_has_the_promised_shape(client, platform, tenant, history):
    now = clock.now()
    await write(
        platform,
        tenant,
        history(
            events=[(1, "Profile Completed", now), (2, "Page Viewed", now - timedelta(days=31))],
            orders=[(1, now, 2933, "USD"), (2, now - timedelta(days=31), 1000, "USD")],
        ),
    )
    answer = await client.get("/api/growth/metrics?days=30", headers=key(tenant))
    assert answer.status_code == 200
    body = answer.json()
    today = now.date()
    assert body["currency"] == "USD"
    assert body["range"] == {"from": str(today - timedelta(days=29)), "to": str(today)}
    assert len(body["days"]) == 30
    assert body["days"][-1] == {
        "date": str(today), "new_users": 1, "activated_users": 1, "orders": 1, "revenue": 2933,
        "dau": 1, "wau": 1, "mau": 1,
    }  # fmt: skip
    assert body["totals"]["revenue"] == 2933
    assert body["growth"]["revenue"] == 1.933
    assert body["growth"]["users"] == 0.0
    assert body["growth"]["activated_users"] is None


async def test_from_and_to_choose_the_days(client, tenant):
    answer = await client.get(
        "/api/growth/metrics?from=2026-03-01&to=2026-03-31", headers=key(tenant)
    )
    assert [day["date"] for day in answer.json()["days"]][::30] == ["2026-03-01", "2026-03-31"]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("days=0", {"days"}),
        ("days=1000000", {"days"}),
        ("days=x", {"days"}),
        ("from=2026-02-30", {"from"}),
        ("from=0001-01-01&to=9999-12-31", {"from", "to"}),
        ("from=2026-03-02&to=2026-03-01", {"from"}),
        ("from=2000-01-01&to=2026-03-01", {"from"}),
        ("days=-1&from=x&to=y", {"days", "from", "to"}),
    ],
)
async def test_wrong_periods_are_refused_with_every_wrong_field(client, tenant, query, fields):
    answer = await client.get(f"/api/growth/metrics?{query}", headers=key(tenant))
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == fields


async def test_anonymous_and_publishable_keys_are_refused(client, tenant):
    assert (await client.get("/api/growth/metrics")).status_code == 401
    weak = {"Authorization": f"Bearer {tenant.publishable_key}"}
    assert (await client.get("/api/growth/metrics", headers=weak)).status_code == 403


async def test_another_tenants_figures_stay_theirs(client, platform, tenant, other_tenant, history):
    made = history(events=[(1, "Page Viewed", clock.now())])
    await write(platform, other_tenant, made)
    body = (await client.get("/api/growth/metrics", headers=key(tenant))).json()
    assert not any(day["dau"] or day["new_users"] for day in body["days"])


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
async def test_the_snapshot_needs_the_secret(client, headers):
    answer = await client.get("/api/cron/capture-growth-metrics", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("application/problem+json")


async def snapshots(platform, tenant):
    async with platform.postgres.transaction(tenant.scope) as tx:
        return await tx.rows(
            "select day, orders, revenue, dau, mau from growth_metrics"
            " where tenant_id = %s order by day",
            (tenant.id,),
        )


@pytest.fixture
async def alone(platform):
    """The tenants of earlier tests are suspended meanwhile: there are hundreds."""
    async with platform.postgres.across_tenants("test") as tx:
        others = await tx.values(
            "update tenants set status = 'suspended' where status = 'active' returning tenant_id"
        )
    await platform.directory.refresh()
    yield
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute(
            "update tenants set status = 'active' where tenant_id = any(%s)", (others,)
        )
    await platform.directory.refresh()


async def test_the_snapshot_fills_missed_days_and_repeating_it_changes_nothing(
    client, platform, alone, tenant, history
):
    now = clock.now()
    await write(
        platform,
        tenant,
        history(
            events=[(1, "Page Viewed", now - timedelta(days=3)), (1, "Page Viewed", now)],
            orders=[(1, now - timedelta(days=3), 500, "USD")],
        ),
    )
    first = await client.post("/api/cron/capture-growth-metrics", headers=CRON)
    assert first.status_code == 200
    mine = [each for each in first.json()["captured"] if each["tenant"] == tenant.slug]
    assert mine[0]["written"] == 3
    taken = await snapshots(platform, tenant)
    day = now.date()
    assert taken == [
        (day - timedelta(days=3), 1, 500, 1, 1),
        (day - timedelta(days=2), 0, 0, 0, 1),
        (day - timedelta(days=1), 0, 0, 0, 1),
    ]
    again = await client.get("/api/cron/capture-growth-metrics", headers=CRON)
    mine = [each for each in again.json()["captured"] if each["tenant"] == tenant.slug]
    assert mine[0]["written"] == 0
    # A history imported later reaches back and is caught up too.
    await write(platform, tenant, history(orders=[(2, now - timedelta(days=200), 700, "USD")]))
    await client.get("/api/cron/capture-growth-metrics", headers=CRON)
    taken = await snapshots(platform, tenant)
    assert len(taken) == 200
    assert taken[0][:3] == (day - timedelta(days=200), 1, 700)


async def test_the_scheduler_captures_only_tenants_whose_day_has_ended(
    platform, alone, make_tenant, monkeypatch
):
    from groundswell.features.growth import logic

    kathmandu = await make_tenant(timezone="Asia/Kathmandu")
    honolulu = await make_tenant(timezone="Pacific/Honolulu")
    await logic.capture_all(platform)
    moment = clock.now().replace(hour=18, minute=16) + timedelta(days=1)  # 00:01 in Kathmandu
    monkeypatch.setattr(clock, "now", lambda: moment - timedelta(hours=5))
    await logic.capture_all(platform)
    monkeypatch.setattr(clock, "now", lambda: moment)
    done = {each.tenant for each in await logic.capture_all(platform, only_due=True)}
    assert kathmandu.slug in done
    assert honolulu.slug not in done


def test_the_growth_of_nothing_is_unknown():
    from groundswell.features.growth.logic import choose_range, growth
    from groundswell.features.growth.types import Range, Totals

    assert growth(Totals(revenue=5), Totals()).revenue is None
    assert growth(Totals(revenue=-5), Totals(revenue=10)).revenue == -1.5
    today = date(2026, 3, 1)
    assert choose_range(today, 7, None, None) == Range(date(2026, 2, 23), today)
    assert choose_range(today, None, today, None) == Range(today, today)
