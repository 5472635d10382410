"""The answer of a trend: lines with every bucket filled, formulas, the period before."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal, cast

import msgspec

from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import Scope
from groundswell.features.insights.logic.ask import ask
from groundswell.features.insights.logic.compiler.trends import trend_sql, unit_of
from groundswell.features.insights.logic.formulas import read_formula
from groundswell.features.insights.logic.plan import Plan
from groundswell.features.insights.logic.ranges import Buckets, buckets_of
from groundswell.features.insights.types import (
    Column,
    Measure,
    ResultSeries,
    Series,
    Statement,
    Trends,
)

_ZERO_WHERE_NOTHING = ("count", "people", "sum", "unique")
_MOST_VALUES = 500  # of a breakdown, in the period that is only compared with


class Line(msgspec.Struct, frozen=True):
    """Values by bucket of one series and value of the breakdown."""

    values: list[float | None]
    total: float | None


Key = tuple[tuple[str, ...], bool]
Lines = dict[Key, Line]


async def trend_series(
    platform: Platform, scope: Scope, plan: Plan, merges: int
) -> tuple[list[ResultSeries], list[Statement]]:
    """Every line of the answer and the SQL that gave it."""
    query = cast("Trends", plan.query)
    current, statements = await _lines(platform, scope, plan, query, merges)
    previous: list[Lines] = [{} for _ in query.series]
    if query.compare:
        days = plan.days.before()
        earlier = msgspec.structs.replace(plan, days=days, buckets=buckets_of(days, query.interval))
        wide = msgspec.structs.replace(query, limit=_MOST_VALUES)
        previous, more = await _lines(platform, scope, earlier, wide, merges)
        statements += more
    size = len(plan.buckets)
    found = []
    for number, series in enumerate(query.series):
        for key, line in _sorted(current[number]):
            before = _before(previous[number], key, series.measure, size) if query.compare else None
            found.append(_shown(query, number, key, line, before))
    return found + _formulas(query, current, previous, size), statements


async def _lines(
    platform: Platform, scope: Scope, plan: Plan, query: Trends, merges: int
) -> tuple[list[Lines], list[Statement]]:
    compiled = []
    for number, series in enumerate(query.series):
        scan = plan.scan(merges, orders=series.source == "orders")
        compiled.append(trend_sql(query, number, scan, plan.buckets))
    answers = await asyncio.gather(*(ask(platform, scope, *each) for each in compiled))
    lines = [
        read_lines(query, series, rows, plan.buckets)
        for series, rows in zip(query.series, answers, strict=True)
    ]
    return lines, [Statement(sql, dict(values)) for sql, values in compiled]


def read_lines(
    query: Trends, series: Series, rows: Sequence[tuple[Any, ...]], buckets: Buckets
) -> Lines:
    """Rows of a series as lines with every bucket filled."""
    back = query.window - 1 if query.view == "rolling_average" else 0
    blank = 0.0 if series.measure.kind in _ZERO_WHERE_NOTHING else None
    values: dict[Key, list[float | None]] = {}
    totals: dict[Key, float | None] = {}
    for texts, is_other, is_total, bucket, value, total in rows:
        key = (tuple(texts), bool(is_other))
        line = values.setdefault(key, [blank] * (len(buckets) + back))
        if is_total:
            totals[key] = _number(total)
        else:
            line[bucket + back] = _number(value)
    if not query.breakdown:
        values.setdefault(((), False), [blank] * (len(buckets) + back))
    if back:
        values = {key: _averages(line, query.window) for key, line in values.items()}
    return {key: Line(line, totals.get(key, blank)) for key, line in values.items()}


def _averages(line: list[float | None], window: int) -> list[float | None]:
    """Means of each value with those before it; values that are missing don't count."""
    found: list[float | None] = []
    for end in range(window, len(line) + 1):
        known = [value for value in line[end - window : end] if value is not None]
        found.append(sum(known) / len(known) if known else None)
    return found


def _number(value: Any) -> float | None:
    return None if value is None or value != value else float(value)


def _sorted(lines: Lines) -> list[tuple[Key, Line]]:
    """Largest total first, "other" last."""
    return sorted(lines.items(), key=lambda item: (item[0][1], -(item[1].total or 0), item[0][0]))


