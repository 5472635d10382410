"""Questions answered by brute force in plain Python: loops over people and their events.

Written from the definitions in docs/insights.md, not from the SQL.
"""

import re
from collections import defaultdict
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo


def text_of(value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def number_of(value) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except ValueError:
        return None


class Row:
    """One event or order with the person it counts for."""

    def __init__(self, history, key, name, at, event, then, order=None):
        owner = dict(history.overrides)
        self.person = owner.get(key, key)
        self.name, self.at = name, at
        self.ms = round(at.timestamp() * 1000)
        self.local = at.astimezone(ZoneInfo(history.zone))
        self.values = {
            "event": event,
            "person": then,
            "current_person": history.people.get(self.person, {}),
            "order": order or {},
        }
        self.zone = history.zone

    def get(self, part):
        return self.values[part.of].get(part.property)


def events_of(history) -> list[Row]:
    return [Row(history, key, name, at, p, then) for key, name, at, p, then in history.events]


def orders_of(history) -> list[Row]:
    rows = [
        Row(history, key, "order", at, {}, {}, {"revenue": total, "items": items, "source": source})
        for key, at, total, items, source in history.orders
    ]
    return rows + [
        Row(history, key, "refund", at, {}, {}, {"revenue": -total, "items": 0, "source": "api"})
        for key, at, total in history.refunds
    ]


def holds(c, row) -> bool:
    value = row.get(c)
    text, number = text_of(value), number_of(value)
    if c.op.startswith("not_"):
        return not _simple(c.op[4:], c.value, text, number, row.zone)
    if c.op == "is_not_set":
        return text == ""
    return _simple(c.op, c.value, text, number, row.zone)


def _simple(op, wanted, text, number, zone) -> bool:
    if op == "equals":
        if isinstance(wanted, int | float) and not isinstance(wanted, bool):
            return number is not None and number == wanted
        return text == text_of(wanted)
    if op == "in":
        return text in {text_of(each) for each in wanted}
    if op == "contains":
        return wanted.lower() in text.lower()
    if op == "regex":
        return re.search(wanted, text) is not None
    if op == "is_set":
        return text != ""
    if op in ("before", "on", "after"):
        if not re.fullmatch(r"\d{4}-\d\d-\d\d([T ].*)?", text):
            return False
        moment = datetime.fromisoformat(text)
        local = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
        day = local.astimezone(ZoneInfo(zone)).date()
        other = date.fromisoformat(wanted)
        return {"before": day < other, "on": day == other, "after": day > other}[op]
    if number is None:
        return False
    if op == "between":
        return wanted[0] <= number <= wanted[1]
    return {
        "gt": number > wanted if op == "gt" else None,
        "gte": number >= wanted if op == "gte" else None,
        "lt": number < wanted if op == "lt" else None,
        "lte": number <= wanted if op == "lte" else None,
    }[op]


def matches(selection, filters, row) -> bool:
    named = selection.event is None or row.name == selection.event
    return named and all(holds(c, row) for c in [*filters, *selection.filters])


def bucket(row, interval, first) -> object:
    if interval == "hour":
        start = datetime.combine(first, datetime.min.time(), row.local.tzinfo).timestamp() * 1000
        return (row.ms - round(start)) // 3_600_000
    return start_of(row.local.date(), interval)


def start_of(day, interval):
    if interval == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if interval == "month" else day


def measured(measure, rows, orders=False):
    """One figure over rows."""
    kind = measure.kind
    placed = [row for row in rows if not orders or row.name == "order"]
    people = len({row.person for row in rows if row.person})
    part = type("Part", (), {"property": measure.property, "of": "order" if orders else "event"})
    if kind == "count":
        return len(placed)
    if kind == "people":
        return people
    if kind == "unique":
        return len({text_of(row.get(part)) for row in rows} - {""})
    if kind == "per_person" and measure.property is None:
        return len(placed) / people if people else None
    numbers = [n for row in rows if (n := number_of(row.get(part))) is not None]
    if kind == "sum":
        return sum(numbers)
    if kind == "per_person":
        return sum(numbers) / people if people else None
    numbers = sorted(n for row in placed if (n := number_of(row.get(part))) is not None)
    if not numbers:
        return None
    if kind in ("average", "min", "max"):
        return {"average": sum(numbers) / len(numbers), "min": numbers[0], "max": numbers[-1]}[kind]
    place = {"median": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}[kind] * (len(numbers) - 1)
    low = int(place)
    high = min(low + 1, len(numbers) - 1)
    return numbers[low] + (numbers[high] - numbers[low]) * (place - low)


def trend(history, query, number, buckets, first, last):
    """{(values, is_other): (figures by bucket, total)}; ``buckets`` as ``bucket`` gives them."""
    series = query.series[number]
    orders = series.source == "orders"
    rows = [
        row
        for row in (orders_of(history) if orders else events_of(history))
        if matches(series, query.filters, row)
    ]
    inside = [row for row in rows if first <= row.local.date() <= last]
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(text_of(row.get(part)) for part in query.breakdown)].append(row)
    shown = {tuple(text_of(row.get(part)) for part in query.breakdown) for row in inside}

    def total(key):
        return measured(series.measure, [r for r in groups[key] if r in inside], orders)

    back = query.window - 1 if query.view == "rolling" else 0
    all_buckets = [*_before(buckets, back, query.interval), *buckets]
    if back:
        shown = {k for k in groups if any(_b(r, query, first) in all_buckets for r in groups[k])}
    ranked = sorted(shown, key=lambda k: (-(total(k) if total(k) is not None else -1e300), k))
    named = {(key, False): groups[key] for key in ranked[: query.limit]}
    if rest := ranked[query.limit :]:
        named[(), True] = [row for key in rest for row in groups[key]]
    if not query.breakdown:
        named = {((), False): groups[()]}
    found = {}
    for key, members in named.items():
        figures = []
        for place in range(len(buckets)):
            end = place + back
            start = {"rolling": end - back, "cumulative": 0}.get(query.view, end)
            wanted = set(all_buckets[start : end + 1])
            counted = members if back else [r for r in members if r in inside]
            chosen = [r for r in counted if _b(r, query, first) in wanted]
            figures.append(measured(series.measure, chosen, orders))
        own = [r for r in members if r in inside]
        found[key] = (figures, measured(series.measure, own, orders))
    return found


