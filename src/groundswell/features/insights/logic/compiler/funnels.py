"""Funnels as SQL.

Each person's events become one sorted array of numbers: the time in the high bits, the steps
they match in the low ones. From step to step an array holds, at each event, the latest start
of an attempt that has got that far; so one pass over flat arrays finds how far each person got,
when, and from which start. The store's own ``windowFunnel`` is no faster here, knows neither
start nor end, and counts one event for two steps.
"""

from typing import Any

import msgspec

from groundswell.features.insights.logic.compiler.scan import Params, Scan
from groundswell.features.insights.logic.ranges import HOUR_MS, Buckets
from groundswell.features.insights.types import Exclusion, Funnel, Point, Selection

_NONE = 1  # an attempt that was ended; 0 is no news, and real times begin at 2
_NOTHING = "emptyArrayString()"


class Attempts(msgspec.Struct, frozen=True):
    """SQL with a row a person: person, level, started (ms), took (ms; 0 if incomplete), b."""

    sql: str
    params: Params


def attempts(query: Funnel, scan: Scan) -> Attempts:
    """Everybody's best attempt."""
    params = Params()
    window = 0 if query.order == "any" else query.window.milliseconds
    read = msgspec.structs.replace(scan, end_ms=scan.end_ms + window)
    values = read.texts(query.breakdown) if query.breakdown else ""
    rows = (
        f"select {read.person} as person, {_key(query, read, params)} as k"
        f"{f', {values} as v' if values else ''}\n"
        f"{read.source(params)} and {_wanted(query, read, params)} and person != 0"
    )
    bits = _bits(query)
    pairs = (
        "arraySort(groupArray((k, v))) as pairs, pairs.1 as ks, pairs.2 as vs"
        if values
        else "arraySort(groupArray(k)) as ks"
    )
    people = f"select person, {pairs}\nfrom ({rows})\ngroup by person"
    any_order = query.order == "any"
    levels = _any_order(query, params) if any_order else _in_order(query, scan, params)
    # In any order every event read is of some step, so any may have begun the attempt.
    begins = "" if any_order else f" and {_step(query, 0)}"
    started = f"arrayFirst((value, k) -> bitShiftRight(k, {bits}) = start{begins}, vs, ks)"
    start = params.add(scan.start_ms, "Int64")
    times = f"arrayMap(k -> bitShiftRight(k, {bits}), ks) as ts"
    sql = (
        f"select person, level, toInt64(start) - 2 + {start} as started,"
        f" if(level = {len(query.steps)}, done - start, 0) as took,"
        f" {started if values else _NOTHING} as b\n"
        f"from (select *, {levels}\nfrom (select *, {times}\nfrom ({people})))\nwhere level > 0"
    )
    return Attempts(sql, params)


def _bits(query: Funnel) -> int:
    return len(query.steps) + len(query.exclusions)


def _step(query: Funnel, number: int) -> str:
    """Whether the event ``k`` matches a step; bits are inverted, see :func:`_key`."""
    return f"not bitTest(k, {_bits(query) - 1 - number})"


def _key(query: Funnel, scan: Scan, params: Params) -> str:
    """Time and steps in one number that sorts by time, then earliest step first."""
    bits = _bits(query)
    selections = [*query.steps, *(_selection(each) for each in query.exclusions)]
    matched = " + ".join(
        f"{1 << (bits - 1 - n)} * {scan.selected(each, params)}"
        for n, each in enumerate(selections)
    )
    start = params.add(scan.start_ms, "Int64")
    time = f"toUInt64(toUnixTimestamp64Milli(e.at) - {start} + 2)"
    return f"{time} * {1 << bits} + {(1 << bits) - 1} - toUInt64({matched})"


def _selection(each: Exclusion) -> Selection:
    return Selection(event=each.event, filters=each.filters)


def _wanted(query: Funnel, scan: Scan, params: Params) -> str:
    """The rows to read: those of a step or an exclusion; in strict order all of them."""
    common = scan.all_of(query.filters, params)
    if query.order == "strict":
        return common
    selections = [*query.steps, *(_selection(each) for each in query.exclusions)]
    names = {each.event for each in selections}
    wanted = " or ".join(scan.selected(each, params) for each in selections)
    if None in names:
        return f"{common} and ({wanted})"
    listed = ", ".join(params.add(name, "String") for name in sorted(filter(None, names)))
    # Names alone find the rows by the sort key.
    filtered = any(each.filters for each in selections)
    return f"{common} and e.event in ({listed})" + (f" and ({wanted})" if filtered else "")


def _in_order(query: Funnel, scan: Scan, params: Params) -> str:
    """Levels one by one: ``cN`` at each event the start of the attempt that reaches step N."""
    last = params.add(scan.end_ms - scan.start_ms + 2, "UInt64")
    window = params.add(query.window.milliseconds, "UInt64")
    carried = query.order != "strict"
    parts = []
    for number in range(len(query.steps)):
        reset = _ends(query, number + 1)
        if number == 0:
            hit, arrays, names = f"{_step(query, 0)} and t < {last}", "ks, ts", "k, t"
            value = "t"
        else:
            blocked = _ends(query, number)
            hit = f"{_step(query, number)} and q > {_NONE} and t - q <= {window}"
            if blocked:
                hit += f" and not ({blocked})"
            arrays, names, value = f"ks, ts, arrayShiftRight(f{number - 1}, 1)", "k, t, q", "q"
        otherwise = f"if({reset}, {_NONE}, 0)" if reset else "0"
        found = f"toUInt64(if({hit}, {value}, {otherwise}))"
        parts.append(f"arrayMap(({names}) -> {found}, {arrays}) as c{number}")
        filled = f"arrayFill(x -> x != 0, c{number})" if carried else f"c{number}"
        parts.append(f"{filled} as f{number}")
    return ",\n".join([*parts, *_best(len(query.steps))])


