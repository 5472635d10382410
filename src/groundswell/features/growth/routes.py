"""The JSON API of the growth dashboard."""

import msgspec
from litestar import get, route

from groundswell.core.http.access import cron, requires
from groundswell.core.http.body import read_query
from groundswell.core.http.caller import AnyRequest
from groundswell.core.platform import Platform
from groundswell.core.tenancy.permissions import Permission
from groundswell.core.tenancy.scope import Scope
from groundswell.features.growth import logic
from groundswell.features.growth.types import Captured, GrowthQuery, Metrics


class Capture(msgspec.Struct, frozen=True):
    """What the snapshot did, tenant by tenant."""

    tenants: int
    written: int
    captured: list[Captured]


@get(
    "/api/growth/metrics",
    opt=requires(
        Permission.GROWTH_READ,
        query=GrowthQuery,
        answers={200: Metrics},
        summary="People, activity, orders and revenue by day, compared with the period before.",
    ),
)
async def growth_metrics(request: AnyRequest, platform: Platform, scope: Scope) -> Metrics:
    """Figures of a period by the tenant's days; money in minor units."""
    query = read_query(request, GrowthQuery)
    today = logic.today_of(await logic.tenant_of(platform, scope))
    period = logic.choose_range(today, query.days, query.first, query.last)
    return await logic.metrics(platform, scope, period)


@route(
    "/api/cron/capture-growth-metrics",
    http_method=["GET", "POST"],
    status_code=200,
    opt=cron(answers={200: Capture}),
)
async def capture_growth_metrics(platform: Platform) -> Capture:
    """Take the daily snapshot of every tenant; repeating it changes nothing."""
    captured = await logic.capture_all(platform)
    return Capture(len(captured), sum(each.written for each in captured), captured)


ROUTES = (growth_metrics, capture_growth_metrics)
