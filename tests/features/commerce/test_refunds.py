"""Refunds: each once, together never more than the order, in both currencies."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundswell.core.ids import new_id
from groundswell.features.commerce import api
from groundswell.features.commerce.types import NewOrder, NewRefund, Origin

AT = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
async def placed(server, order):
    return (await server.post("/api/orders", json=order())).json()


async def test_new_same_other_and_too_much(server, placed, stored):
    path = f"/api/orders/{placed['order_uid']}/refunds"
    sent = [("r1", 1_000), ("r1", 1_000), ("r1", 999), ("r2", 1_934), ("r2", 1_933), ("r3", 1)]
    answers = [
        await server.post(path, json={"refund_id": r, "amount": amount}) for r, amount in sent
    ]
    assert [a.status_code for a in answers] == [201, 200, 409, 409, 201, 409]
    assert "19.33 USD" in answers[3].json()["detail"]
    order = (await server.get(f"/api/orders/{placed['order_uid']}")).json()
    assert order["refunded"] == order["total"] == sum(r["amount"] for r in order["refunds"])
    assert await stored("sum(total), countIf(kind = 'order'), countIf(kind = 'refund')") == (
        0,
        1,
        2,
    )
    totals = (await server.get("/api/orders/totals")).json()
    assert (totals["gross"], totals["refunded"], totals["revenue"]) == (2_933, 2_933, 0)


async def test_many_at_once_never_give_back_more(server, placed):
    path = f"/api/orders/{placed['order_uid']}/refunds"
    answers = await asyncio.gather(
        *[server.post(path, json={"refund_id": str(n), "amount": 1_000}) for n in range(8)]
    )
    assert sorted(a.status_code for a in answers) == [201] * 2 + [409] * 6


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"refund_id": "r", "amount": 0},
        {"refund_id": "r", "amount": 1.5},
        {"refund_id": "", "amount": 1},
        {"refund_id": "r", "amount": 1, "refunded_at": "3000-01-01T00:00:00Z"},
    ],
)
async def test_hostile_refunds_are_422(server, placed, body):
    answer = await server.post(f"/api/orders/{placed['order_uid']}/refunds", json=body)
    assert answer.status_code == 422


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.integers(0, 10_000),
    st.decimals("0.0001", "900", places=4),
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 6_000)), max_size=8),
)
async def test_any_refunds_keep_within_the_order(platform, tenant, total, rate, refunds):
    """And what they are worth in the tenant's currency sums to no more than the order's worth."""
    order = NewOrder(
        source="s",
        order_id=str(new_id()),
        distinct_id="a",
        currency="EUR",
        total=total,
        placed_at=AT,
    )
    async with platform.postgres.transaction(tenant.scope) as tx:
        await api.set_rates(tx, [("EUR", AT.date(), Decimal(rate))])
        uid = (await api.record_orders(tx, [order], Origin.API))[0].order_uid
        made = {}
        for number, amount in refunds:
            refund = NewRefund(order_uid=uid, refund_id=str(number), amount=amount, at=AT)
            done = (await api.record_refunds(tx, [refund], Origin.API))[0]
            if done.outcome.value == "created":
                made[number] = amount
        found = await api.get_order(tx, uid)
    assert found.order.refunded == sum(made.values()) <= total
    assert {int(r.refund_id): r.amount for r in found.refunds} == made
    worth = sum(r.reporting_amount for r in found.refunds)
    assert 0 <= worth <= found.order.reporting_total
    if sum(made.values()) == total:
        assert worth == found.order.reporting_total
