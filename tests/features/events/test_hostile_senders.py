"""What anybody with a publishable key, or with none, might send to hurt the others."""

import asyncio
import gzip
import time

import msgspec
import pytest

from groundswell.core.http.body import MOST_VALUES
from groundswell.core.identity.keys import new_key
from groundswell.features.access.api import create_key
from groundswell.features.events.logic import doors
from groundswell.features.people.types import MAX_PROPERTIES_BYTES


@pytest.mark.parametrize("item", [b"{}", b"[]", b"1"])
@pytest.mark.parametrize("ending", [b"]}", b",NaN]}"])
async def test_a_packed_body_of_tiny_events_freezes_nothing(send, item, ending):
    """Sent without any key, it once cost a gigabyte and twenty seconds of the event loop."""
    body = b'{"batch":[' + item + (b"," + item) * (MOST_VALUES + 1) + ending
    began = time.process_time()
    answer = await send("/batch/", gzip.compress(body, 1), headers={"Content-Encoding": "gzip"})
    assert answer.status == 413
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize("ending", [b"]}", b",NaN]}"])
async def test_too_many_events_are_counted_before_they_are_looked_at(send, tenant, ending):
    body = b'{"batch":[{}' + b",{}" * 200_000 + ending
    began = time.process_time()
    answer = await send("/batch/", body, tenant.publishable_key)
    assert answer.status == 400
    assert "at most 10,000" in answer.json["detail"]
    assert time.process_time() - began < 1.0


async def test_a_client_that_never_sends_its_body_is_answered(send, tenant, monkeypatch):
    """The first part has a deadline too: headers alone once held a connection for ever."""
    monkeypatch.setattr(doors, "_BODY_SECONDS", 0.05)
    sent = []

    async def never():
        await asyncio.Event().wait()

    async def note(message):
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/api/events", "query_string": b"",
        "headers": [(b"authorization", f"Bearer {tenant.secret_key}".encode())],
    }  # fmt: skip
    async with asyncio.timeout(5):
        await send._doors["/api/events"](scope, never, note)
    assert sent[0]["status"] == 400


async def test_a_key_made_a_moment_ago_is_taken_at_once(send, platform, tenant):
    """Whoever copies a fresh key into a page must not see 401 first."""
    for _ in range(5):
        made = await create_key(platform, tenant.scope, kind="publishable", name="New")
        events = {"events": [{"event": "Page Viewed", "distinct_id": "ada"}]}
        assert (await send("/api/events", events, made.secret)).status == 202


async def test_made_up_keys_cost_the_database_next_to_nothing(send, platform, monkeypatch):
    """All who send unknown keys share a few looks a second."""
    looks = 0
    refresh = type(platform.directory).refresh

    async def counted(self):
        nonlocal looks
        looks += 1
        await refresh(self)

    monkeypatch.setattr(type(platform.directory), "refresh", counted)
    events = {"events": [{"event": "Page Viewed", "distinct_id": "ada"}]}
    began = time.monotonic()
    keys = [new_key("publishable") for _ in range(300)]
    answers = await asyncio.gather(*(send("/api/events", events, key) for key in keys))
    assert {answer.status for answer in answers} == {401}
    # Ten a second here, and the one a second that goes on anyway.
    assert looks <= 4 + 12 * (time.monotonic() - began)


async def test_a_sender_can_not_make_a_person_that_weighs_on_everybody(
    send, tenant, stored, platform
):
    """A thousand properties of 60 kB were copied onto each of the person's events."""
    big = [
        {"event": "Seen", "distinct_id": "ada", "$set": {f"p{number}": "x" * 6_000}}
        for number in range(40)
    ]
    small = [{"event": "Clicked", "distinct_id": "ada"} for _ in range(100)]
    assert (await send("/api/events", {"events": big}, tenant.publishable_key)).status == 202
    assert (await send("/api/events", {"events": small}, tenant.publishable_key)).status == 202
    await stored()
    sql = (
        "select max(length(toJSONString(person_properties))), count() from events"
        " where tenant_id = {tenant:UUID}"
    )
    [(largest, count)] = await platform.store.rows(tenant.scope, sql)
    assert count == 140
    assert 6_000 < largest <= MAX_PROPERTIES_BYTES + 100


async def test_a_publishable_key_can_not_make_every_sum_overflow(send, tenant, stored, sign_in):
    """Ten thousand orders of the largest amount are more than 64 bits hold."""
    events = [
        {
            "event": "Order Completed",
            "distinct_id": f"x{number}",
            "properties": {"order_id": f"o{number}", "total": "9999999999999.99"},
        }
        for number in range(3)
    ]
    lines = [{"product_id": "a", "price": 9_999_999_999, "quantity": 1_000}]
    sneaky = {"order_id": "s", "total": 1, "products": lines}
    events.append({"event": "Order Completed", "distinct_id": "y", "properties": sneaky})
    for key, count in ((tenant.publishable_key, 0), (tenant.secret_key, 4)):
        await send("/api/events", {"events": events}, key)
        await stored()
        browser = await sign_in("owner")
        totals = (await browser.get("/api/orders/totals")).json()
        assert totals["orders"] == count
    assert msgspec.json.encode(totals)
