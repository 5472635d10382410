"""Questions answered: from the cache when the data has not changed, else from the store."""

import hashlib
from typing import Any

import msgspec
import structlog
from valkey.exceptions import ValkeyError

from groundswell.core.clock import day_of, now
from groundswell.core.db.valkey import tenant_key
from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import Scope
from groundswell.features.insights.logic.plan import Plan, plan_of, tenant_of
from groundswell.features.insights.logic.results import funnels, periods, trends
from groundswell.features.insights.logic.version import Version, version_of
from groundswell.features.insights.types import (
    Funnel,
    Lifecycle,
    Query,
    Result,
    Retention,
    Stickiness,
    Trends,
)

_KEPT_SECONDS = 86_400
_LARGEST = 2_000_000  # bytes
_SHAPE = "1"  # counts up with a change of what answers hold

_log = structlog.get_logger(__name__)


async def answer(
    platform: Platform, scope: Scope, query: Query, *, refresh: bool = False
) -> Result:
    """The answer to a question; ``refresh`` computes it again whatever the cache has.

    Raises:
        InvalidError: names every wrong field.
        TooHeavyError: stopped at a limit.
    """
    tenant = await tenant_of(platform, scope)
    plan = plan_of(query, tenant)
    version = await version_of(platform, scope, plan)
    key = tenant_key(scope.tenant_id, "insights", _digest(plan, version))
    if not refresh and (found := await _kept(platform, key)):
        return msgspec.structs.replace(found, cached=True)
    result = await _computed(platform, scope, plan, version)
    await _keep(platform, key, result)
    return result


def _digest(plan: Plan, version: Version) -> str:
    told = msgspec.json.encode([_SHAPE, plan, version], order="deterministic")
    return hashlib.sha256(told).hexdigest()


async def _kept(platform: Platform, key: str) -> Result | None:
    try:
        raw = await platform.cache.get(key)
        return msgspec.json.decode(raw, type=Result) if raw else None
    except (ValkeyError, msgspec.MsgspecError, OSError) as error:
        _log.warning("insights_cache_unread", error=str(error)[:200])
        return None


async def _keep(platform: Platform, key: str, result: Result) -> None:
    raw = msgspec.json.encode(result)
    if len(raw) > _LARGEST:
        return
    try:
        await platform.cache.set(key, raw, ex=_KEPT_SECONDS)
    except (ValkeyError, OSError) as error:
        _log.warning("insights_cache_unwritten", error=str(error)[:200])


async def _computed(platform: Platform, scope: Scope, plan: Plan, version: Version) -> Result:
    query, merges = plan.query, version.merges
    at = now()
    found: dict[str, Any]
    match query:
        case Trends():
            found = await _trend(platform, scope, plan, query, merges)
        case Funnel():
            found = await _funnel(platform, scope, plan, query, merges)
        case Retention():
            cohorts, statement = await periods.cohorts(platform, scope, plan, merges)
            columns, rows = periods.cohort_table(cohorts)
            series = periods.curve(cohorts)
            found = {"cohorts": cohorts, "series": series, "sql": [statement]}
            found |= {"columns": columns, "rows": rows, "buckets": plan.buckets.starts()}
        case Lifecycle():
            lines, statement = await periods.lifecycle_series(platform, scope, plan, merges)
            starts = plan.buckets.starts()
            columns, rows = trends.trend_table(lines, starts, ())
            found = {"series": lines, "sql": [statement], "columns": columns, "rows": rows}
            found |= {"buckets": starts}
        case Stickiness():
            lines, statement = await periods.stickiness_rows(platform, scope, plan, merges)
            columns, rows = periods.stickiness_table(lines)
            found = {"series": lines, "sql": [statement], "columns": columns, "rows": rows}
    return Result(
        kind=str(type(query).__struct_config__.tag),
        first=plan.days.first,
        last=plan.days.last,
        timezone=plan.days.zone,
        currency=plan.currency,
        computed_at=at,
        notices=_notices(plan),
        **found,
    )


async def _trend(
    platform: Platform, scope: Scope, plan: Plan, query: Trends, merges: int
) -> dict[str, Any]:
    series, statements = await trends.trend_series(platform, scope, plan, merges)
    starts = plan.buckets.starts()
    split = [each.property for each in query.breakdown]
    columns, rows = trends.trend_table(series, starts, split)
    totals = dict(trends.totals_of(series))
    return {
        "series": series, "sql": statements, "columns": columns, "rows": rows,
        "buckets": starts, "totals": totals,
    }  # fmt: skip


async def _funnel(
    platform: Platform, scope: Scope, plan: Plan, query: Funnel, merges: int
) -> dict[str, Any]:
    groups, statement = await funnels.funnel_groups(platform, scope, plan, merges)
    columns, rows = funnels.funnel_table(groups, [each.property for each in query.breakdown])
    found: dict[str, Any] = {"groups": groups, "columns": columns, "rows": rows}
    if query.interval is None:
        return {**found, "sql": [statement]}
    series, other = await funnels.funnel_over_time(platform, scope, plan, merges)
    return {**found, "series": series, "buckets": plan.buckets.starts(), "sql": [statement, other]}


def _notices(plan: Plan) -> list[str]:
    """What a reader should know of the answer."""
    found = []
    today = day_of(now(), plan.days.zone)
    if plan.days.last >= today and not isinstance(plan.query, Stickiness):
        found.append("The last day is not over yet.")
    if isinstance(plan.query, Funnel):
        window = plan.query.window
        unit = window.unit if window.count == 1 else f"{window.unit}s"
        found.append(f"People have {window.count} {unit} from the first step to the last.")
    return found
