"""Signals: after commit, at least once, bad ones out of the way of good ones."""

import asyncio
import time
from collections import Counter

import pytest

from groundswell.core.errors import UnavailableError
from groundswell.core.ids import new_id
from groundswell.core.signals import SignalHandler, emit, emit_many
from groundswell.core.signals.deliver import ATTEMPTS, Delivery


class Heard:
    """A handler that notes what it was given; ``bad`` numbers make it fail."""

    def __init__(self, name="heard", signal="test.said", bad=()):
        self.numbers = Counter()
        self.calls = []
        self.bad = set(bad)
        self.away = False
        self.as_handler = SignalHandler(name, signal, self.handle)

    async def handle(self, platform, tenant_id, signals):
        if self.away:
            raise UnavailableError("away")
        self.calls.append((tenant_id, [signal.payload["n"] for signal in signals]))
        wrong = [s.payload["n"] for s in signals if s.payload["n"] in self.bad]
        if wrong:
            raise ValueError(f"can't take {wrong}")
        self.numbers.update(signal.payload["n"] for signal in signals)


@pytest.fixture
def name():
    """A signal name of this test's own, so that tests share engines."""
    return f"test.said_{new_id().hex[-10:]}"


async def say(platform, tenant, name, numbers):
    async with platform.postgres.transaction(tenant.scope) as tx:
        await emit_many(tx, name, [{"n": n} for n in numbers])


async def left(platform, tenant, name):
    async with platform.postgres.transaction(tenant.scope) as tx:
        return await tx.rows(
            "select (payload ->> 'n')::int, attempts, last_error from signals"
            " where tenant_id = %s and name = %s order by 1",
            (tenant.id, name),
        )


async def make_due(platform, tenant):
    async with platform.postgres.transaction(tenant.scope) as tx:
        await tx.execute(
            "update signals set next_attempt_at = now() where tenant_id = %s", (tenant.id,)
        )


async def drain(delivery):
    while await delivery.deliver_due():
        pass


async def test_batches_hold_one_tenant_in_order_and_at_most_500(
    platform, tenant, other_tenant, name
):
    heard = Heard(signal=name)
    await say(platform, tenant, name, range(1_100))
    await say(platform, other_tenant, name, range(3))
    await drain(Delivery(platform, [heard.as_handler]))
    assert [len(numbers) for who, numbers in heard.calls if who == tenant.id] == [500, 500, 100]
    assert [numbers for who, numbers in heard.calls if who == other_tenant.id] == [[0, 1, 2]]
    mine = [n for who, numbers in heard.calls if who == tenant.id for n in numbers]
    assert mine == list(range(1_100))
    assert await left(platform, tenant, name) == []


async def test_a_signal_of_a_rolled_back_change_is_never_told(platform, tenant, name):
    heard = Heard(signal=name)

    async def fail() -> None:
        async with platform.postgres.transaction(tenant.scope) as tx:
            await emit(tx, name, {"n": 1})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    await drain(Delivery(platform, [heard.as_handler]))
    assert heard.calls == []


async def test_bad_signals_do_not_block_good_ones(platform, tenant, name):
    heard = Heard(signal=name, bad=[3, 250])
    await say(platform, tenant, name, range(300))
    await drain(Delivery(platform, [heard.as_handler]))
    assert heard.numbers == Counter(set(range(300)) - {3, 250})
    assert [(n, attempts) for n, attempts, _ in await left(platform, tenant, name)] == [
        (3, 1),
        (250, 1),
    ]
    assert "can't take [3]" in (await left(platform, tenant, name))[0][2]


async def test_a_signal_is_dead_after_ten_attempts_and_kept(platform, tenant, name):
    heard = Heard(signal=name, bad=[1])
    delivery = Delivery(platform, [heard.as_handler])
    await say(platform, tenant, name, [1])
    for _ in range(ATTEMPTS + 3):
        await make_due(platform, tenant)
        await delivery.deliver_due()
    assert len(heard.calls) == ATTEMPTS
    assert [(n, attempts) for n, attempts, _ in await left(platform, tenant, name)] == [(1, 10)]


async def test_an_engine_that_is_away_costs_no_attempt(platform, tenant, name):
    heard = Heard(signal=name)
    heard.away = True
    delivery = Delivery(platform, [heard.as_handler])
    await say(platform, tenant, name, [1, 2])
    for _ in range(ATTEMPTS + 1):
        await make_due(platform, tenant)
        await delivery.deliver_due()
    assert {attempts for _, attempts, _ in await left(platform, tenant, name)} == {0}
    heard.away = False
    await make_due(platform, tenant)
    await drain(delivery)
    assert heard.numbers == Counter([1, 2])


async def test_a_handler_that_took_a_signal_is_not_asked_again_for_another_ones_failure(
    platform, tenant, name
):
    good, bad = Heard("a-good", name), Heard("b-bad", name, bad=[1])
    delivery = Delivery(platform, [bad.as_handler, good.as_handler])
    await say(platform, tenant, name, [1])
    await delivery.deliver_due()
    bad.bad.clear()
    await make_due(platform, tenant)
    await drain(delivery)
    assert (good.numbers, bad.numbers) == (Counter([1]), Counter([1]))
    assert await left(platform, tenant, name) == []


async def test_two_deliverers_share_the_work(platform, tenant, name):
    heard = Heard(signal=name)
    await say(platform, tenant, name, range(2_000))
    await asyncio.gather(*(drain(Delivery(platform, [heard.as_handler])) for _ in range(2)))
    assert heard.numbers == Counter(range(2_000))


async def test_a_deliverer_cut_off_in_the_middle_leaves_its_signals_to_the_next(
    platform, tenant, name
):
    stuck = asyncio.Event()

    async def hang(platform, tenant_id, signals):
        stuck.set()
        await asyncio.sleep(60)

    await say(platform, tenant, name, [1])
    task = asyncio.create_task(
        Delivery(platform, [SignalHandler("hang", name, hang)]).deliver_due()
    )
    await stuck.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    heard = Heard(signal=name)
    await drain(Delivery(platform, [heard.as_handler]))
    assert heard.numbers == Counter([1])


async def test_looking_for_work_stays_cheap_with_many_waiting(platform, tenant, name):
    """A backlog that is not due is skipped by index, not read."""
    async with platform.postgres.transaction(tenant.scope) as tx:
        await emit_many(tx, name, [{"n": n} for n in range(20_000)])
        await tx.execute(
            "update signals set next_attempt_at = now() + interval '1 hour' where tenant_id = %s",
            (tenant.id,),
        )
    delivery = Delivery(platform, [])
    await delivery.deliver_due()
    started = time.perf_counter()
    assert await delivery.deliver_due() == 0
    assert time.perf_counter() - started < 0.1