def _ends(query: Funnel, level: int) -> str:
    """Whether the event ``k`` ends attempts that have done ``level`` steps."""
    found = []
    for n, each in enumerate(query.exclusions):
        before = each.before or len(query.steps)
        if each.after <= level < before:
            found.append(f"not bitTest(k, {_bits(query) - 1 - len(query.steps) - n})")
    return " or ".join(found)


def _best(steps: int) -> list[str]:
    reached = " + ".join(f"(arrayMax(c{n}) > {_NONE})" for n in range(steps))
    starts = "[" + ", ".join(f"arrayFirst(x -> x > {_NONE}, c{n})" for n in range(steps)) + "]"
    last = f"c{steps - 1}"
    return [
        f"toUInt8({reached}) as level",
        f"{starts}[level] as start",
        f"ts[arrayFirstIndex(x -> x > {_NONE}, {last})] as done",
    ]


def _any_order(query: Funnel, params: Params) -> str:
    """How many different steps were done within the window that ends at each event."""
    count = len(query.steps)
    window = params.add(query.window.milliseconds, "UInt64")
    parts = [
        f"arrayFill(x -> x != 0, arrayMap((k, t) -> toUInt64(if({_step(query, n)}, t, 0)), ks, ts))"
        f" as l{n}"
        for n in range(count)
    ]
    names = ", ".join(f"x{n}" for n in range(count))
    lasts = ", ".join(f"l{n}" for n in range(count))
    inside = [f"(x{n} != 0 and t - x{n} <= {window})" for n in range(count)]
    far = (1 << 62) - 1
    first = ", ".join(f"if({inside[n]}, x{n}, {far})" for n in range(count))
    return ",\n".join(
        [
            *parts,
            f"arrayMap((t, {names}) -> {' + '.join(inside)}, ts, {lasts}) as counts",
            f"arrayMap((t, {names}) -> arrayMin([{first}]), ts, {lasts}) as firsts",
            "toUInt8(arrayMax(counts)) as level",
            "arrayFirstIndex(x -> x = level, counts) as place",
            "toUInt64(firsts[place]) as start",
            "ts[place] as done",
        ]
    )


def funnel_sql(query: Funnel, scan: Scan) -> tuple[str, dict[str, Any]]:
    """SQL with rows (breakdown, is_other, level, people, median, p90, average seconds).

    Seconds mean something on the last level alone, where the funnel is complete.
    """
    found = attempts(query, scan)
    steps = len(query.steps)
    took = f"took / 1000., level = {steps}"
    states = (
        f"countState() as s0, quantileExactInclusiveStateIf(0.5)({took}) as s1,"
        f" quantileExactInclusiveStateIf(0.9)({took}) as s2, avgStateIf({took}) as s3"
    )
    sql = f"select b, level, {states} from ({found.sql}) group by b, level"
    if query.breakdown:
        limit = found.params.add(query.limit, "UInt32")
        sql = (
            f"select if(place > {limit}, emptyArrayString(), shown) as b,"
            f" place > {limit} as is_other, arrayJoin(levels) as one,"
            " one.1 as level, one.2 as s0, one.3 as s1, one.4 as s2, one.5 as s3\n"
            "from (select b as shown, groupArray((level, s0, s1, s2, s3)) as levels,"
            " row_number() over (order by countMerge(s0) desc, b) as place\n"
            f"from ({sql}) group by b)"
        )
    else:
        sql = f"select *, false as is_other from ({sql})"
    sql = (
        "select b, is_other, level, countMerge(s0) as people, quantileExactInclusiveMerge(0.5)(s1)"
        " as median, quantileExactInclusiveMerge(0.9)(s2) as p90, avgMerge(s3) as mean\n"
        f"from ({sql}) group by b, is_other, level"
    )
    return sql, found.params.values


def funnel_over_time_sql(query: Funnel, scan: Scan, buckets: Buckets) -> tuple[str, dict[str, Any]]:
    """SQL with rows (bucket, entered, completed) by when the attempt began."""
    found = attempts(query, scan)
    day = _start_bucket(buckets, scan, found.params)
    steps = len(query.steps)
    sql = (
        f"select {day} as d, count() as entered, countIf(level = {steps}) as completed\n"
        f"from ({found.sql}) group by d"
    )
    return sql, found.params.values


def _start_bucket(buckets: Buckets, scan: Scan, params: Params) -> str:
    if buckets.hours:
        start = params.add(scan.start_ms, "Int64")
        return f"toInt32(floor((started - {start}) / {HOUR_MS}))"
    zone = params.add(scan.zone, "String")
    day = f"toDate(fromUnixTimestamp64Milli(started), {zone})"
    if buckets.interval == "week":
        return f"toStartOfWeek({day}, 1)"
    return f"toStartOfMonth({day})" if buckets.interval == "month" else day


def funnel_people(query: Funnel, point: Point, scan: Scan) -> tuple[str, dict[str, Any]]:
    """SQL of the people who reached a step, or who reached the one before and not this."""
    found = attempts(query, scan)
    wanted = found.params.add(point.step + 1, "UInt8")
    test = f"level = {wanted} - 1" if point.dropped else f"level >= {wanted}"
    if point.breakdown is not None:
        test += f" and b = {found.params.add(point.breakdown, 'Array(String)')}"
    return f"select person from ({found.sql}) where {test}", found.params.values
