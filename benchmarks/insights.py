"""Insights at 10M events and 500k people of one tenant, against the best queries by hand.

``python benchmarks/insights.py [EVENTS] [HOME]``; HOME keeps the data for the next run. Twenty
small tenants lie beside. Each question is asked without cache, guard and result included. The
reference asks the same engine in turn for the same figures without tenants or merges.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import msgspec

from groundswell.core.config import load_settings
from groundswell.core.db.clickhouse import EventStore
from groundswell.core.db.migrations import migrate
from groundswell.core.engines.embedded import engines
from groundswell.core.platform import Platform, encryption_of, open_platform
from groundswell.core.tenancy.directory import Tenant
from groundswell.core.tenancy.scope import system_scope
from groundswell.features.insights.logic.answer import _computed
from groundswell.features.insights.logic.plan import plan_of
from groundswell.features.insights.logic.version import version_of
from groundswell.features.insights.types import Query

TENANT = Tenant(
    UUID("0192f0c1-2345-7abc-8def-0123456789ab"), "bench", "Bench", "USD", "America/New_York",
    "active", "Profile Completed", "default", False, "#3b5bdb",
)  # fmt: skip
SCOPE = system_scope(TENANT.tenant_id, "benchmark")
_STEP = 1_000_000
_ROUNDS = 15

# Half a year of a shop; the early people are the active ones.
_EVENTS = """
insert into events (tenant_id, event_id, event, distinct_id, person_key, at, received_at,
                    properties, person_properties, source)
select '{tenant}', generateUUIDv4(),
  multiIf(r < 3, 'Order Completed', r < 9, 'Checkout Started', r < 24, 'Product Added',
          r < 50, 'Product Viewed', 'Page Viewed'),
  concat('u', toString(k)), k, t, t,
  concat('{{"country":"',
         ['US','DE','FR','GB','IN','BR','JP','NL','ES','IT','PL','SE'][1 + rand(5) % 12],
         '","amount":', toString(rand(6) % 10000 / 100), '}}')::JSON(max_dynamic_paths = 256),
  concat('{{"plan":"', ['free','pro','team'][1 + k % 3], '"}}')::JSON(max_dynamic_paths = 64), 'api'
from (
  select 1 + toUInt64({people} * pow(rand(1) / 4294967296, 2)) as k, rand(2) % 100 as r,
    toDateTime64('2026-05-20 00:00:00', 3, 'UTC')
      + toIntervalMillisecond(toInt64(184 * 86400000. * rand(3) / 4294967296)) as t
  from numbers({rows}))
settings max_partitions_per_insert_block = 0
"""
_PEOPLE = """
insert into people (tenant_id, person_key, person_id, properties, is_identified, version)
select '{tenant}', number + 1, generateUUIDv4(),
  concat('{{"plan":"', ['free','pro','team'][1 + number % 3], '"}}')::JSON(max_dynamic_paths = 128),
  true, 1 from numbers({people})
