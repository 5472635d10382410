"""Which days, which figures, how they compare."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta

from groundswell.core import clock
from groundswell.core.errors import FieldError, InvalidError, NotFoundError
from groundswell.core.platform import Platform
from groundswell.core.tenancy.directory import Tenant
from groundswell.core.tenancy.scope import Scope, system_scope
from groundswell.features.growth import store
from groundswell.features.growth.types import (
    ADDED,
    COUNTED,
    LONGEST,
    Captured,
    Day,
    Growth,
    Metrics,
    Range,
    Totals,
)

BACKFILL = 400  # days that a snapshot looks back
_TOGETHER = 2  # tenants at a time: the store has others to answer
_EARLIEST, _LATEST = date(1990, 1, 1), date(2100, 12, 31)


def choose_range(today: date, days: int | None, first: date | None, last: date | None) -> Range:
    """The days asked for: ``first`` and ``last``, else the ``days`` (30) that end with ``last``.

    Raises:
        InvalidError: names every wrong field.
    """
    errors = [
        FieldError(name, f"must be between {_EARLIEST} and {_LATEST}")
        for name, value in (("from", first), ("to", last))
        if value is not None and not _EARLIEST <= value <= _LATEST
    ]
    count = 30 if days is None else days
    if not 1 <= count <= LONGEST:
        errors.append(FieldError("days", f"must be between 1 and {LONGEST}"))
    if errors:
        raise InvalidError("The period is wrong.", errors=errors)
    end = last or (max(today, first) if first else today)
    begin = first or end - timedelta(days=count - 1)
    if begin > end:
        errors.append(FieldError("from", "must not be after to"))
    elif (end - begin).days >= LONGEST:
        errors.append(FieldError("from", f"must be within {LONGEST} days of to"))
    if errors:
        raise InvalidError("The period is wrong.", errors=errors)
    return Range(begin, end)


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


def today_of(tenant: Tenant) -> date:
    """The tenant's day, now."""
    return clock.day_of(clock.now(), tenant.timezone)


async def metrics(platform: Platform, scope: Scope, period: Range) -> Metrics:
    """Figures of a period, compared with the period of the same length before it."""
    return (await compare(platform, scope, period))[0]


async def compare(platform: Platform, scope: Scope, period: Range) -> tuple[Metrics, Sequence[Day]]:
    """Figures of a period, and the days of the period before it.

    Of those days only the last counts active people: the others are not shown.
    """
    tenant = await tenant_of(platform, scope)
    length = period.last - period.first + timedelta(days=1)
    before = Range(period.first - length, period.first - timedelta(days=1))
    computed_at = clock.now()
    days = await figures(platform, scope, tenant, Range(before.first, period.last), before.last)
    earlier, shown = days[: length.days], days[length.days :]
    totals, previous = add(shown), add(earlier)
    found = Metrics(
        currency=tenant.currency,
        range=period,
        days=shown,
        totals=totals,
        previous_range=before,
        previous=previous,
        growth=growth(totals, previous),
        computed_at=computed_at,
    )
    return found, earlier


async def figures(
    platform: Platform, scope: Scope, tenant: Tenant, period: Range, active_from: date
) -> list[Day]:
    """Every day of a period; active people are counted from ``active_from`` on."""
    first, last, zone = period.first, period.last, tenant.timezone
    money, firsts, active = await asyncio.gather(
        store.money(platform.store, scope, first, last, zone, tenant.currency),
        store.firsts(platform.store, scope, first, last, zone, tenant.activation_event),
        store.active(platform.store, scope, max(first, active_from), last, zone),
    )
    days = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        paid, new, seen = money.get(day), firsts.get(day), active.get(day)
        days.append(
            Day(
                day,
                new.new_users if new else 0,
                new.activated_users if new else 0,
                paid.orders if paid else 0,
                paid.revenue if paid else 0,
                seen.dau if seen else 0,
                seen.wau if seen else 0,
                seen.mau if seen else 0,
            )
        )
    return days


async def is_empty(platform: Platform, scope: Scope) -> bool:
    """Whether the tenant never had an event or an order."""
    return not await store.has_anything(platform.store, scope)


def add(days: Sequence[Day]) -> Totals:
    """Sums over days; active people as of the last."""
    last = days[-1]
    return Totals(
        **{name: sum(getattr(day, name) for day in days) for name in ADDED},
        dau=last.dau,
        wau=last.wau,
        mau=last.mau,
    )


def growth(now: Totals, before: Totals) -> Growth:
    """The change of every figure."""
    ratios = {name: _ratio(getattr(now, name), getattr(before, name)) for name in COUNTED}
    return Growth(users=ratios["new_users"], **ratios)


def _ratio(now: int, before: int) -> float | None:
    return round(now / before - 1, 6) if before > 0 else None


async def capture_all(platform: Platform, *, only_due: bool = False) -> list[Captured]:
    """Daily snapshots of every active tenant; with ``only_due`` of those whose day has ended."""
    await platform.directory.refresh()
    async with platform.postgres.across_tenants("growth-snapshot") as tx:
        latest = await store.last_captured(tx)
    due = []
    for tenant in sorted(platform.directory.tenants(), key=lambda each: each.slug):
        yesterday = today_of(tenant) - timedelta(days=1)
        is_taken = latest.get(tenant.tenant_id, date.min) >= yesterday
        if tenant.status == "active" and not (only_due and is_taken):
            due.append((tenant, yesterday))
    gate = asyncio.Semaphore(_TOGETHER)

    async def one(tenant: Tenant, yesterday: date) -> Captured:
        async with gate:
            return await capture(platform, tenant, yesterday)

    return list(await asyncio.gather(*(one(*each) for each in due)))


async def capture(platform: Platform, tenant: Tenant, last: date) -> Captured:
    """Snapshots of one tenant up to ``last``: missing days, and days that late data changed."""
    scope = system_scope(tenant.tenant_id, "worker")
    async with platform.postgres.transaction(scope) as tx:
        known = await store.first_captured(tx)
    days = [Day(last)]
    if known or await store.has_anything(platform.store, scope):
        period = Range(last - timedelta(days=BACKFILL - 1), last)
        days = await figures(platform, scope, tenant, period, period.first)
    begin = min([last, *([known] if known else []), *_first_with_figures(days)])
    kept = [day for day in days if day.date >= begin]
    async with platform.postgres.transaction(scope) as tx:
        written = await store.keep_days(tx, tenant.currency, kept)
    return Captured(tenant.slug, Range(kept[0].date, last), len(kept), written)


def _first_with_figures(days: Sequence[Day]) -> list[date]:
    return [day.date for day in days if any(getattr(day, name) for name in COUNTED)][:1]
