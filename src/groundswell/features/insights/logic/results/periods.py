"""Answers of retention, lifecycle and stickiness."""

from collections.abc import Sequence
from typing import Any, cast

from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import Scope
from groundswell.features.insights.logic.ask import ask
from groundswell.features.insights.logic.compiler.periods import (
    lifecycle_sql,
    retention_sql,
    stickiness_sql,
)
from groundswell.features.insights.logic.plan import Plan
from groundswell.features.insights.logic.ranges import Buckets
from groundswell.features.insights.types import (
    Cohort,
    Column,
    Lifecycle,
    ResultSeries,
    Retention,
    Statement,
    Stickiness,
)

Rows = list[list[str | float | int | None]]
_STATES = ("new", "returning", "resurrecting", "dormant")


async def cohorts(
    platform: Platform, scope: Scope, plan: Plan, merges: int
) -> tuple[list[Cohort], Statement]:
    """Every cohort of the range, also empty ones."""
    query = cast("Retention", plan.query)
    sql, params = retention_sql(query, plan.scan(merges), plan.buckets)
    rows = await ask(platform, scope, sql, params)
    return read_cohorts(plan.buckets, rows), Statement(sql, params)


def read_cohorts(buckets: Buckets, rows: Sequence[tuple[Any, ...]]) -> list[Cohort]:
    """Rows (cohort, period, people) as a triangle."""
    counts = {(cohort, period): people for cohort, period, people in rows}
    size = len(buckets)
    return [
        Cohort(
            start=day,
            size=counts.get((n, 0), 0),
            back=[counts.get((n, period), 0) for period in range(1, size - n)],
        )
        for n, day in enumerate(buckets.dates)
    ]


def curve(found: Sequence[Cohort]) -> list[ResultSeries]:
    """The part back after 0, 1, 2, … periods, over all cohorts old enough (weighted by size)."""
    values: list[float | None] = []
    for period in range(len(found)):
        old = [each for each in found if period == 0 or len(each.back) >= period]
        people = sum(each.size for each in old)
        back = sum(each.back[period - 1] if period else each.size for each in old)
        values.append(back / people if people else None)
    return [ResultSeries(key="A", label="Back", values=values, unit="percent")]


def cohort_table(found: Sequence[Cohort]) -> tuple[list[Column], Rows]:
    """One row a cohort: its start, its size, people back after each period."""
    columns = [Column("start", "Cohort", "time"), Column("size", "People")]
    columns += [Column(f"period_{n}", str(n)) for n in range(1, len(found))]
    rows: Rows = []
    for each in found:
        blank: list[None] = [None] * (len(found) - 1 - len(each.back))
        rows.append([each.start.isoformat(), each.size, *each.back, *blank])
    return columns, rows


async def lifecycle_series(
    platform: Platform, scope: Scope, plan: Plan, merges: int
) -> tuple[list[ResultSeries], Statement]:
    """One line a state; dormant people are negative."""
    query = cast("Lifecycle", plan.query)
    sql, params = lifecycle_sql(query, plan.scan(merges), plan.buckets)
    rows = await ask(platform, scope, sql, params)
    lines: list[list[float | None]] = [[0.0] * len(plan.buckets) for _ in _STATES]
    for bucket, *counts in rows:
        for line, state, count in zip(lines, _STATES, counts, strict=True):
            line[bucket] = float(-count if state == "dormant" else count)
    return [
        ResultSeries(key=state, label=state.capitalize(), values=line)
        for state, line in zip(_STATES, lines, strict=True)
    ], Statement(sql, params)


async def stickiness_rows(
    platform: Platform, scope: Scope, plan: Plan, merges: int
) -> tuple[list[ResultSeries], Statement]:
    """People by the number of intervals they were active in: 1, 2, … all."""
    query = cast("Stickiness", plan.query)
    sql, params = stickiness_sql(query, plan.scan(merges), plan.buckets)
    values: list[float | None] = [0.0] * len(plan.buckets)
    for intervals, people in await ask(platform, scope, sql, params):
        values[intervals - 1] = float(people)
    series = ResultSeries(key="A", label="People", values=values)
    return [series], Statement(sql, params)


def stickiness_table(series: Sequence[ResultSeries]) -> tuple[list[Column], Rows]:
    """One row a number of intervals."""
    columns = [Column("intervals", "Intervals"), Column("people", "People")]
    return columns, [[n, value] for n, value in enumerate(series[0].values, 1)]