def _before(lines: Lines, key: Key, measure: Measure, size: int) -> Line:
    """The line of the period before, cut to the same number of buckets."""
    blank = 0.0 if measure.kind in _ZERO_WHERE_NOTHING else None
    found = lines.get(key) or Line([], blank)
    values = (found.values + [blank] * size)[:size]
    return Line(values, found.total)


def _shown(query: Trends, number: int, key: Key, line: Line, before: Line | None) -> ResultSeries:
    series, (texts, is_other) = query.series[number], key
    return ResultSeries(
        key=chr(65 + number),
        label=label_of(series),
        values=line.values,
        breakdown=list(texts),
        is_other=is_other,
        total=line.total,
        previous=before.values if before else None,
        previous_total=before.total if before else None,
        unit=cast("Literal['number', 'money']", unit_of(series)),
    )


def label_of(series: Series) -> str:
    """How a line is called unless somebody gave it a name."""
    if series.label:
        return series.label
    subject = "Orders" if series.source == "orders" else series.event or "Any event"
    kind, name = series.measure.kind, series.measure.property
    if kind == "count":
        return subject
    words = {"people": "people", "per_person": "per person", "unique": "different"}
    text = f"{words.get(kind, kind)} {name}" if name else words.get(kind, kind)
    return f"{subject}: {text}"


def _formulas(
    query: Trends, current: list[Lines], previous: list[Lines], size: int
) -> list[ResultSeries]:
    found = []
    for number, text in enumerate(query.formulas):
        for key in _common_keys(query, current):
            line = _computed(query, text, current, key, size)
            before = _computed(query, text, previous, key, size) if query.compare else None
            found.append(
                ResultSeries(
                    key=f"F{number + 1}",
                    label=text,
                    values=line.values,
                    breakdown=list(key[0]),
                    total=line.total,
                    previous=before.values if before else None,
                    previous_total=before.total if before else None,
                )
            )
    return found


def _common_keys(query: Trends, lines: list[Lines]) -> list[Key]:
    """Values of the breakdown in the first series' order; "other" means different ones in each."""
    if not query.breakdown:
        return [((), False)]
    known: dict[Key, None] = {}
    for each in lines:
        known.update({key: None for key, _ in _sorted(each) if not key[1]})
    return list(known)


def _computed(query: Trends, text: str, lines: list[Lines], key: Key, size: int) -> Line:
    evaluate = read_formula(text, len(query.series))
    named: dict[str, Line] = {
        chr(65 + number): _line_or_blank(query.series[number].measure, lines[number], key, size)
        for number in range(len(query.series))
    }
    values = [evaluate({name: line.values[n] for name, line in named.items()}) for n in range(size)]
    return Line(values, evaluate({name: line.total for name, line in named.items()}))


def _line_or_blank(measure: Measure, lines: Lines, key: Key, size: int) -> Line:
    if key in lines:
        return Line((lines[key].values + [None] * size)[:size], lines[key].total)
    # Without "other" all values are there, so this one had nothing; else it is not known.
    has_other = any(is_other for _, is_other in lines)
    blank = 0.0 if measure.kind in _ZERO_WHERE_NOTHING and not has_other else None
    return Line([blank] * size, blank)


def trend_table(
    series: Sequence[ResultSeries], starts: Sequence[date], split: Sequence[str]
) -> tuple[list[Column], list[list[str | float | int | None]]]:
    """One row a bucket and line: time, series, values of the breakdown, value, previous."""
    columns = [Column("time", "Time", "time"), Column("series", "Series", "text")]
    columns += [Column(f"breakdown_{n + 1}", name, "text") for n, name in enumerate(split)]
    columns += [Column("value", "Value")]
    compared = any(each.previous is not None for each in series)
    columns += [Column("previous", "Period before")] if compared else []
    rows: list[list[str | float | int | None]] = []
    for each in series:
        texts = ["(other)"] * len(split) if each.is_other else each.breakdown
        for n, start in enumerate(starts):
            row: list[str | float | int | None] = [start.isoformat(), each.label, *texts]
            row.append(each.values[n])
            rows.append([*row, each.previous[n]] if compared and each.previous else row)
    return columns, rows


def totals_of(series: Sequence[ResultSeries]) -> Mapping[str, float | None]:
    """Totals over the range, by the key of the line where nothing splits it."""
    return {each.key: each.total for each in series if not each.breakdown and not each.is_other}
