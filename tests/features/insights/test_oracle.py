"""Every kind of question on random histories, against the same counted by hand.

Late and repeated batches, merges and un-merges, ties in time, values of mixed types, zones whose
clocks change.
"""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from groundswell.core.ids import new_id
from groundswell.core.tenancy.directory import Tenant
from groundswell.core.tenancy.scope import system_scope
from groundswell.features.insights.logic.ask import ask
from groundswell.features.insights.logic.compiler.funnels import attempts
from groundswell.features.insights.logic.plan import plan_of
from groundswell.features.insights.logic.results import funnels, periods, trends
from groundswell.features.insights.logic.version import version_of
from groundswell.features.insights.types import Funnel, Lifecycle, Retention, Stickiness, Trends

BASES = [
    ("UTC", date(2026, 2, 27)),
    ("Asia/Kathmandu", date(2026, 1, 1)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("America/Santiago", date(2026, 9, 6)),  # midnight itself is skipped
]
NAMES = ["A", "B", "C", "D"]
VALUES = st.sampled_from(
    [
        "",
        "pro",
        "Pro plan",
        "7",
        7,
        7.5,
        -3,
        True,
        False,
        "2026-03-08",
        "2026-03-08T23:30:00Z",
        None,
    ]
)
BAGS = st.dictionaries(st.sampled_from(["plan", "a b", "n.x"]), VALUES, max_size=3)
RULES = settings(
    max_examples=12,
    # An example costs tens of queries: shrinking would take minutes. The seed is printed.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def moments(draw, base):
    """Around the change of the clocks, often at the very same time as another event."""
    noon = datetime.combine(base, datetime.min.time(), UTC)
    far = st.integers(-30 * 1440, 6 * 1440).map(lambda m: timedelta(minutes=m))
    near = st.integers(-30, 30).map(lambda h: timedelta(hours=h))
    fine = st.integers(-5_000, 5_000).map(lambda ms: timedelta(milliseconds=ms))
    return noon + draw(far | near | near | fine)


@st.composite
def worlds(draw, history):
    zone, base = draw(st.sampled_from(BASES))
    when, keys = moments(base), st.integers(0, 5)
    events = st.tuples(keys, st.sampled_from(NAMES), when, BAGS, BAGS)
    some, person = st.integers(0, 500), st.integers(1, 5)
    source = st.sampled_from(["api", "shop"])
    orders = st.tuples(person, when, some, st.integers(0, 5), source)
    made = history(
        zone=zone,
        events=draw(st.lists(events, min_size=5, max_size=45)),
        orders=draw(st.lists(orders, max_size=6)),
        refunds=draw(st.lists(st.tuples(person, when, some), max_size=3)),
        people=draw(st.dictionaries(person, BAGS, max_size=4)),
        overrides=draw(st.lists(st.tuples(person, person), max_size=4)),
    )
    return made, base


@st.composite
def conditions(draw, owners=("event", "person", "current_person")):
    part = {
        "property": draw(st.sampled_from(["plan", "a b", "n.x"])),
        "of": draw(st.sampled_from(owners)),
    }
    number, day = st.sampled_from([7, 7.5, -3, 0]), st.sampled_from(["2026-03-08", "2026-03-09"])
    word = st.sampled_from(["pro", "7", "P", "true"])
    op = draw(
        st.sampled_from(
            [
                ("equals", word | number | st.booleans()), ("not_equals", word),
                ("in", st.lists(word | number, min_size=1, max_size=3)),
                ("not_in", st.lists(word, min_size=1, max_size=2)),
                ("contains", word), ("not_contains", word),
                ("regex", st.sampled_from(["^[Pp]ro", r"\d", "^$"])),
                ("gt", number), ("gte", number), ("lt", number), ("lte", number),
                ("between", st.sampled_from([[-3, 7], [7, 8]])),
                ("is_set", st.none()), ("is_not_set", st.none()),
                ("before", day), ("on", day), ("after", day),
            ]
        )
    )  # fmt: skip
    return {**part, "op": op[0], "value": draw(op[1])}


def some(strategy, most=1):
    return st.lists(strategy, max_size=most)


SELECTIONS = st.fixed_dictionaries(
    {"event": st.sampled_from([*NAMES, *NAMES, None]), "filters": some(conditions())}
)
SPLITS = some(
    st.fixed_dictionaries(
        {
            "property": st.sampled_from(["plan", "a b", "n.x"]),
            "of": st.sampled_from(["event", "person", "current_person"]),
        }
    ),
    2,
)
MEASURES = st.sampled_from(
    ["count", "people", "per_person", "sum", "average", "median", "p90", "min", "max", "unique"]
)


@st.composite
def ranges(draw, base):
    first = base - timedelta(days=draw(st.integers(0, 12)))
    return {"from": str(first), "to": str(base + timedelta(days=draw(st.integers(0, 4))))}


@st.composite
def measures(draw, names):
    kind = draw(MEASURES)
    needs = kind not in ("count", "people", "per_person")
    return {"kind": kind, "property": draw(st.sampled_from(names))} if needs else {"kind": kind}


@st.composite
def trend_queries(draw, base):
    orders = draw(st.integers(0, 3)) == 0
    series = {
        "source": "orders" if orders else "events",
        "event": None if orders else draw(st.sampled_from([*NAMES, None])),
        "measure": draw(measures(["revenue", "items"] if orders else ["plan", "n.x"])),
    }
    split = [{"property": "source", "of": "order"}] if orders else draw(SPLITS)
    return msgspec.convert(
        {
            "kind": "trends",
            "series": [series],
            "filters": [] if orders else draw(some(conditions())),
            "breakdown": split,
            "limit": draw(st.sampled_from([1, 2, 10])),
            "range": draw(ranges(base)),
            "interval": draw(st.sampled_from(["hour", "day", "day", "week", "month"])),
            "view": draw(st.sampled_from(["interval", "interval", "cumulative", "rolling"])),
            "window": draw(st.sampled_from([2, 3])),
        },
        Trends,
    )


@st.composite
def funnel_queries(draw, base):
    order = draw(st.sampled_from(["ordered", "ordered", "strict", "any"]))
    steps = draw(st.lists(SELECTIONS, min_size=2, max_size=4))
    exclusions = []
    if order == "ordered" and draw(st.booleans()):
        after = draw(st.integers(1, len(steps) - 1))
        before = draw(st.integers(after + 1, len(steps)))
        exclusions = [{**draw(SELECTIONS), "after": after, "before": before}]
    unit = draw(st.sampled_from(["second", "hour", "day"]))
    return msgspec.convert(
        {
            "kind": "funnel",
            "steps": steps,
            "order": order,
            "window": {"count": draw(st.integers(1, 30)), "unit": unit},
            "exclusions": exclusions,
            "filters": draw(some(conditions())),
            "breakdown": draw(SPLITS),
            "range": draw(ranges(base)),
        },
        Funnel,
    )


@st.composite
def retention_queries(draw, base):
    return msgspec.convert(
        {
            "kind": "retention",
            "start": draw(SELECTIONS),
            "back": draw(SELECTIONS),
            "period": draw(st.sampled_from(["day", "week", "month"])),
            "first_time": draw(st.booleans()),
            "rolling": draw(st.booleans()),
            "range": draw(ranges(base)),
        },
        Retention,
    )


@st.composite
def activity_queries(draw, base, kind):
    return msgspec.convert(
        {
            "event": draw(st.sampled_from([*NAMES, None])),
            "interval": draw(st.sampled_from(["day", "week", "month"])),
            "filters": draw(some(conditions())),
            "range": draw(ranges(base)),
        },
        kind,
    )


class World:
    """A history written for a tenant of its own."""

    def __init__(self, platform, made):
        self.platform, self.made = platform, made
        self.tenant_id = new_id()
        self.scope = system_scope(self.tenant_id, "test")

    async def plan(self, query):
        zone = self.made.zone
        tenant = Tenant(
            self.tenant_id, "x", "X", "USD", zone, "active", "A", "default", False, "#3b5bdb"
        )  # fmt: skip
        plan = plan_of(query, tenant, date(2026, 12, 1))
        version = await version_of(self.platform, self.scope, plan)
        return plan, version.merges


async def written(platform, made) -> World:
    world = World(platform, made)
    await made.write(platform.store, world.tenant_id)
    return world


def keys_of(plan):
    """Buckets the way the oracle names them."""
    return list(range(plan.buckets.hours)) if plan.buckets.hours else list(plan.buckets.dates)


def same(got, wanted):
    if isinstance(wanted, list | tuple):
        return len(got) == len(wanted) and all(map(same, got, wanted))
    return got == wanted or (None not in (got, wanted) and got == pytest.approx(wanted))


@RULES
@given(data=st.data())
async def test_trends_are_what_counting_by_hand_gives(platform, history, oracle, data):
    made, base = data.draw(worlds(history))
    world = await written(platform, made)
    for _ in range(3):
        query = data.draw(trend_queries(base))
        plan, merges = await world.plan(query)
        (got,), _sql = await trends._lines(platform, world.scope, plan, query, merges)
        wanted = oracle.trend(made, query, 0, keys_of(plan), plan.days.first, plan.days.last)
        assert set(got) == set(wanted)
        for key, line in got.items():
            assert same((line.values, line.total), wanted[key]), key


@RULES
@given(data=st.data())
async def test_attempts_of_funnels_are_what_trying_every_chain_gives(
    platform, history, oracle, data
):
    made, base = data.draw(worlds(history))
    world = await written(platform, made)
    for _ in range(4):
        query = data.draw(funnel_queries(base))
        plan, merges = await world.plan(query)
        found = attempts(query, plan.scan(merges))
        rows = await ask(platform, world.scope, found.sql, found.params.values)
        got = sorted((*row[:4], tuple(row[4])) for row in rows)
        assert got == sorted(oracle.funnel(made, query, plan.days.first, plan.days.last))
        groups, _sql = await funnels.funnel_groups(platform, world.scope, plan, merges)
        for step in range(len(query.steps)):
            reached = sum(row[1] > step for row in got)
            assert sum(group.steps[step].people for group in groups) == reached


@RULES
@given(data=st.data())
async def test_retention_is_what_sets_of_people_give(platform, history, oracle, data):
    made, base = data.draw(worlds(history))
    world = await written(platform, made)
    for _ in range(3):
        query = data.draw(retention_queries(base))
        plan, merges = await world.plan(query)
        found, _sql = await periods.cohorts(platform, world.scope, plan, merges)
        got = {
            (n, k): people
            for n, cohort in enumerate(found)
            for k, people in enumerate([cohort.size, *cohort.back])
        }
        days = plan.days
        assert got == oracle.retention(made, query, keys_of(plan), days.first, days.last)


@RULES
@given(data=st.data())
async def test_lifecycle_and_stickiness_are_what_sets_of_people_give(
    platform, history, oracle, data
):
    made, base = data.draw(worlds(history))
    world = await written(platform, made)
    query = data.draw(activity_queries(base, Lifecycle))
    plan, merges = await world.plan(query)
    lines, _sql = await periods.lifecycle_series(platform, world.scope, plan, merges)
    wanted = oracle.lifecycle(made, query, keys_of(plan), plan.days.last)
    for n, period in enumerate(plan.buckets.dates):
        new, returning, back, dormant = (line.values[n] for line in lines)
        assert (new, returning, back, -dormant) == wanted[period]
    query = data.draw(activity_queries(base, Stickiness))
    plan, merges = await world.plan(query)
    (line,), _sql = await periods.stickiness_rows(platform, world.scope, plan, merges)
    got = {n: people for n, people in enumerate(line.values, 1) if people}
    assert got == oracle.stickiness(made, query, plan.days.first, plan.days.last)
