"""What a question means for one tenant, now: days, buckets, what to read."""

from collections.abc import Iterator
from datetime import date

import msgspec

from groundswell.core.clock import day_of, now
from groundswell.core.errors import InvalidError, NotFoundError
from groundswell.core.platform import Platform
from groundswell.core.tenancy.directory import Tenant
from groundswell.core.tenancy.scope import Scope
from groundswell.features.insights.logic.checks import problems
from groundswell.features.insights.logic.compiler.scan import Scan
from groundswell.features.insights.logic.ranges import (
    Buckets,
    Days,
    buckets_of,
    choose_days,
    count_error,
    whole,
)
from groundswell.features.insights.types import (
    Breakdown,
    Condition,
    Funnel,
    Interval,
    Lifecycle,
    Query,
    Retention,
    Stickiness,
    Trends,
)


class Plan(msgspec.Struct, frozen=True):
    """A checked question with its days and buckets."""

    query: Query
    days: Days
    buckets: Buckets
    currency: str

    def scan(self, merges: int, days: Days | None = None, *, orders: bool = False) -> Scan:
        """What to read for it."""
        found = days or self.days
        return Scan(
            zone=found.zone,
            start_ms=found.start_ms,
            end_ms=found.end_ms,
            merges=merges,
            currency=self.currency,
            orders=orders,
            of_people_now=people_properties(self.query),
        )


def plan_of(query: Query, tenant: Tenant, today: date | None = None) -> Plan:
    """Check a question and place it in the tenant's days.

    Raises:
        InvalidError: names every wrong field.
    """
    day = today or day_of(now(), tenant.timezone)
    days, errors = choose_days(query.range, day, tenant.timezone)
    interval = interval_of(query)
    if _wants_whole(query):
        days = whole(days, interval)
    buckets = buckets_of(days, interval)
    errors += count_error(buckets, "interval")
    errors += problems(query)
    if errors:
        raise InvalidError("The question is wrong.", errors=errors)
    return Plan(query, days, buckets, tenant.currency)


def interval_of(query: Query) -> Interval:
    """The length of the buckets."""
    match query:
        case Retention():
            return query.period
        case Funnel():
            return query.interval or "day"
        case _:
            return query.interval


def _wants_whole(query: Query) -> bool:
    """Whether the first interval is counted from its beginning."""
    if isinstance(query, Trends):
        return query.view.startswith("rolling") and query.interval != "hour"
    return isinstance(query, Retention | Lifecycle)


def people_properties(query: Query) -> tuple[str, ...]:
    """Properties of people as they are now that a question asks for."""
    return tuple(sorted({each.property for each in parts_of(query) if each.of == "current_person"}))


def parts_of(query: Query) -> Iterator[Condition | Breakdown]:
    """Every condition and breakdown of a question."""
    yield from query.filters
    match query:
        case Trends():
            yield from query.breakdown
            for series in query.series:
                yield from series.filters
        case Funnel():
            yield from query.breakdown
            for step in query.steps:
                yield from step.filters
            for each in query.exclusions:
                yield from each.filters
        case Retention():
            yield from (*query.start.filters, *query.back.filters)
        case Lifecycle() | Stickiness():
            return


async def tenant_of(platform: Platform, scope: Scope) -> Tenant:
    """What the directory knows of the Scope's tenant.

    Raises:
        NotFoundError: it was deleted a moment ago.
    """
    tenant = platform.directory.tenant(scope.tenant_id)
    if tenant is None:
        # Made a moment ago, and this process has not heard of it yet.
        await platform.directory.refresh()
        tenant = platform.directory.tenant(scope.tenant_id)
    if tenant is None:
        raise NotFoundError("There is no such workspace.")
    return tenant
