"""An answer as the design system's charts and tables."""

from collections.abc import Sequence
from typing import Any

import msgspec

from groundswell.features.insights.types import Result, ResultSeries
from groundswell.ui import format as text
from groundswell.ui.charts import Series, Trend, Unit
from groundswell.ui.i18n import gettext as _

_MOST_LINES = 6


class Row(msgspec.Struct, frozen=True):
    """A line of the totals: what it counts, its total, the change, where its people are."""

    label: str
    total: str
    before: str
    change: float | None
    point: dict[str, Any] | None


def name_of(series: ResultSeries) -> str:
    """A line's name with the values that split it."""
    if series.is_other:
        return f"{series.label} · {_('Other values')}"
    values = ", ".join(value or _("(none)") for value in series.breakdown)
    return f"{series.label} · {values}" if values else series.label


def unit_of(result: Result, series: ResultSeries) -> Unit:
    """How a line's figures are written."""
    if series.unit == "money":
        return Unit("money", result.currency)
    return Unit("percent") if series.unit == "percent" else Unit()


def trend_of(result: Result, title: str) -> Trend | None:
    """The answer over days as a chart; None where there are no days (hours, one interval)."""
    days = tuple(bucket.date() for bucket in result.buckets)
    if len(days) < 2 or len(set(days)) < len(days) or not result.series:
        return None
    lines: list[Series] = []
    for series in result.series[:_MOST_LINES]:
        lines.append(Series(name_of(series), tuple(series.values)))
        if series.previous is not None and len(result.series) == 1:
            lines.append(Series(_("Period before"), tuple(series.previous), "previous"))
    return Trend(title, days, tuple(lines), unit_of(result, result.series[0]))


def totals_of(result: Result) -> list[Row]:
    """One row a line; formulas have no people of their own."""
    rows = []
    for series in result.series:
        unit = unit_of(result, series)
        is_counted = series.key.isalpha() and not series.is_other
        point = {"series": ord(series.key[0]) - 65, "by": _by(series.breakdown)}
        rows.append(
            Row(
                name_of(series),
                figure(series.total, unit),
                figure(series.previous_total, unit),
                _change(series.total, series.previous_total),
                point if is_counted else None,
            )
        )
    return rows


def _by(values: Sequence[str]) -> str:
    return msgspec.json.encode(values).decode() if values else ""


def figure(value: float | None, unit: Unit) -> str:
    """A figure with decimals where it is not whole."""
    if value is None or unit.kind != "number" or float(value).is_integer():
        return unit.text(value)
    return text.number(value, 2)


def _change(now: float | None, before: float | None) -> float | None:
    if now is None or not before:
        return None
    return now / before - 1


def table_of(result: Result) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Buckets by lines, newest first: the table form of a trend."""
    shown = result.series[:_MOST_LINES]
    heads = [name_of(series) for series in shown]
    rows = []
    for n in reversed(range(len(result.buckets))):
        start = result.buckets[n]
        when = text.moment(start) if _is_hourly(result) else text.day(start.date())
        rows.append((when, [figure(each.values[n], unit_of(result, each)) for each in shown]))
    return heads, rows


def _is_hourly(result: Result) -> bool:
    return len({bucket.date() for bucket in result.buckets}) < len(result.buckets)
