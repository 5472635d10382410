"""Growth metrics at 10M events and 500k people, against the best queries written by hand.

``python benchmarks/growth.py [EVENTS] [HOME]``; HOME keeps the data for the next run. The
reference asks the same engine in the same run for the same figures, without tenants, merges,
late versions of orders, or rows turned into objects: what none of our queries can do without.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from uuid import UUID

from benchmarks.report import row

from groundswell.core.clock import day_bounds
from groundswell.core.config import load_settings
from groundswell.core.db.clickhouse import EventStore
from groundswell.core.db.migrations import migrate
from groundswell.core.engines.embedded import engines
from groundswell.core.platform import Platform, encryption_of, open_platform
from groundswell.core.tenancy.directory import Tenant
from groundswell.core.tenancy.scope import system_scope
from groundswell.features.growth import logic
from groundswell.features.growth.types import Range

TENANT = Tenant(
    UUID("0192f0c1-2345-7abc-8def-0123456789ab"), "bench", "Bench", "USD", "America/New_York",
    "active", "Profile Completed", "default", False, "#3b5bdb",
)  # fmt: skip
SCOPE = system_scope(TENANT.tenant_id, "benchmark")
TODAY = date(2026, 11, 20)
_STEP = 2_000_000
_ROUNDS = 7

# A year of visits; a twentieth as many people, the early ones more active.
_EVENTS = """
insert into events (tenant_id, event_id, event, distinct_id, person_key, at, received_at, source)
select '{tenant}', generateUUIDv4(),
  multiIf(r = 0, 'Profile Completed', r < 3, 'Order Completed', r < 40, 'Product Viewed',
          'Page Viewed'), 'u', k, at, at, 'api'
from (
  select 1 + toUInt64({people} * pow(rand(1) / 4294967296, 2)) as k, rand(2) % 100 as r,
    toDateTime64('2025-11-20 00:00:00', 3, 'UTC')
      + toIntervalMillisecond(toInt64(366 * 86400000. * pow(rand(3) / 4294967296, 0.7))) as at
  from numbers({rows}))
settings max_partitions_per_insert_block = 0, min_insert_block_size_rows = 2000000
"""
_ORDERS = """
insert into orders select tenant_id, event_id, 'order', 'order', 'api', toString(event_id),
  person_key, 'u', at, 'USD', 1000 + rand() % 10000, 'USD', 1000 + rand(4) % 10000, 1, true, false,
  false, 1
from events where event = 'Order Completed'
"""
_OVERRIDES = """
insert into person_overrides select '{tenant}', number * 7 + 1, number * 7 + 2, 1
from numbers({merges})
"""

_BEST_MONEY = """
select toDate(at, 'America/New_York') as day, count(), sum(reporting_total) from orders
where at >= {start:DateTime('UTC')} and at < {end:DateTime('UTC')} group by day order by day
"""
_BEST_FIRSTS = """
select toDate(first, 'America/New_York') as day, count(), countIf(activated)
from (select min(first_at) as first, max(event = 'Profile Completed') as activated
      from person_firsts group by person_key)
where first >= {start:DateTime('UTC')} and first < {end:DateTime('UTC')} group by day order by day
"""
_BEST_ACTIVE = """
select day, bitmapCardinality(people),
  groupBitmapMerge(people) over (order by day range between 6 preceding and current row),
  groupBitmapMerge(people) over (order by day range between 29 preceding and current row)
from (select toDate(slot, 'America/New_York') as day, groupBitmapState(person_key) as people
      from person_activity
      where slot >= {warm:DateTime('UTC')} and slot < {end:DateTime('UTC')} group by day)
order by day
"""


async def main(events: int, home: Path) -> None:
    """Fill the store if it is empty, then measure."""
    settings = load_settings(home=home, port=0)
    async with engines(settings) as endpoints:
        await migrate(endpoints.database_owner_url, endpoints.clickhouse_url)
        async with open_platform(settings, endpoints, encryption_of(settings)) as platform:
            await platform.store.client()
            await _fill(platform.store, events)
            for days in (30, 90, 365):
                await _measure(platform, days)


async def _fill(store: EventStore, events: int) -> None:
    have = (await store.system_rows("select count() from events"))[0][0]
    names = {"tenant": TENANT.tenant_id, "people": events // 20, "merges": events // 1_400}
    for start in range(have, events, _STEP):
        await store.command(_EVENTS.format(rows=min(_STEP, events - start), **names))
    if not (await store.system_rows("select count() from orders"))[0][0]:
        await store.command(_ORDERS)
        await store.command(_OVERRIDES.format(**names))
    counts = await store.system_rows(
        "select (select count() from events), uniqExact(person_key) from person_firsts"
    )
    print(f"{counts[0][0]:,} events of {counts[0][1]:,} people")


async def _measure(platform: Platform, days: int) -> None:
    first = TODAY - timedelta(days=days - 1)
    begin = first - timedelta(days=days)
    params = {
        "start": _text(begin),
        "warm": _text(first - timedelta(days=30)),
        "end": day_bounds(TODAY, TENANT.timezone)[1].strftime("%Y-%m-%d %H:%M:%S"),
    }

    async def ours() -> None:
        await logic.figures(platform, SCOPE, TENANT, Range(begin, TODAY), first - timedelta(days=1))

    async def best() -> None:
        await asyncio.gather(
            platform.store.system_rows(_BEST_MONEY, params),
            platform.store.system_rows(_BEST_FIRSTS, params),
            platform.store.system_rows(_BEST_ACTIVE, params),
        )

    subject, reference = [], []
    for _ in range(_ROUNDS):  # in turn, so that both meet the same machine
        subject.append(await _timed(ours))
        reference.append(await _timed(best))
    mine, theirs = median(subject), median(reference)
    print(
        f"{days:>4} days and the {days} before: {mine:7.0f} ms, by hand {theirs:7.0f} ms,"
        f" ratio {mine / theirs:.2f}"
    )

    row(
        f"growth metrics, {days} days, 10M events", f"{mine:.0f} ms",
        f"{theirs:.0f} ms, queries by hand", mine / theirs, "≤ 1.5",
    )  # fmt: skip


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    await work()
    return (time.perf_counter() - started) * 1_000


def _text(day: date) -> str:
    return day_bounds(day, TENANT.timezone)[0].strftime("%Y-%m-%d %H:%M:%S")


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    if len(sys.argv) > 2:
        asyncio.run(main(wanted, Path(sys.argv[2])))
    else:
        with tempfile.TemporaryDirectory(prefix="gs-bench-") as folder:
            asyncio.run(main(wanted, Path(folder) / "home"))
