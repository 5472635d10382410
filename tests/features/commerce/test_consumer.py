"""Orders out of events: whoever brings an order first, it is one order with one event."""

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.core.ids import new_id, order_event_id
from groundswell.core.money import exponent
from groundswell.features.commerce.api import EVENT_CONSUMERS
from groundswell.features.commerce.logic.consumer import FieldProblem, minor_units
from groundswell.features.events.types import CapturedEvent
from groundswell.features.people.types import Resolved

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
COMPLETED = {
    "order_id": 1001,
    "total": 29.33,
    "currency": "usd",
    "products": [
        {"product_id": "p1", "name": "CD", "price": 13.165, "quantity": 2},
        {"sku": "p2", "price": "3.00"},
    ],
}


def event(properties, name="Order Completed", *, trusted=True, distinct_id="ada"):
    return CapturedEvent(
        event_id=new_id(),
        event=name,
        distinct_id=distinct_id,
        at=AT,
        received_at=AT,
        properties=properties,
        source="segment",
        is_trusted=trusted,
        is_historical=False,
        person=Resolved(distinct_id, 1, new_id(), 1, {}, False),
    )


@pytest.fixture
def consume(platform, tenant):
    async def consume(*events):
        (consumer,) = EVENT_CONSUMERS
        async with platform.postgres.transaction(tenant.scope) as tx:
            return await consumer.consume(tx, events)

    return consume


@pytest.fixture
def orders(server):
    async def orders():
        return (await server.get("/api/orders")).json()["items"]

    return orders


async def test_a_completed_order_is_an_order(consume, orders, server, tenant, rows):
    told = event(COMPLETED)
    consumed = await consume(told)
    (order,) = await orders()
    assert (order["order_id"], order["total"], order["currency"]) == ("1001", 2933, "USD")
    assert (order["items"], order["origin"], order["confirmed"]) == (3, "event", True)
    assert consumed.event_ids == {told.event_id: order_event_id(tenant.id, "default", "1001")}
    assert not consumed.problems
    lines = (await server.get(f"/api/orders/{order['order_uid']}")).json()["lines"]
    assert [(each["product_id"], each["unit_price"]) for each in lines] == [
        ("p1", 1316),
        ("p2", 300),
    ]
    assert await rows("select 1 from outbox where tenant_id = %s and target = 'events'") == []


async def test_event_and_post_are_one_order(consume, orders, server, order):
    body = order(source="default", placed_at="2026-03-01T11:59:58Z")
    assert (await server.post("/api/orders", json=body)).status_code == 201
    first, again, other = event(COMPLETED), event(COMPLETED), event(COMPLETED | {"total": 1})
    consumed = await consume(first, again, other)
    assert len(set(consumed.event_ids.values())) == 1
    assert [problem.event_id for problem in consumed.problems] == [other.event_id]
    assert "2933 USD" in consumed.problems[0].reason
    assert len(await orders()) == 1


async def test_a_browsers_order_waits_for_a_trusted_one(consume, orders, server, order, stored):
    await consume(event(COMPLETED | {"total": 0.01}, trusted=False, distinct_id="thief"))
    (claimed,) = await orders()
    assert (claimed["confirmed"], claimed["total"]) == (False, 1)
    body = order(source="default", lines=[{"product_id": "x", "quantity": 1, "unit_price": 2933}])
    assert (await server.post("/api/orders", json=body)).status_code == 201
    await consume(event(COMPLETED | {"total": 0.01}, trusted=False, distinct_id="thief"))
    (real,) = await orders()
    assert (real["confirmed"], real["total"], real["distinct_id"]) == (True, 2933, "ada")
    assert real["order_uid"] == claimed["order_uid"]
    assert await stored("sum(total), count(), any(confirmed)") == (2933, 1, True)
    assert await stored("count(), any(product_id)", "order_lines") == (1, "x")


async def test_refunds_part_whole_and_not_by_a_browser(consume, orders):
    placed = event(COMPLETED)
    part = event({"order_id": "1001", "total": "9.33"}, "Order Refunded")
    theft = event({"order_id": "1001"}, "Order Refunded", trusted=False)
    whole = event({"order_id": "1001"}, "Order Refunded")
    more = event({"order_id": "1001", "amount": 1}, "Order Refunded")
    unknown = event({"order_id": "nope"}, "Order Refunded")
    # The refund stands before its order in the batch, and counts all the same.
    consumed = await consume(part, placed, theft, whole, more, unknown)
    (order,) = await orders()
    assert order["refunded"] == order["total"] == 2933
    assert [p.event_id for p in consumed.problems] == [
        theft.event_id,
        unknown.event_id,
        more.event_id,
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"order_id": None}, "order_id"),
        ({"order_id": "x" * 201}, "order_id"),
        ({"order_id": {"a": 1}}, "order_id"),
        ({"total": "much"}, "total"),
        ({"total": True}, "total"),
        ({"total": -1}, "total"),
        ({"total": 29.335}, "total"),
        ({"total": 1e300}, "total"),
        ({"total": "NaN"}, "total"),
        ({"total": None, "products": None}, "total"),
        ({"currency": "EURO"}, "currency"),
        ({"currency": 7}, "currency"),
        ({"products": {}}, "products"),
        ({"products": [1]}, "products[0]"),
        ({"products": [{"quantity": 0}]}, "products[0].quantity"),
        ({"products": [{"quantity": 1.5}]}, "products[0].quantity"),
        ({"products": [{"price": 1e300}]}, "products[0].price"),
        ({"products": [{"price": "9" * 5_000}]}, "products[0].price"),
        ({"products": [{"price": 10**14, "quantity": 10**6}]}, "products[0].price"),
        ({"products": [{}] * 1_001}, "products"),
    ],
)
async def test_what_cannot_be_used_is_said(consume, orders, change, field):
    told = event(COMPLETED | change)
    consumed = await consume(told)
    (problem,) = consumed.problems
    assert (problem.event_id, problem.field) == (told.event_id, field)
    assert problem.reason
    assert not consumed.event_ids
    assert await orders() == []


async def test_a_total_left_out_is_the_sum_of_the_lines(consume, orders):
    await consume(event(COMPLETED | {"total": None}))
    assert [each["total"] for each in await orders()] == [2 * 1316 + 300]


@given(st.integers(0, 10**12), st.sampled_from(["USD", "JPY", "KWD"]))
def test_decimal_texts_and_numbers_are_exact(amount, currency):
    value = Decimal(amount).scaleb(-exponent(currency))
    assert minor_units(str(value), currency, "total") == amount
    assert minor_units(float(value), currency, "total") == amount


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=6))
def test_sums_of_floats_are_read_as_meant(cents):
    assert minor_units(sum(each / 100 for each in cents), "USD", "total") == sum(cents)


@given(st.text(max_size=20) | st.floats() | st.integers() | st.none() | st.lists(st.integers()))
def test_no_value_surprises_the_parser(value):
    with suppress(FieldProblem):
        assert isinstance(minor_units(value, "USD", "total"), int)