"""
_OVERRIDES = """
insert into person_overrides select '{tenant}', number * 70 + 1, number * 70 + 2, 1
from numbers({merges})
"""
_IN_RANGE = """at >= toDateTime('{first} 00:00:00', 'America/New_York')
and at < toDateTime('2026-11-20 00:00:00', 'America/New_York')"""

_RANGE = {"from": "2026-10-21", "to": "2026-11-19"}
_COUNTRY = [{"property": "country"}]
QUESTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "trend, 30 days, people by country": (
        {
            "kind": "trends", "range": _RANGE, "breakdown": _COUNTRY,
            "series": [{"event": "Product Viewed", "measure": {"kind": "people"}}],
        },
        """select toDate(at, 'America/New_York') as d, properties.country.:String as c,
        uniqExact(person_key) from events where event = 'Product Viewed' and """
        + _IN_RANGE.format(first="2026-10-21")
        + " group by d, c",
    ),
    "trend, 180 days, events by country": (
        {
            "kind": "trends", "range": {"from": "2026-05-24", "to": "2026-11-19"},
            "interval": "week", "breakdown": _COUNTRY, "series": [{"event": "Page Viewed"}],
        },
        """select toMonday(toDate(at, 'America/New_York')) as d, properties.country.:String as c,
        count() from events where event = 'Page Viewed' and """
        + _IN_RANGE.format(first="2026-05-24")
        + " group by d, c",
    ),
    "trend, 30 days, by plan now": (
        {
            "kind": "trends", "range": _RANGE,
            "breakdown": [{"property": "plan", "of": "current_person"}],
            "series": [{"event": "Product Viewed"}],
        },
        """select toDate(at, 'America/New_York') as d, p.plan, count() from events as e
        left any join (select person_key, properties.plan.:String as plan from people) as p
        on p.person_key = e.person_key where event = 'Product Viewed' and """
        + _IN_RANGE.format(first="2026-10-21")
        + " group by d, p.plan",
    ),
    "funnel, 4 steps, 30 days": (
        {
            "kind": "funnel", "range": _RANGE,
            "steps": [
                {"event": name}
                for name in ("Page Viewed", "Product Viewed", "Product Added", "Order Completed")
            ],
        },
        """select level, count() from (select person_key, windowFunnel(1209600000)(
        toUInt64(toUnixTimestamp64Milli(at)), event = 'Page Viewed', event = 'Product Viewed',
        event = 'Product Added', event = 'Order Completed') as level from events where event in
        ('Page Viewed', 'Product Viewed', 'Product Added', 'Order Completed') and """
        + _IN_RANGE.format(first="2026-10-21")
        + " group by person_key) group by level",
    ),
    "retention, 8 weeks, every time": (
        {
            "kind": "retention", "range": {"from": "2026-09-28", "to": "2026-11-19"},
            "first_time": False, "start": {"event": "Product Viewed"},
            "back": {"event": "Product Viewed"},
        },
        """with weeks as (select toMonday(toDate(at, 'America/New_York')) as w,
        groupBitmapState(person_key) as people from events where event = 'Product Viewed' and """
        + _IN_RANGE.format(first="2026-09-28")
        + """ group by w)
        select a.w, dateDiff('week', a.w, b.w), bitmapAndCardinality(a.people, b.people)
        from weeks as a cross join weeks as b where b.w >= a.w""",
    ),
}  # fmt: skip


async def main(events: int, home: Path) -> None:
    """Fill the store if it is empty, then measure."""
    settings = load_settings(home=home, port=0)
    async with engines(settings) as endpoints:
        await migrate(endpoints.database_owner_url, endpoints.clickhouse_url)
        async with open_platform(settings, endpoints, encryption_of(settings)) as platform:
            await platform.store.client()
            await _fill(platform.store, events)
            print(f"{'':38}{'p50':>8}{'p95':>8}{'by hand':>9}{'ratio':>7}  (ms)")
            for name, (plain, best) in QUESTIONS.items():
                await _measure(platform, name, msgspec.convert(plain, Query), best)  # type: ignore[arg-type]


async def _fill(store: EventStore, events: int) -> None:
    have = (await store.system_rows("select count() from events"))[0][0]
    names = {"tenant": TENANT.tenant_id, "people": events // 20, "merges": events // 1_400}
    for start in range(have, events, _STEP):
        await store.command(_EVENTS.format(rows=min(_STEP, events - start), **names))
    if not have:
        await store.command(_PEOPLE.format(**names))
        await store.command(_OVERRIDES.format(**names))
        for n in range(20):
            beside = {"tenant": UUID(int=n + 1), "people": 1_000, "rows": 20_000}
            await store.command(_EVENTS.format(**beside))
    counts = await store.system_rows(
        "select tenant_id, count(), uniqExact(person_key) from events group by tenant_id"
        " order by 2 desc"
    )
    print(f"{counts[0][1]:,} events of {counts[0][2]:,} people, {len(counts) - 1} tenants beside")


async def _measure(platform: Platform, name: str, query: Query, best: str) -> None:
    plan = plan_of(query, TENANT)

    async def ours() -> None:
        version = await version_of(platform, SCOPE, plan)
        await _computed(platform, SCOPE, plan, version)

    async def by_hand() -> None:
        # The tenant is the first of the sort key: whoever writes by hand names it too.
        where = f"where tenant_id = '{TENANT.tenant_id}' and "
        await platform.store.system_rows(best.replace("where event", where + "event"))  # type: ignore[arg-type]

    subject, reference = [], []
    await ours()
    await by_hand()
    for _ in range(_ROUNDS):  # in turn, so that both meet the same machine
        subject.append(await _timed(ours))
        reference.append(await _timed(by_hand))
    mine, theirs = median(subject), median(reference)
    worst = sorted(subject)[-1]
    print(f"{name:38}{mine:8.0f}{worst:8.0f}{theirs:9.0f}{mine / theirs:7.2f}")


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    await work()
    return (time.perf_counter() - started) * 1_000


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    if len(sys.argv) > 2:
        asyncio.run(main(wanted, Path(sys.argv[2])))
    else:
        with tempfile.TemporaryDirectory(prefix="gs-bench-") as folder:
            asyncio.run(main(wanted, Path(folder) / "home"))