def _b(row, query, first):
    return bucket(row, query.interval, first)


def _before(buckets, count, interval):
    if interval == "hour":
        return list(range(-count, 0))
    found = [buckets[0]]
    for _ in range(count):
        found.insert(0, start_of(found[0] - timedelta(days=1), interval))
    return found[:-1]


def funnel(history, query, first, last):
    """[(person, level, start ms, took ms, breakdown)] by trying every chain of events."""
    people = defaultdict(list)
    for row in events_of(history):
        if row.person and all(holds(c, row) for c in query.filters):
            people[row.person].append(row)
    zone = ZoneInfo(history.zone)
    begin = datetime.combine(first, datetime.min.time(), zone).timestamp() * 1000
    end = datetime.combine(last + timedelta(days=1), datetime.min.time(), zone).timestamp() * 1000
    found = []
    for person, rows in people.items():
        kept = [row for row in rows if row.ms >= begin]
        attempt = _any(query, kept, end) if query.order == "any" else _chain(query, kept, end)
        if attempt:
            found.append((person, *attempt))
    return found


def _order_key(query, row):
    """Time, then the earliest step matched; see "ties" in the guide."""
    parts = [*query.steps, *query.exclusions]
    bits = tuple(not matches(part, [], row) for part in parts)
    values = tuple(text_of(row.get(part)) for part in query.breakdown)
    return (row.ms, bits, values)


def _chain(query, rows, end):
    window, steps = query.window.milliseconds, query.steps
    if query.order != "strict":
        parts = [*steps, *query.exclusions]
        rows = [row for row in rows if any(matches(part, [], row) for part in parts)]
    rows = sorted(rows, key=lambda row: _order_key(query, row))
    done = [[matches(step, [], row) for step in steps] for row in rows]
    ends = [
        [
            any(
                e.after <= level < (e.before or len(steps)) and matches(e, [], row)
                for e in query.exclusions
            )
            for level in range(len(steps) + 1)
        ]
        for row in rows
    ]
    # Every chain: places of its events, grown one step at a time.
    chains = [[(n,) for n, row in enumerate(rows) if done[n][0] and row.ms < end]]
    for step in range(1, len(steps)):
        grown = set()
        for chain in chains[-1]:
            for n in range(chain[-1] + 1, len(rows)):
                if query.order == "strict" and n != chain[-1] + 1:
                    break
                if done[n][step] and rows[n].ms - rows[chain[0]].ms <= window:
                    between = range(chain[-1] + 1, n + 1)
                    if not any(ends[m][step] for m in between):
                        # Of chains with the same ends only the first place counts.
                        grown.add((chain[0], n))
        chains.append(sorted(grown))
    level = max((n + 1 for n, each in enumerate(chains) if each), default=0)
    if not level:
        return None
    best = chains[level - 1]
    last = min(chain[-1] for chain in best)
    start_ms = max(rows[chain[0]].ms for chain in best if chain[-1] == last)
    took = rows[last].ms - start_ms if level == len(steps) else 0
    first = next(n for n, row in enumerate(rows) if row.ms == start_ms and done[n][0])
    return level, start_ms, took, _values(query, rows[first])


