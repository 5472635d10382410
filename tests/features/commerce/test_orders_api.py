"""Orders over HTTP: each once, exactly, whoever posts it how often."""

import asyncio

import pytest

from groundswell.core.ids import order_event_id


async def test_new_same_and_other(server, order):
    first = await server.post("/api/orders", json=order())
    again = await server.post("/api/orders", json=order())
    other = await server.post("/api/orders", json=order(total=2934))
    lines = await server.post(
        "/api/orders", json=order(lines=[{"quantity": 1, "unit_price": 2933}])
    )
    elsewhere = await server.post("/api/orders", json=order(source="app"))
    assert [a.status_code for a in (first, again, other, lines, elsewhere)] == [
        201,
        200,
        409,
        409,
        201,
    ]
    assert first.json() == again.json()
    assert first.headers["location"] == f"/api/orders/{first.json()['order_uid']}"
    assert "2933 USD" in other.json()["detail"]


async def test_twenty_at_once_are_one_order_and_one_event(server, order, rows, tenant, stored):
    answers = await asyncio.gather(*[server.post("/api/orders", json=order()) for _ in range(20)])
    assert sorted(a.status_code for a in answers) == [200] * 19 + [201]
    events = await rows(
        "select row ->> 'event_id' from outbox where tenant_id = %s and target = 'events'"
    )
    assert events == [(str(order_event_id(tenant.id, "shop", "1001")),)]
    assert await stored("count(), sum(total)") == (1, 2933)


async def test_every_wrong_field_is_named_at_once(server, order, rows):
    body = order(
        source="",
        order_id="x" * 201,
        currency="usd",
        total=-1,
        placed_at="2026-01-01T00:00:00",
        lines=[{"quantity": 0, "unit_price": 1}, {"unit_price": 10**16, "quantity": 1}],
    )
    answer = await server.post("/api/orders", json=body)
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {
        "source",
        "order_id",
        "currency",
        "total",
        "placed_at",
        "lines[0].quantity",
        "lines[1].unit_price",
    }
    assert await rows("select 1 from orders where tenant_id = %s") == []
    assert await rows("select 1 from people where tenant_id = %s") == []


@pytest.mark.parametrize(
    "change",
    [
        {"currency": "XXQ"},
        {"total": 10**15 + 1},
        {"total": 29.33},
        {"total": "2933"},
        {"distinct_id": ""},
        {"distinct_id": "a\x00"},
        {"placed_at": "1969-12-31T23:59:59Z"},
        {"placed_at": "2999-01-01T00:00:00Z"},
        {"placed_at": "0001-01-01T00:00:00+14:00"},
        {"placed_at": "yesterday"},
        {"lines": [{"quantity": 1_000_000, "unit_price": 10**15}]},
        {"lines": [{"quantity": 1, "unit_price": 1}] * 1_001},
        {"lines": [{"quantity": 1, "unit_price": 1, "properties": {"x": "y" * 5_000}}]},
        {"order_id": ...},
    ],
)
async def test_hostile_orders_leave_no_trace(server, order, rows, change):
    answer = await server.post("/api/orders", json=order(**change))
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]
    assert await rows("select 1 from outbox where tenant_id = %s") == []


async def test_a_batch_takes_the_good_and_names_the_bad(server, order):
    await server.post("/api/orders", json=order())
    batch = [
        order(order_id="a"),
        order(order_id="b", total=-1, currency="EURO"),
        order(),
        order(total=1),
        order(order_id="a"),
        "nonsense",
    ]
    answer = await server.post("/api/orders/batch", json={"orders": batch})
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [each["outcome"] for each in results] == [
        "created",
        "invalid",
        "same",
        "conflict",
        "same",
        "invalid",
    ]
    assert {error["field"] for error in results[1]["errors"]} == {"total", "currency"}


async def test_a_thousand_orders_in_a_batch_to_the_cent(server, order, stored):
    batch = [
        order(
            order_id=str(n),
            distinct_id=f"c{n % 300}",
            total=n * 7,
            placed_at=f"2026-01-{n % 28 + 1:02}T10:00:00Z",
        )
        for n in range(1_000)
    ]
    answer = await server.post("/api/orders/batch", json={"orders": batch})
    assert answer.status_code == 200, answer.text
    totals = (await server.get("/api/orders/totals")).json()
    assert (totals["orders"], totals["customers"]) == (1_000, 300)
    assert totals["revenue"] == sum(n * 7 for n in range(1_000))
    assert await stored("count(), sum(reporting_total), uniqExact(person_key)") == (
        1_000,
        totals["revenue"],
        300,
    )


