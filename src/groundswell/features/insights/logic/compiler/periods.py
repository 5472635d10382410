"""Retention, lifecycle and stickiness as SQL: sets of people per period, as bitmaps.

A cohort's people who were back are the cardinality of two bitmaps' intersection, so that each
event is read once however many periods there are.
"""

from typing import Any

import msgspec

from groundswell.features.insights.logic.compiler.scan import Params, Scan
from groundswell.features.insights.logic.compiler.trends import bucket_sql
from groundswell.features.insights.logic.ranges import Buckets, before
from groundswell.features.insights.types import (
    Lifecycle,
    Point,
    Retention,
    Selection,
    Stickiness,
)

_EPOCH_MS = 0


def retention_sql(query: Retention, scan: Scan, buckets: Buckets) -> tuple[str, dict[str, Any]]:
    """SQL with rows (cohort, period, people); period 0 is the cohort's size."""
    params = Params()
    starts, backs = _sides(query, scan, buckets, params)
    size = params.add(len(buckets), "Int32")
    sql = (
        "select s.i as cohort, r.i - s.i as period,"
        " if(r.i = s.i, bitmapCardinality(s.people),"
        " bitmapAndCardinality(s.people, r.people)) as n\n"
        f"from ({starts}) as s cross join ({backs}) as r where r.i >= s.i and s.i < {size}"
    )
    return sql, params.values


def retention_people(
    query: Retention, point: Point, scan: Scan, buckets: Buckets
) -> tuple[str, dict[str, Any]]:
    """SQL of the people of a cohort, or of those of them who were back in a later period."""
    params = Params()
    starts, backs = _sides(query, scan, buckets, params)
    cohort = params.add(point.bucket or 0, "Int32")
    people = f"select people from ({starts}) where i = {cohort}"
    if point.step:
        later = params.add((point.bucket or 0) + point.step, "Int32")
        people = (
            f"select bitmapAnd(s.people, r.people) as people from ({people}) as s"
            f" cross join (select people from ({backs}) where i = {later}) as r"
        )
    return f"select arrayJoin(bitmapToArray(people)) as person from ({people})", params.values


def _sides(query: Retention, scan: Scan, buckets: Buckets, params: Params) -> tuple[str, str]:
    """SQL of (i, people): who started in each period, who did the return event in it."""
    index = _index(buckets, params)
    zeros = _empty(buckets, params)
    if query.first_time:
        moments = _first_moments(query.start, query.filters, scan, params)
        start = params.add(scan.start_ms, "Int64")
        end = params.add(scan.end_ms, "Int64")
        starts = (
            f"select {bucket_sql(scan, buckets, params)} as d, person from ({moments}) as e"
            f" where toUnixTimestamp64Milli(e.at) >= {start}"
            f" and toUnixTimestamp64Milli(e.at) < {end}"
        )
    else:
        starts = _active(query.start, query.filters, scan, buckets, params)
    backs = _active(query.back, query.filters, scan, buckets, params)
    sets = "groupBitmapStateIf(toUInt64(person), person != 0) as people"
    later = (
        "select i, groupBitmapMergeState(people) over (order by i desc rows between unbounded"
        " preceding and current row) as people from"
    )
    return tuple(  # type: ignore[return-value]
        f"{later if widen else 'select i, people from'} (select {index} as i, {sets}"
        f" from ({rows} union all {zeros}) group by i)"
        for rows, widen in ((starts, False), (backs, query.rolling))
    )


def _active(wanted: Selection, filters: Any, scan: Scan, buckets: Buckets, params: Params) -> str:
    """SQL of (d, person), a row an event: people with a matching event in an interval."""
    return (
        f"select {bucket_sql(scan, buckets, params)} as d, {scan.person} as person\n"
        f"{scan.source(params)} and {scan.selected(wanted, params)}"
        f" and {scan.all_of(filters, params)} and person != 0"
    )


def _first_moments(wanted: Selection, filters: Any, scan: Scan, params: Params) -> str:
    """SQL of (person, at): when each person did it for the first time ever."""
    if not wanted.filters and not filters and wanted.event is not None:
        name = params.add(wanted.event, "String")
        return (
            f"select {scan.person} as person, min(e.first_at) as at\n"
            f"from person_firsts as e{scan.joins()}\n"
            f"where e.tenant_id = {{tenant:UUID}} and e.event = {name} group by person"
        )
    ever = msgspec.structs.replace(scan, start_ms=_EPOCH_MS)
    return (
        f"select {scan.person} as person, min(e.at) as at\n{ever.source(params)}"
        f" and {ever.selected(wanted, params)} and {ever.all_of(filters, params)}"
        " and person != 0 group by person"
    )


