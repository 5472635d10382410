"""The answer of a funnel: people by step, ratios, times, and conversion over time."""

from collections.abc import Sequence
from typing import Any, cast

from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import Scope
from groundswell.features.insights.logic.ask import ask
from groundswell.features.insights.logic.compiler.funnels import funnel_over_time_sql, funnel_sql
from groundswell.features.insights.logic.plan import Plan
from groundswell.features.insights.types import (
    Column,
    Funnel,
    FunnelGroup,
    ResultSeries,
    Selection,
    Statement,
    Step,
)


async def funnel_groups(
    platform: Platform, scope: Scope, plan: Plan, merges: int
) -> tuple[list[FunnelGroup], Statement]:
    """The funnel for each value of the breakdown, most people first, "other" last."""
    query = cast("Funnel", plan.query)
    sql, params = funnel_sql(query, plan.scan(merges))
    rows = await ask(platform, scope, sql, params)
    return read_groups(query, rows), Statement(sql, params)


def read_groups(query: Funnel, rows: Sequence[tuple[Any, ...]]) -> list[FunnelGroup]:
    """Rows (breakdown, is_other, level, people, median, p90, average) as funnels."""
    levels: dict[tuple[tuple[str, ...], bool], dict[int, int]] = {}
    times: dict[tuple[tuple[str, ...], bool], tuple[float, float, float]] = {}
    for texts, is_other, level, people, median, p90, mean in rows:
        key = (tuple(texts), bool(is_other))
        levels.setdefault(key, {})[level] = people
        if level == len(query.steps):
            times[key] = (median, mean, p90)
    if not query.breakdown:
        levels.setdefault(((), False), {})
    found = [_group(query, key, counts, times.get(key)) for key, counts in levels.items()]
    return sorted(found, key=lambda g: (g.is_other, -g.steps[0].people, g.breakdown))


def _group(
    query: Funnel,
    key: tuple[tuple[str, ...], bool],
    counts: dict[int, int],
    times: tuple[float, float, float] | None,
) -> FunnelGroup:
    reached = [
        sum(people for level, people in counts.items() if level > step)
        for step in range(len(query.steps))
    ]
    steps = []
    for number, people in enumerate(reached):
        earlier = reached[number - 1] if number else people
        steps.append(
            Step(
                label=step_label(query.steps[number]),
                people=people,
                dropped=earlier - people,
                conversion=_ratio(people, reached[0]),
                conversion_from_previous=_ratio(people, earlier),
            )
        )
    median, average, p90 = times or (None, None, None)
    return FunnelGroup(
        breakdown=list(key[0]),
        is_other=key[1],
        steps=steps,
        median_seconds=median,
        average_seconds=average,
        p90_seconds=p90,
    )


def step_label(step: Selection) -> str:
    """How a step is called unless somebody gave it a name."""
    return step.label or step.event or "Any event"


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


async def funnel_over_time(
    platform: Platform, scope: Scope, plan: Plan, merges: int
) -> tuple[list[ResultSeries], Statement]:
    """Conversion from the first step to the last by when the attempt began."""
    query = cast("Funnel", plan.query)
    sql, params = funnel_over_time_sql(query, plan.scan(merges), plan.buckets)
    rows = await ask(platform, scope, sql, params)
    values: list[float | None] = [None] * len(plan.buckets)
    places = {day: n for n, day in enumerate(plan.buckets.dates)}
    entered = completed = 0
    for bucket, came, done in rows:
        place = bucket if plan.buckets.hours else places[bucket]
        values[place] = done / came
        entered, completed = entered + came, completed + done
    series = ResultSeries(
        key="A",
        label="Conversion",
        values=values,
        total=_ratio(completed, entered),
        unit="percent",
    )
    return [series], Statement(sql, params)


def funnel_table(
    groups: Sequence[FunnelGroup], split: Sequence[str]
) -> tuple[list[Column], list[list[str | float | int | None]]]:
    """One row a step and value of the breakdown."""
    columns = [Column(f"breakdown_{n + 1}", name, "text") for n, name in enumerate(split)]
    columns += [
        Column("step", "Step"),
        Column("label", "Name", "text"),
        Column("people", "People"),
        Column("dropped", "Dropped off"),
        Column("conversion", "From first step", "percent"),
        Column("conversion_from_previous", "From step before", "percent"),
        Column("median_seconds", "Median time", "seconds"),
    ]
    rows: list[list[str | float | int | None]] = []
    for group in groups:
        texts = ["(other)"] * len(split) if group.is_other else group.breakdown
        for number, step in enumerate(group.steps, 1):
            last = number == len(group.steps)
            rows.append(
                [
                    *texts,
                    number,
                    step.label,
                    step.people,
                    step.dropped,
                    step.conversion,
                    step.conversion_from_previous,
                    group.median_seconds if last else None,
                ]
            )
    return columns, rows
