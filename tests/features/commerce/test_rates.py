"""Several currencies in the tenant's: by the rate of the day; no order is lost for want of one."""

import pytest


@pytest.fixture
def put(server):
    async def put(*rates):
        body = {"rates": [{"currency": c, "day": day, "rate": rate} for c, day, rate in rates]}
        return await server.put("/api/exchange-rates", json=body)

    return put


async def test_an_order_without_a_rate_waits_and_is_counted_when_it_comes(
    server, order, put, stored
):
    body = order(currency="EUR", total=1_000, placed_at="2026-01-05T12:00:00Z")
    made = (await server.post("/api/orders", json=body)).json()
    assert made["reporting_total"] is None
    assert (await server.get("/api/orders/totals")).json()["without_rate"] == 1
    assert (await put(("EUR", "2026-01-06", "1.2"))).status_code == 200
    assert (await server.get("/api/orders/totals")).json()["without_rate"] == 1
    await put(("EUR", "2026-01-01", "1.1"))
    totals = (await server.get("/api/orders/totals")).json()
    assert (totals["revenue"], totals["without_rate"]) == (1_100, 0)
    assert await stored("sum(reporting_total), sum(total), count()") == (1_100, 1_000, 1)


async def test_the_latest_rate_on_or_before_the_day_counts(server, order, put, stored):
    await put(
        ("EUR", "2026-01-01", "1.1"), ("EUR", "2026-01-10", "2"), ("JPY", "2026-01-01", "0.01")
    )
    for day, currency, expected in (
        ("09", "EUR", 1_100),
        ("10", "EUR", 2_000),
        ("31", "JPY", 1_000),
    ):
        body = order(
            order_id=day, currency=currency, total=1_000, placed_at=f"2026-01-{day}T12:00:00Z"
        )
        assert (await server.post("/api/orders", json=body)).json()["reporting_total"] == expected
    assert await stored("sum(reporting_total)") == (4_100,)


async def test_a_changed_rate_changes_orders_lines_and_refunds(server, order, put, stored):
    await put(("EUR", "2026-01-01", "1"))
    body = order(
        currency="EUR",
        total=1_000,
        placed_at="2026-01-05T12:00:00Z",
        lines=[{"product_id": "p", "quantity": 2, "unit_price": 500}],
    )
    uid = (await server.post("/api/orders", json=body)).json()["order_uid"]
    await server.post(f"/api/orders/{uid}/refunds", json={"refund_id": "r", "amount": 333})
    await put(("EUR", "2026-01-01", "1.5"))
    totals = (await server.get("/api/orders/totals")).json()
    assert (totals["gross"], totals["refunded"]) == (1_500, 500)
    assert await stored("sum(reporting_total)") == (1_000,)
    assert await stored("sum(reporting_amount)", "order_lines") == (1_000,)


async def test_every_wrong_rate_is_named(server, put, rows):
    answer = await put(
        ("USD", "2026-01-01", "1"),
        ("XXQ", "2026-01-01", "1"),
        ("EUR", "2026-01-01", "0"),
        ("EUR", "2026-01-01", "-1"),
        ("EUR", "2026-01-01", "1e30"),
        ("GBP", "2026-01-01", "1.25"),
    )
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == [
        "rates[0].currency",
        "rates[1].currency",
        "rates[2].rate",
        "rates[3].rate",
        "rates[4].rate",
    ]
    assert await rows("select 1 from exchange_rates where tenant_id = %s") == []
    assert (await put(("EUR", "2026-01-01", "NaN"))).status_code == 422


async def test_an_amount_no_sum_could_hold_is_refused(server, order, put):
    await put(("EUR", "2026-01-01", "1000000000"))
    body = order(currency="EUR", total=10**15, placed_at="2026-01-05T12:00:00Z")
    answer = await server.post("/api/orders", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "total"