def _index(buckets: Buckets, params: Params) -> str:
    dates = params.add([str(day) for day in buckets.dates], "Array(Date)")
    return f"toInt32(indexOf({dates}, d)) - 1"


def _empty(buckets: Buckets, params: Params) -> str:
    """Nobody, in every interval: so that each has a row."""
    dates = params.add([str(day) for day in buckets.dates], "Array(Date)")
    return f"select arrayJoin({dates}) as d, toUInt64(0) as person"


def lifecycle_sql(query: Lifecycle, scan: Scan, buckets: Buckets) -> tuple[str, dict[str, Any]]:
    """SQL with rows (bucket, new, returning, resurrecting, dormant)."""
    params = Params()
    sql = (
        "select i, bitmapAndCardinality(active, firsts) as new,"
        " bitmapAndCardinality(active, earlier) as stayed,\n"
        "bitmapCardinality(active) - new - stayed as resurrecting,"
        " bitmapCardinality(earlier) - stayed as dormant\n"
        f"from ({_states(query, scan, buckets, params)}) where i >= 0"
    )
    return sql, params.values


_STATES = {
    "new": "bitmapAnd(active, firsts)",
    "returning": "bitmapAnd(active, earlier)",
    "resurrecting": "bitmapAndnot(bitmapAndnot(active, firsts), earlier)",
    "dormant": "bitmapAndnot(earlier, active)",
}


def lifecycle_people(
    query: Lifecycle, point: Point, scan: Scan, buckets: Buckets
) -> tuple[str, dict[str, Any]]:
    """SQL of the people in a state in a period."""
    params = Params()
    sql = (
        f"select arrayJoin(bitmapToArray({_STATES[point.state]})) as person"
        f" from ({_states(query, scan, buckets, params)})"
        f" where i = {params.add(point.bucket or 0, 'Int32')}"
    )
    return sql, params.values


def _states(query: Lifecycle, scan: Scan, buckets: Buckets, params: Params) -> str:
    """SQL of (i, active, earlier, firsts): who was active, was before, was for the first time."""
    since, dates = before(buckets, 1)
    wide = msgspec.structs.replace(buckets, dates=(*dates, *buckets.dates))
    read = msgspec.structs.replace(scan, start_ms=since)
    wanted = Selection(event=query.event)
    index = f"{_index(wide, params)} - 1"
    firsts = _first_moments(wanted, query.filters, read, params)
    rows = (
        f"select {bucket_sql(read, wide, params)} as d, person, 1 as is_first\n"
        f"from ({firsts}) as e "
        f"where toUnixTimestamp64Milli(e.at) >= {params.add(since, 'Int64')}"
        f" and toUnixTimestamp64Milli(e.at) < {params.add(scan.end_ms, 'Int64')}\nunion all\n"
        f"select d, person, 0 as is_first"
        f" from ({_active(wanted, query.filters, read, wide, params)})\nunion all\n"
        f"select d, person, 0 as is_first from ({_empty(wide, params)})"
    )
    return (
        "select i, active, firsts, lagInFrame(active) over (order by i rows between 1 preceding"
        " and current row) as earlier\n"
        f"from (select {index} as i, groupBitmapStateIf(toUInt64(person), is_first = 0 and"
        " person != 0) as active, groupBitmapStateIf(toUInt64(person), is_first = 1) as firsts"
        f"\nfrom ({rows}) group by i)"
    )


def stickiness_sql(query: Stickiness, scan: Scan, buckets: Buckets) -> tuple[str, dict[str, Any]]:
    """SQL with rows (intervals, people)."""
    params = Params()
    rows = _sticky(query, scan, buckets, params)
    sql = f"select intervals, count() as people from ({rows}) group by intervals"
    return sql, params.values


def stickiness_people(
    query: Stickiness, point: Point, scan: Scan, buckets: Buckets
) -> tuple[str, dict[str, Any]]:
    """SQL of the people active in exactly so many intervals."""
    params = Params()
    wanted = params.add(point.step + 1, "UInt32")
    return (
        f"select person from ({_sticky(query, scan, buckets, params)}) where intervals = {wanted}",
        params.values,
    )


def _sticky(query: Stickiness, scan: Scan, buckets: Buckets, params: Params) -> str:
    rows = _active(Selection(event=query.event), query.filters, scan, buckets, params)
    return f"select person, uniqExact(d) as intervals from ({rows}) group by person"
