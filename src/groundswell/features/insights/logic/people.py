"""From a figure to the people behind it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from groundswell.core.errors import FieldError, InvalidError
from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import Scope
from groundswell.features.insights.logic.ask import ask
from groundswell.features.insights.logic.compiler.funnels import funnel_people
from groundswell.features.insights.logic.compiler.periods import (
    lifecycle_people,
    retention_people,
    stickiness_people,
)
from groundswell.features.insights.logic.compiler.trends import trend_people
from groundswell.features.insights.logic.plan import Plan, plan_of, tenant_of
from groundswell.features.insights.logic.version import version_of
from groundswell.features.insights.types import (
    Funnel,
    InsightPerson,
    Lifecycle,
    Point,
    Query,
    Retention,
    Stickiness,
    Trends,
)

_PAGE = """
select f.person, p.person_id, p.name, p.email
from (select person from ({people}) where person > {{after:UInt64}}
      order by person limit {{limit:UInt32}}) as f
left any join (
  select person_key, argMax(person_id, version) as person_id,
    argMax(toString(properties.name), version) as name,
    argMax(toString(properties.email), version) as email
  from people where tenant_id = {{tenant:UUID}} group by person_key
) as p on p.person_key = f.person
order by f.person
"""


_COUNT = "select count() from ({people})"


async def people_at(
    platform: Platform, scope: Scope, query: Query, point: Point, after: int, limit: int
) -> tuple[list[InsightPerson], int]:
    """People behind a point of an answer, in order of their key, and how many there are.

    Raises:
        InvalidError: the question is wrong, or has no such point.
    """
    plan = plan_of(query, await tenant_of(platform, scope))
    errors = _problems(plan, point)
    if errors:
        raise InvalidError("The answer has no such point.", errors=errors)
    version = await version_of(platform, scope, plan)
    sql, params = compiled(plan, point, version.merges)
    page = _PAGE.format(people=sql)
    rows = await ask(platform, scope, page, {**params, "after": after, "limit": limit})
    total = await ask(platform, scope, _COUNT.format(people=sql), params)
    return [_person(row) for row in rows], int(total[0][0])


def compiled(plan: Plan, point: Point, merges: int) -> tuple[str, dict[str, Any]]:
    """SQL of the people behind a point, one row each."""
    query, buckets = plan.query, plan.buckets
    scan = plan.scan(merges)
    match query:
        case Trends():
            orders = query.series[point.series].source == "orders"
            return trend_people(query, point, plan.scan(merges, orders=orders), buckets)
        case Funnel():
            return funnel_people(query, point, scan)
        case Retention():
            return retention_people(query, point, scan, buckets)
        case Lifecycle():
            return lifecycle_people(query, point, scan, buckets)
        case Stickiness():
            return stickiness_people(query, point, scan, buckets)


def _problems(plan: Plan, point: Point) -> list[FieldError]:
    query, errors = plan.query, []
    if point.bucket is not None and point.bucket >= len(plan.buckets):
        errors.append(FieldError("point.bucket", f"there are {len(plan.buckets)} buckets"))
    if isinstance(query, Trends) and point.series >= len(query.series):
        errors.append(FieldError("point.series", f"there are {len(query.series)} series"))
    if isinstance(query, Funnel) and point.step >= len(query.steps):
        errors.append(FieldError("point.step", f"there are {len(query.steps)} steps"))
    if isinstance(query, Funnel) and point.dropped and point.step == 0:
        errors.append(FieldError("point.step", "nobody drops off before the first step"))
    split: Sequence[object] = query.breakdown if isinstance(query, Trends | Funnel) else ()
    if point.breakdown is not None and len(point.breakdown) != len(split):
        errors.append(FieldError("point.breakdown", f"needs {len(split)} values"))
    return errors


def _person(row: tuple[Any, ...]) -> InsightPerson:
    key, person_id, name, email = row
    return InsightPerson(UUID(str(person_id)), int(key), str(name), str(email))