async def test_lists_filter_by_day_of_the_tenant_person_and_source(server, make_tenant, order):
    tokyo = await make_tenant(timezone="Asia/Tokyo")
    server.headers["Authorization"] = f"Bearer {tokyo.secret_key}"
    # Tokyo's 2 January begins at 15:00 UTC on the first.
    for n, at in enumerate(
        ("2026-01-01T14:59:59Z", "2026-01-01T15:00:00Z", "2026-01-02T15:00:00Z")
    ):
        body = order(order_id=str(n), placed_at=at, distinct_id=f"c{n}", source=f"s{n % 2}")
        assert (await server.post("/api/orders", json=body)).status_code == 201
    listed = await server.get("/api/orders", params={"from": "2026-01-02", "to": "2026-01-02"})
    assert [each["order_id"] for each in listed.json()["items"]] == ["1"]
    person = listed.json()["items"][0]["person_id"]
    for params, expected in (({"person": person}, ["1"]), ({"source": "s0"}, ["2", "0"])):
        found = (await server.get("/api/orders", params=params)).json()["items"]
        assert [each["order_id"] for each in found] == expected
        totals = (await server.get("/api/orders/totals", params=params)).json()
        assert totals["orders"] == len(expected)


@pytest.mark.parametrize(
    "query",
    [
        "from=9999-12-31",
        "to=0001-01-01",
        "from=2026-02-01&to=2026-01-01",
        "currency=x",
        "person=1",
        "cursor=a",
    ],
)
async def test_hostile_queries_are_422(server, query):
    for path in ("/api/orders", "/api/orders/totals"):
        assert (await server.get(f"{path}?{query}")).status_code == 422 or "cursor" in query


async def test_another_tenant_sees_none_of_them(server, order, other_tenant):
    made = (await server.post("/api/orders", json=order())).json()
    server.headers["Authorization"] = f"Bearer {other_tenant.secret_key}"
    path = f"/api/orders/{made['order_uid']}"
    assert (await server.get(path)).status_code == 404
    refund = {"refund_id": "r", "amount": 1}
    assert (await server.post(f"{path}/refunds", json=refund)).status_code == 404
    assert (await server.get("/api/orders")).json()["items"] == []
    assert (await server.get("/api/orders/totals")).json()["orders"] == 0
    assert (await server.post("/api/orders", json=order(total=1))).status_code == 201


async def test_a_publishable_key_posts_no_orders(server, order, tenant):
    server.headers["Authorization"] = f"Bearer {tenant.publishable_key}"
    assert (await server.post("/api/orders", json=order())).status_code == 403


async def test_orders_follow_people_through_merge_and_undo(server, order):
    ada = (await server.post("/api/orders", json=order())).json()["person_id"]
    bob = (await server.post("/api/orders", json=order(order_id="2", distinct_id="bob"))).json()
    body = {"person_id": bob["person_id"], "reason": "same"}
    merge = (await server.post(f"/api/people/{ada}/merge", json=body)).json()["merge_id"]

    async def of(person):
        found = await server.get("/api/orders", params={"person": person})
        return len(found.json()["items"])

    assert (await of(ada), await of(bob["person_id"])) == (2, 0)
    timeline = (await server.get(f"/api/people/{ada}/timeline")).json()["items"]
    assert sorted(each["kind"] for each in timeline) == ["merge", "order", "order"]
    await server.post(f"/api/merges/{merge}/undo")
    assert (await of(ada), await of(bob["person_id"])) == (1, 1)


async def test_who_posted_is_in_the_audit_log(server, order, rows):
    await server.post("/api/orders", json=order())
    await server.post("/api/orders", json=order())
    assert await rows(
        "select action, actor_kind from audit_log where tenant_id = %s and action like 'order%%'"
    ) == [("order.recorded", "key")]
    assert await rows("select name from signals where tenant_id = %s and name like 'order%%'") == [
        ("order.placed",)
    ]
