"""Limits are exact over all processes, told in headers, and local while the cache is away."""

import asyncio
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundswell.core.db.valkey import open_valkey
from groundswell.core.http import limits
from groundswell.core.http.limits import Rule, hit, hit_all, rate_headers
from groundswell.core.ids import new_id

_HAMMER = """
import asyncio, sys
from groundswell.core.db.valkey import open_valkey
from groundswell.core.http.limits import hit
async def main():
    cache = open_valkey(sys.argv[1])
    at_once = asyncio.Semaphore(16)
    async def ask():
        async with at_once:
            return await hit(cache, sys.argv[2], 500, 3600)
    sys.stdin.readline()
    answers = await asyncio.gather(*(ask() for _ in range(400)))
    print(sum(answer.allowed for answer in answers))
    await cache.aclose()
asyncio.run(main())
"""


@pytest.fixture
def name() -> str:
    return f"test:{new_id()}"


def test_processes_together_let_through_exactly_the_limit(endpoints, name):
    """500 an hour; three processes ask 1,200 times at once."""
    argv = [sys.executable, "-c", _HAMMER, endpoints.cache_url, name]
    processes = [
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    began = time.monotonic()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    passed = sum(int(process.communicate(timeout=60)[0]) for process in processes)
    refilled = (time.monotonic() - began) * 500 / 3600
    assert 500 <= passed <= 500 + refilled


async def test_an_allowance_refills_steadily(platform, name):
    first = [await hit(platform.cache, name, 5, 1) for _ in range(7)]
    assert [s.allowed for s in first] == [True] * 5 + [False] * 2
    assert [s.remaining for s in first[:5]] == [4, 3, 2, 1, 0]
    assert 0 < first[-1].retry_after <= 0.2
    await asyncio.sleep(first[-1].retry_after + 0.01)
    assert (await hit(platform.cache, name, 5, 1)).allowed
    assert not (await hit(platform.cache, name, 5, 1)).allowed


async def test_of_two_rules_a_refusal_by_one_costs_the_other_nothing(platform, name):
    narrow, wide = Rule(f"{name}:narrow", 1, 60, "key"), Rule(f"{name}:wide", 10, 60, "tenant")
    for _ in range(4):
        standings = await hit_all(platform.cache, [narrow, wide])
    assert [s.allowed for s in standings] == [False, False]
    assert standings[1].remaining == 9


async def test_many_small_steps_do_not_add_up_to_an_error(platform, name):
    """A limit whose step is no whole number of microseconds still lets exactly itself through."""
    answers = await asyncio.gather(*(hit(platform.cache, name, 997, 86_400) for _ in range(1000)))
    assert sum(answer.allowed for answer in answers) == 997


async def test_without_the_cache_each_process_counts_for_itself(name, tmp_path):
    away = open_valkey(f"unix://{tmp_path}/nobody.sock", retries=0)
    limits._away.until = 0.0
    began = time.monotonic()
    answers = [await hit(away, name, 3, 60) for _ in range(5)]
    limits._away.until = 0.0
    await away.aclose()
    assert [answer.allowed for answer in answers] == [True] * 3 + [False] * 2
    assert time.monotonic() - began < 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 20), st.integers(1, 100)), min_size=1, max_size=3))
def test_the_local_rule_lets_a_full_allowance_through(rules):
    made = [Rule(f"local:{new_id()}", limit, period) for limit, period in rules]
    smallest = min(limit for limit, _ in rules)
    passed = [limits._locally(made, 1000.0)[0].allowed for _ in range(smallest + 2)]
    assert passed == [True] * smallest + [False] * 2


async def test_answers_tell_the_caller_where_they_stand(server):
    first = await server.get("/api/probe/people")
    again = await server.get("/api/probe/people")
    assert first.headers["ratelimit-policy"] == '"key";q=6000;w=60, "tenant";q=24000;w=60'
    assert first.headers["ratelimit"].startswith('"key";r=5999;t=')
    assert again.headers["ratelimit"].startswith('"key";r=599')


async def test_over_the_limit_is_429_with_the_time_to_wait(server, app, tenant, monkeypatch):
    small = app._app._app.state.platform.settings.model_copy(update={"rate_limit_per_minute": 2})
    platform = app._app._app.state.platform
    object.__setattr__(platform, "settings", small)
    try:
        statuses = [(await server.get("/api/probe/people")).status_code for _ in range(3)]
        refused = await server.get("/api/probe/people")
    finally:
        object.__setattr__(platform, "settings", app._app._app.state.settings)
    assert statuses == [200, 200, 429]
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert refused.headers["ratelimit"].startswith('"key";r=0')


def test_waits_are_rounded_up():
    standing = limits.Standing(Rule("a", 1, 60), False, 0, 30.0, 12.2)
    assert rate_headers([standing])["Retry-After"] == "13"
