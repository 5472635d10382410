"""Money in any order of arrival: API, PostgreSQL, event store and a model agree to the cent.

Orders come over the API, from servers and from browsers, twice and with other content; refunds
come before and after, partly, twice and too large; rates come late; people merge and part.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.features.events.conftest import running_writer, wait_until_stored

from groundswell.core.db.reconcile import reconcile
from groundswell.core.ids import order_event_id
from groundswell.features.commerce.logic.events import refund_event_id

PLACED = (datetime.now(UTC) - timedelta(days=3)).replace(microsecond=0)
SOURCE = "default"

order = st.sampled_from(("A", "B"))
person = st.sampled_from(("ada", "bob"))
total = st.sampled_from((0, 1, 500, 1_999))
currency = st.sampled_from(("USD", "USD", "EUR"))
refund = st.sampled_from(("r1", "r2"))
amount = st.sampled_from((1, 250, 1_999))
operations = st.lists(
    st.one_of(
        st.tuples(st.just("api"), order, total, currency),
        st.tuples(st.just("server event"), order, total, currency),
        st.tuples(st.just("browser event"), order, total, currency),
        st.tuples(st.just("api refund"), order, refund, amount),
        st.tuples(st.just("refund event"), order, refund, st.one_of(st.none(), amount)),
        st.tuples(st.just("rate"), st.sampled_from(("1.1", "0.333", "7"))),
        st.tuples(st.just("merge")),
        st.tuples(st.just("part")),
    ),
    min_size=3,
    max_size=9,
)


class Model:
    """What the accountant would write down."""

    def __init__(self):
        self.orders = {}
        self.rate = None

    def place(self, key, total, currency, *, confirmed):
        old = self.orders.get(key)
        if old is None:
            self.orders[key] = [total, currency, confirmed, {}]
            return True
        refunded = sum(old[3].values())
        fits = refunded == 0 or (currency == old[1] and total >= refunded)
        if confirmed and not old[2] and fits:
            old[:3] = total, currency, True
            return True
        return (total, currency) == (old[0], old[1])

    def refund(self, key, refund, amount):
        if key not in self.orders:
            return False
        total, _, _, refunds = self.orders[key]
        left = total - sum(refunds.values())
        if refund in refunds:
            return amount in (None, refunds[refund])
        amount = left if amount is None else amount
        if not 1 <= amount <= left:
            return False
        refunds[refund] = amount
        return True

    def worth(self, minor, currency):
        if currency == "USD":
            return minor
        if self.rate is None:
            return 0
        return int((Decimal(minor) * self.rate).quantize(Decimal(1), ROUND_HALF_EVEN))

    @property
    def gross(self):
        return sum(self.worth(total, code) for total, code, _, _ in self.orders.values())

    @property
    def given_back(self):
        return sum(self.worth(sum(r.values()), code) for _, code, _, r in self.orders.values())


class Shop:
    """One tenant, seen from outside."""

    def __init__(self, client, platform, tenant):
        self.client, self.platform, self.tenant = client, platform, tenant
        self.key = {"Authorization": f"Bearer {tenant.secret_key}"}
        self.browser = {"Authorization": f"Bearer {tenant.publishable_key}"}
        self.model = Model()
        self.merges = []

    async def perform(self, kind, *rest):
        await getattr(self, kind.replace(" ", "_"))(*rest)

    async def api(self, key, total, currency):
        body = {
            "source": SOURCE, "order_id": key, "distinct_id": f"buyer-{key}", "total": total,
            "currency": currency, "placed_at": PLACED.isoformat(),
        }  # fmt: skip
        asked = (self.client.post("/api/orders", json=body, headers=self.key) for _ in range(3))
        answers = await asyncio.gather(*asked)
        fine = self.model.place(key, total, currency, confirmed=True)
        codes = sorted(answer.status_code for answer in answers)
        assert codes in ([200, 200, 201], [200] * 3) if fine else codes == [409] * 3

    async def event(self, name, properties, headers):
        event = {
            "event": name, "distinct_id": f"buyer-{properties['order_id']}",
            "timestamp": PLACED.isoformat(), "properties": properties,
        }  # fmt: skip
        body = {"events": [event, event]}
        answer = await self.client.post("/api/events", json=body, headers=headers)
        assert answer.status_code == 202
        await wait_until_stored(self.platform)

    async def completed(self, headers, key, total, currency):
        properties = {"order_id": key, "total": f"{total / 100:.2f}", "currency": currency}
        await self.event("Order Completed", properties, headers)

    async def server_event(self, key, total, currency):
        await self.completed(self.key, key, total, currency)
        self.model.place(key, total, currency, confirmed=True)

    async def browser_event(self, key, total, currency):
        await self.completed(self.browser, key, total, currency)
        self.model.place(key, total, currency, confirmed=False)

    async def api_refund(self, key, refund, amount):
        items = (await self.client.get("/api/orders", headers=self.key)).json()["items"]
        uid = next((item["order_uid"] for item in items if item["order_id"] == key), None)
        if uid is None:
            return
        body = {"refund_id": refund, "amount": amount}
        path = f"/api/orders/{uid}/refunds"
        asked = (self.client.post(path, json=body, headers=self.key) for _ in range(2))
        answers = await asyncio.gather(*asked)
        fine = self.model.refund(key, refund, amount)
        codes = sorted(answer.status_code for answer in answers)
        assert codes in ([200, 201], [200, 200]) if fine else codes == [409, 409]

    async def refund_event(self, key, refund, amount):
        properties = {"order_id": key, "refund_id": refund}
        if amount is not None:
            properties["total"] = f"{amount / 100:.2f}"
        # Without a currency it is the order's own.
        await self.event("Order Refunded", properties, self.key)
        self.model.refund(key, refund, amount)

    async def rate(self, text):
        rate = {"currency": "EUR", "day": "2020-01-01", "rate": text}
        answer = await self.client.put(
            "/api/exchange-rates", json={"rates": [rate]}, headers=self.key
        )
        assert answer.status_code == 200
        self.model.rate = Decimal(text)

    async def merge(self):
        people = []
        for key in ("A", "B"):
            body = {"distinct_id": f"buyer-{key}"}
            answer = await self.client.post("/api/people", json=body, headers=self.key)
            people.append(answer.json()["person_id"])
        if people[0] != people[1]:
            body = {"person_id": people[1], "reason": "one household"}
            path = f"/api/people/{people[0]}/merge"
            answer = await self.client.post(path, json=body, headers=self.key)
            self.merges.append(answer.json()["merge_id"])

    async def part(self):
        if self.merges:
            path = f"/api/merges/{self.merges.pop()}/undo"
            assert (await self.client.post(path, headers=self.key)).status_code == 200

    async def check(self):
        await wait_until_stored(self.platform)
        model, tenant = self.model, self.tenant
        revenue = model.gross - model.given_back
        totals = (await self.client.get("/api/orders/totals", headers=self.key)).json()
        assert (totals["gross"], totals["refunded"]) == (model.gross, model.given_back)
        assert (totals["orders"], totals["revenue"]) == (len(model.orders), revenue)
        growth = (await self.client.get("/api/growth/metrics", headers=self.key)).json()["totals"]
        assert (growth["orders"], growth["revenue"]) == (len(model.orders), revenue)
        assert totals["customers"] == growth_customers(model, bool(self.merges))
        assert [d for d in await reconcile(self.platform, 0.0) if d.tenant_id == tenant.id] == []
        await self.check_events()

    async def check_events(self):
        """One event per order and per refund, under the id that both of its ways lead to."""
        sql = (
            "select event_id, count() from events"
            " where tenant_id = {tenant:UUID} and event in ('Order Completed', 'Order Refunded')"
            " group by event_id"
        )
        found = dict(await self.platform.store.rows(self.tenant.scope, sql))
        tenant = self.tenant.id
        for key, (_, _, _, refunds) in self.model.orders.items():
            assert found[order_event_id(tenant, SOURCE, key)] == 1
            for refund_id in refunds:
                assert found[refund_event_id(tenant, SOURCE, key, refund_id)] == 1
        sql = "select uniqExact(event_id), count() from events where tenant_id = {tenant:UUID}"
        sql += " and event = 'Order Completed'"
        completed = await self.platform.store.rows(self.tenant.scope, sql)
        assert completed == [(len(self.model.orders), len(self.model.orders))]


def growth_customers(model, merged):
    return min(len(model.orders), 1) if merged else len(model.orders)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(operations)
async def test_every_way_of_counting_agrees(client, platform, make_tenant, sequence):
    shop = Shop(client, platform, await make_tenant())
    async with running_writer(platform):
        for operation in sequence:
            await shop.perform(*operation)
        await shop.check()
