"""One series of a trend as SQL.

Events are read once into aggregate states, one a bucket and value of the breakdown; ranking,
"other", rolling windows and totals merge those states, so that distinct people stay distinct.
"""

import msgspec

from groundswell.features.insights.logic.compiler.scan import ORDER_NUMBERS, Params, Scan
from groundswell.features.insights.logic.ranges import HOUR_MS, Buckets, before
from groundswell.features.insights.types import Measure, Owner, Point, Selection, Series, Trends

_QUANTILES = {"median": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


class Figure(msgspec.Struct, frozen=True):
    """A measure as SQL: states made while reading, and what becomes of the merged ones.

    ``merges`` are functions of a state with a place for ``If``; ``value`` takes their results as
    ``{0}`` and ``{1}``.
    """

    states: tuple[str, ...]
    merges: tuple[str, ...]
    value: str = "{0}"

    def final(self, only: str = "") -> str:
        """SQL of the value; ``only`` is a condition on the states that count."""
        merged = [
            f"{function.format('If')}(s{n}, {only})" if only else f"{function.format('')}(s{n})"
            for n, function in enumerate(self.merges)
        ]
        return self.value.format(*merged)


_OWN = "i = own and i >= 0"  # each cell once, and nothing from before the range


def trend_sql(
    query: Trends, number: int, scan: Scan, buckets: Buckets
) -> tuple[str, dict[str, object]]:
    """SQL with rows (breakdown, is_other, is_total, bucket, value) of one series.

    Buckets count from 0. Values of a breakdown beyond ``limit`` are one row called other.
    """
    params, series = Params(), query.series[number]
    back = query.window - 1 if query.view.startswith("rolling") else 0
    since, dates = before(buckets, back)
    read = msgspec.structs.replace(scan, start_ms=since)
    figure = figure_of(series.measure, read, orders=series.source == "orders")
    states = ", ".join(f"{state} as s{n}" for n, state in enumerate(figure.states))
    # Plain columns: the store groups by them twice as fast as by an array.
    parts = [read.text(each.property, each.of) for each in query.breakdown]
    texts = "".join(f"{part} as b{n}, " for n, part in enumerate(parts))
    names = "".join(f", b{n}" for n in range(len(parts)))
    cells = (
        f"select {bucket_sql(read, buckets, params)} as d,"
        f" {texts}{states}\n"
        f"{read.source(params)} and {matches(query, series, read, params)}\ngroup by d{names}"
    )
    if query.breakdown:
        cells = f"select *, [{names.removeprefix(', ')}] as b from ({cells})"
    else:
        cells = f"select *, {_NOTHING} as b from ({cells})"
    index = _index_sql(buckets, [*dates, *buckets.dates], back, params)
    spans = {"rolling": query.window, "cumulative": len(buckets)}
    rows = _spread(cells, index, spans.get(query.view, 1), len(buckets), figure, params)
    if query.breakdown:
        rows = _ranked(rows, figure, params.add(query.limit, "UInt32"))
    else:
        rows = f"select 0 as is_other, * from ({rows})"
    first = -back if query.view == "rolling_average" else 0
    sql = (
        f"select b, is_other, grouping(i) as is_total, i, {figure.final()} as value,\n"
        f"  {figure.final(_OWN)} as total\nfrom ({rows})\n"
        f"where i >= {first} group by grouping sets ((b, is_other, i), (b, is_other))"
    )
    return sql, params.values


_NOTHING = "emptyArrayString()"


def figure_of(measure: Measure, scan: Scan, *, orders: bool) -> Figure:
    """A measure over the rows of a scan."""
    of: Owner = "order" if orders else "event"
    is_order = "e.kind = 'order'" if orders else "true"
    person = f"groupBitmapStateIf({scan.person}, {scan.person} != 0)"
    name = measure.property
    if measure.kind == "count" or (measure.kind == "per_person" and name is None):
        count = Figure((f"countStateIf({is_order})",), ("countMerge{}",), "toFloat64({0})")
        return count if measure.kind == "count" else _per_person(count, person)
    if measure.kind == "people":
        return Figure((person,), ("groupBitmapMerge{}",), "toFloat64({0})")
    assert name is not None
    if measure.kind == "unique":
        text = scan.text(name, of)
        return Figure(
            (f"uniqExactStateIf({text}, {text} != '')",), ("uniqExactMerge{}",), "toFloat64({0})"
        )
    value = scan.number(name, of)
    if measure.kind in ("sum", "per_person"):
        found = Figure((f"sumState(ifNull({value}, 0.))",), ("sumMerge{}",))
        return found if measure.kind == "sum" else _per_person(found, person)
    return _distribution(measure.kind, value, f"{value} is not null and {is_order}")


def _distribution(kind: str, value: str, counted: str) -> Figure:
    level = _QUANTILES.get(kind)
    name = {"average": "avg", "min": "min", "max": "max"}.get(kind, "quantileExactInclusive")
    parameter = f"({level})" if level else ""
    state = f"{name}StateIf{parameter}(assumeNotNull({value}), {counted})"
    return Figure(
        (state, f"countStateIf({counted})"),
        (f"{name}Merge{{}}{parameter}", "countMerge{}"),
        "if({1} = 0, null, toFloat64({0}))",
    )


def _per_person(total: Figure, person: str) -> Figure:
    return Figure(
        (*total.states, person),
        (*total.merges, "groupBitmapMerge{}"),
        "if({1} = 0, null, {0} / {1})",
    )


def matches(query: Trends, series: Series, scan: Scan, params: Params) -> str:
    """SQL that is true for what a series counts."""
    wanted = Selection(event=series.event, filters=[*query.filters, *series.filters])
    return scan.selected(wanted, params)


def bucket_sql(scan: Scan, buckets: Buckets, params: Params) -> str:
    """SQL of the interval a row falls into: its first day, or the number of the hour."""
    if buckets.hours:
        start = params.add(buckets.days.start_ms, "Int64")
        return f"toInt32(floor((toUnixTimestamp64Milli(e.at) - {start}) / {HOUR_MS}))"
    day = f"toDate(e.at, {params.add(scan.zone, 'String')})"
    if buckets.interval == "week":
        return f"toStartOfWeek({day}, 1)"
    return f"toStartOfMonth({day})" if buckets.interval == "month" else day


def _index_sql(buckets: Buckets, dates: list[object], back: int, params: Params) -> str:
    if buckets.hours:
        return "d"
    starts = params.add([str(day) for day in dates], "Array(Date)")
    return f"toInt32(indexOf({starts}, d)) - 1 - {back}"


def _spread(cells: str, index: str, span: int, count: int, figure: Figure, params: Params) -> str:
    """Each cell in every bucket whose window holds it; ``own`` is where it stands itself."""
    states = ", ".join(f"s{n}" for n in range(len(figure.states)))
    if span == 1:
        return f"select b, {index} as own, own as i, {states} from ({cells})"
    size, last = params.add(span, "Int32"), params.add(count, "Int32")
    return (
        f"select b, {index} as own,"
        f" arrayJoin(range(greatest(own, 0), least(own + {size}, {last}))) as i, {states}\n"
        f"from ({cells})"
    )


def _ranked(rows: str, figure: Figure, limit: str) -> str:
    """The values of the breakdown with the largest totals; all others as one."""
    numbers = range(len(figure.states))
    points = ", ".join(["own", "i", *(f"s{n}" for n in numbers)])
    unpacked = ", ".join(f"point.{n + 3} as s{n}" for n in numbers)
    return (
        f"select if(place > {limit}, {_NOTHING}, shown) as b, place > {limit} as is_other,\n"
        f"  arrayJoin(points) as point, point.1 as own, point.2 as i, {unpacked}\n"
        f"from (select b as shown, groupArray(({points})) as points, row_number() over (order by"
        f" ifNull({figure.final(_OWN)}, -inf) desc, b) as place\n"
        f"from ({rows}) group by b)"
    )


def trend_people(
    query: Trends, point: Point, scan: Scan, buckets: Buckets
) -> tuple[str, dict[str, object]]:
    """SQL of the people behind a point of a trend: one row each."""
    params, series = Params(), query.series[point.series]
    found = f"select {scan.person} as person {scan.source(params)}"
    found += f" and {matches(query, series, scan, params)}"
    if series.source == "orders":
        found += " and e.kind = 'order'"
    if point.bucket is not None:
        place = point.bucket
        wanted = (
            params.add(place, "Int32")
            if buckets.hours
            else params.add(str(buckets.dates[place]), "Date")
        )
        found += f" and {bucket_sql(scan, buckets, params)} = {wanted}"
    if point.breakdown is not None:
        values = params.add(point.breakdown, "Array(String)")
        found += f" and {scan.texts(query.breakdown)} = {values}"
    return f"{found} and person != 0 group by person", params.values


def unit_of(series: Series) -> str:
    """How a series' values are read."""
    kind, name = series.measure.kind, series.measure.property
    is_money = series.source == "orders" and name == "revenue" and kind != "unique"
    return "money" if is_money and name in ORDER_NUMBERS else "number"
