"""The growth page: figures, an honest empty state, no dead end on wrong input."""

from datetime import timedelta

import pytest

from groundswell.core import clock
from groundswell.core.http.cookies import session_cookie_name
from groundswell.core.identity.sessions import start_session
from groundswell.core.ids import new_id


@pytest.fixture
async def signed_in(platform, client, tenant):
    """A viewer of the tenant."""
    member_id = new_id()
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute(
            "insert into members (member_id, email, name, password_hash)"
            " values (%s, %s, 'Mira', 'x')",
            (member_id, f"{member_id.hex}@example.com"),
        )
        await tx.execute(
            "insert into memberships (tenant_id, member_id, role) values (%s, %s, 'viewer')",
            (tenant.id, member_id),
        )
    token = await start_session(platform, member_id, tenant.id)
    client.cookies.set(session_cookie_name(platform.settings), token)
    return client


async def test_the_front_door_leads_to_the_dashboard(signed_in):
    answer = await signed_in.get("/")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/growth"


async def test_who_is_not_signed_in_is_led_to_the_door(client):
    answer = await client.get("/growth")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


async def test_an_empty_workspace_says_how_to_fill_it(signed_in, tenant):
    text = (await signed_in.get("/growth")).text
    assert "Waiting for the first event" in text
    assert "posthog.capture" in text
    assert f"import orders orders.csv --tenant {tenant.slug}" in text


async def test_figures_and_their_comparison_are_shown(signed_in, platform, tenant, history):
    now = clock.now()
    made = history(
        events=[(1, "Page Viewed", now)],
        orders=[(1, now, 123_456, "USD"), (2, now - timedelta(days=31), 100_000, "USD")],
    )
    await made.write(platform.store, tenant.id)
    text = (await signed_in.get("/growth?days=30")).text
    assert "$1,234.56" in text
    assert "$1,000.00" in text
    assert "23.5%" in text


@pytest.mark.parametrize("query", ["days=x", "from=2026-13-01", "days=0&to=x", "from=&to="])
async def test_wrong_days_show_the_usual_ones(signed_in, platform, tenant, history, query):
    await history(events=[(1, "Page Viewed", clock.now())]).write(platform.store, tenant.id)
    answer = await signed_in.get(f"/growth?{query}")
    assert answer.status_code == 200
    assert "Revenue" in answer.text


async def test_the_first_steps_show_a_key_that_works_and_the_event_it_sent(
    sign_in, client, platform, tenant, history
):
    browser = await sign_in("owner")
    assert (await browser.get("/first-steps/arrival")).status_code == 204
    made = await browser.post("/first-steps")
    assert made.status_code == 201
    key = made.text.partition("Bearer ")[2].partition("&")[0]
    sent = await client.post(
        "/api/events",
        headers={"Authorization": f"Bearer {key}"},
        json={"events": [{"event": "Product Viewed", "distinct_id": "user-1"}]},
    )
    assert sent.status_code == 202
    await history(events=[(1, "Product Viewed", clock.now())]).write(platform.store, tenant.id)
    assert "has arrived" in (await browser.get("/first-steps/arrival")).text


async def test_a_viewer_sees_the_first_steps_and_makes_no_key(sign_in):
    viewer = await sign_in("viewer")
    assert "Make a key" not in (await viewer.get("/first-steps")).text
    assert (await viewer.post("/first-steps")).status_code == 403