def _any(query, rows, end):
    window, steps = query.window.milliseconds, query.steps
    rows = [row for row in rows if row.ms < end]
    rows = [row for row in rows if any(matches(step, [], row) for step in steps)]
    rows = sorted(rows, key=lambda row: _order_key(query, row))
    best = None
    for place, row in enumerate(rows):
        lasts = {}
        for other in rows[: place + 1]:
            if row.ms - other.ms <= window:
                for n, step in enumerate(steps):
                    if matches(step, [], other):
                        lasts[n] = other.ms
        if lasts and (best is None or len(lasts) > best[0]):
            best = (len(lasts), min(lasts.values()), row.ms)
    if best is None:
        return None
    level, start, done = best
    first = next(row for row in rows if row.ms == start)
    return level, start, done - start if level == len(steps) else 0, _values(query, first)


def _values(query, row):
    return tuple(text_of(row.get(part)) for part in query.breakdown)


def retention(history, query, periods, first, last):
    """{(cohort, period): people} by sets."""
    rows = [row for row in events_of(history) if row.person]
    inside = [row for row in rows if first <= row.local.date() <= last]

    def periods_of(selection):
        found = defaultdict(set)
        for row in inside:
            if matches(selection, query.filters, row):
                found[start_of(row.local.date(), query.period)].add(row.person)
        return found

    starts, backs = periods_of(query.start), periods_of(query.back)
    if query.first_time:
        ever = {}
        for row in rows:
            if matches(query.start, query.filters, row):
                ever[row.person] = min(row.at, ever.get(row.person, row.at))
        zone = ZoneInfo(history.zone)
        starts = defaultdict(set)
        for person, at in ever.items():
            day = at.astimezone(zone).date()
            if first <= day <= last:
                starts[start_of(day, query.period)].add(person)
    found = {}
    for n, cohort in enumerate(periods):
        found[n, 0] = len(starts[cohort])
        for k in range(1, len(periods) - n):
            later = periods[n + k :] if query.rolling else [periods[n + k]]
            back = set().union(*(backs[period] for period in later))
            found[n, k] = len(starts[cohort] & back)
    return found


def lifecycle(history, query, periods, last):
    """{period: (new, returning, resurrecting, dormant)}; the period before decides too."""
    active, ever = defaultdict(set), {}
    wanted = type("Any", (), {"event": query.event, "filters": []})
    for row in events_of(history):
        inside = row.local.date() <= last
        if row.person and inside and matches(wanted, query.filters, row):
            active[start_of(row.local.date(), query.interval)].add(row.person)
            ever[row.person] = min(row.local, ever.get(row.person, row.local))
    before = [*_before(periods, 1, query.interval), *periods]
    found = {}
    for earlier, now in pairwise(before):
        new = {p for p in active[now] if start_of(ever[p].date(), query.interval) == now}
        returning = active[now] & active[earlier]
        found[now] = (
            len(new),
            len(returning),
            len(active[now] - new - returning),
            len(active[earlier] - active[now]),
        )
    return found


def stickiness(history, query, first, last):
    """{intervals: people}."""
    wanted = type("Any", (), {"event": query.event, "filters": []})
    active = defaultdict(set)
    for row in events_of(history):
        inside = first <= row.local.date() <= last
        if row.person and inside and matches(wanted, query.filters, row):
            active[row.person].add(start_of(row.local.date(), query.interval))
    found = defaultdict(int)
    for intervals in active.values():
        found[len(intervals)] += 1
    return dict(found)
