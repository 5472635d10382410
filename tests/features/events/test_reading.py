"""What was stored and refused can be read, by its tenant only, in pages."""

import asyncio
import uuid

from groundswell.core import clock
from groundswell.core.db.outbox_drain import reconcile
from groundswell.features.events.api import ingest_lag
from groundswell.features.events.logic.cures import cure_of
from groundswell.features.events.logic.refusals import TEXTS
from groundswell.features.events.types import Reason, Refusal


def sent(event, distinct_id, **more):
    return {"event": event, "distinct_id": distinct_id, "uuid": str(uuid.uuid4()), **more}


def bearer(tenant):
    return {"Authorization": f"Bearer {tenant.secret_key}"}


async def test_stored_events_are_listed_newest_first_in_pages(
    send, tenant, other_tenant, stored, client
) -> None:
    events = [
        sent(f"e{n % 2}", f"u{n}", timestamp=f"2026-0{1 + n}-01T00:00:00Z", properties={"n": n})
        for n in range(7)
    ]
    await send("/api/events", {"events": events}, tenant.secret_key)
    await stored()
    seen: list[int] = []
    cursor = ""
    while cursor is not None:
        url = f"/api/events?limit=3&cursor={cursor}"
        page = (await client.get(url, headers=bearer(tenant))).json()
        seen += [item["properties"]["n"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [6, 5, 4, 3, 2, 1, 0]
    some = (await client.get("/api/events?event=e1", headers=bearer(tenant))).json()
    assert [item["properties"]["n"] for item in some["items"]] == [5, 3, 1]
    one = (await client.get("/api/events?distinct_id=u4", headers=bearer(tenant))).json()
    assert [item["properties"]["n"] for item in one["items"]] == [4]
    theirs = (await client.get("/api/events", headers=bearer(other_tenant))).json()
    assert theirs == {"items": [], "next_cursor": None}


async def test_publishable_keys_and_strangers_read_nothing(tenant, client) -> None:
    for path in ("/api/events", "/api/events/refused"):
        assert (await client.get(path)).status_code == 401
        headers = {"Authorization": f"Bearer {tenant.publishable_key}"}
        assert (await client.get(path, headers=headers)).status_code == 403


async def test_capture_goes_through_the_whole_application(tenant, stored, client) -> None:
    """POST is capture, GET the list, at one address; a wrong cursor is named."""
    answer = await client.post(
        "/api/events", json={"events": [sent("a", "b")]}, headers=bearer(tenant)
    )
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    await stored()
    listed = await client.get("/api/events", headers=bearer(tenant))
    assert len(listed.json()["items"]) == 1
    assert (await client.get("/api/events?cursor=x", headers=bearer(tenant))).status_code == 422


async def test_refusals_are_counted_by_reason_with_a_sample(
    send, tenant, other_tenant, stored, client
) -> None:
    bad = sent("Page Viewed", "u", timestamp="nonsense")
    for _ in range(3):
        await send("/api/events", {"events": [bad, bad]}, tenant.secret_key)
    await send("/batch/", b"{broken", tenant.secret_key)
    await _counted(stored)
    page = (await client.get("/api/events/refused", headers=bearer(tenant))).json()
    counts = {(r["reason"], r["field"], r["source"]): r["count"] for r in page["items"]}
    assert counts == {
        ("not-a-time", "timestamp", "api"): 6,
        ("malformed", "body", "posthog"): 1,
    }
    sample = next(r["sample"] for r in page["items"] if r["reason"] == "not-a-time")
    assert "nonsense" in sample
    theirs = (await client.get("/api/events/refused", headers=bearer(other_tenant))).json()
    assert theirs["items"] == []


async def _counted(stored) -> None:
    await asyncio.sleep(1.2)
    await stored()


async def test_pages_show_events_refusals_and_the_way_in(send, tenant, stored, sign_in) -> None:
    """Before the first event: how to send one. Then the events, and the cure for what is wrong."""
    browser = await sign_in()
    empty = (await browser.get("/events")).text
    assert "No event yet" in empty
    assert "/first-steps" in empty, "where the snippets are, with this tenant's address"
    hostile = sent("<script>alert(1)</script>", "<b>x", properties={"<i>": "<u>"})
    bad = sent("Page Viewed", "u", timestamp="<img>")
    await send("/api/events", {"events": [hostile, bad]}, tenant.secret_key)
    await _counted(stored)
    shown = (await browser.get("/events")).text
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert(1)" not in shown
    refused = (await browser.get("/events/refused")).text
    assert "Send ISO 8601 or milliseconds since 1970." in refused
    assert "&lt;img&gt;" in refused
    filtered = await browser.get("/events?event=nothing")
    assert "No event matches" in filtered.text


def test_every_reason_has_words_and_a_cure() -> None:
    now = clock.now()
    for reason in Reason:
        assert TEXTS[reason]
        title, cure = cure_of(Refusal(now, reason.value, "x", "api", 1, now, ""))
        assert title
        assert cure


async def test_mirrors_equal_the_truth_after_merges_and_orders(
    send, tenant, stored, platform
) -> None:
    """Nightly reconciliation is zero; a row that is taken away is found."""
    order = {"order_id": "r1", "total": 12.5, "currency": "USD"}
    events = [
        sent("a", "r-anon", properties={"$set": {"a": 1}}),
        sent("$identify", "r-ann", properties={"$anon_distinct_id": "r-anon"}),
        sent("Order Completed", "r-ann", properties=order),
    ]
    await send("/api/events", {"events": events}, tenant.secret_key)
    await stored()
    mine = [d for d in await reconcile(platform) if d.tenant_id == tenant.id]
    assert mine == []
    await platform.store.command(f"delete from orders where tenant_id = '{tenant.id}'")
    found = [d for d in await reconcile(platform, 0.1) if d.tenant_id == tenant.id]
    assert [(d.table, d.rows, d.mirrored_rows) for d in found] == [("orders", 1, 0)]


async def test_lag_is_the_age_of_the_oldest_event_that_waits(
    send, tenant, stored, platform
) -> None:
    await stored()
    assert await ingest_lag(platform) == 0.0
    await send("/api/events", {"events": [sent("a", "b")]}, tenant.secret_key)
    await asyncio.sleep(0.3)
    assert 0.3 <= await ingest_lag(platform) < 5
    await stored()
    assert await ingest_lag(platform) == 0.0
