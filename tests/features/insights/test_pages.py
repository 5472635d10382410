"""The pages of insights: a question is its address, everything works as links and forms."""

from datetime import timedelta

import pytest

from groundswell.core import clock


@pytest.fixture
async def browser(platform, tenant, history, sign_in):
    """An analyst's, with three visitors and two orders to look at."""
    day = clock.now() - timedelta(days=1)
    events = [(key, "Visited", day, {"country": "DE"}, {}) for key in (1, 2, 3)]
    events += [(key, "Ordered", day + timedelta(hours=1), {}, {}) for key in (1, 2)]
    people = {key: {"name": f"Mira {key}"} for key in (1, 2, 3)}
    orders = [(1, day, 123_456, 1, "api")]
    await history(events=events, people=people, orders=orders).write(platform.store, tenant.id)
    return await sign_in("analyst")


async def test_an_empty_list_says_what_to_do(sign_in):
    text = (await (await sign_in("analyst")).get("/insights")).text
    assert "No saved insights yet" in text
    assert 'href="/insights/new?kind=trends"' in text


async def test_the_builder_offers_events_with_their_volume(browser):
    text = (await browser.get("/insights/new")).text
    assert '<option value="Visited">3 times in 30 days</option>' in text
    assert "What do you want to know?" in text


async def test_a_funnel_in_the_address_is_answered_and_leads_to_its_people(browser):
    path = "/insights/new?kind=funnel&event_0=Visited&event_1=Ordered"
    text = (await browser.get(path)).text
    assert "66.7%" in text
    assert "step=1&amp;dropped=1" in text
    people = await browser.get("/insights/people?" + path.partition("?")[2] + "&step=1&dropped=1")
    assert "Mira 3" in people.text
    assert "Mira 1" not in people.text


async def test_revenue_is_shown_as_money(browser):
    path = "/insights/new?event_0=Orders&measure_0=sum&property_0=revenue&compare=on"
    assert "$1,234.56" in (await browser.get(path)).text


@pytest.mark.parametrize("kind", ["retention", "lifecycle", "stickiness"])
async def test_the_other_kinds_are_answered_too(browser, kind):
    answer = await browser.get(f"/insights/new?kind={kind}&event_0=Visited&ask=any")
    assert answer.status_code == 200
    assert "Show the SQL" in answer.text


async def test_hours_are_shown_as_a_table(browser):
    path = "/insights/new?kind=trends&event_0=Visited&interval=hour&days=2"
    assert "By interval" in (await browser.get(path)).text


@pytest.mark.parametrize("add", ["event", "filter", "by"])
async def test_one_more_row_appears_where_asked(browser, add):
    text = (await browser.get(f"/insights/new?kind=trends&event_0=Visited&add={add}")).text
    assert f'name="{add}_{1 if add == "event" else 0}"' in text


async def test_wrong_input_is_said_and_leaves_the_form_as_it_was(browser):
    answer = await browser.get("/insights/new?event_0=Visited&formula=A/Z&interval=year&days=x")
    assert answer.status_code == 200
    assert "interval" in answer.text
    assert 'value="A/Z"' in answer.text


async def test_a_question_is_saved_answered_again_and_deleted(browser):
    state = "kind=funnel&event_0=Visited&event_1=Ordered"
    saved = await browser.post("/insights", data={"name": "Buying", "state": state})
    assert saved.status_code == 303
    path = saved.headers["location"]
    text = (await browser.get(path)).text
    assert "Buying" in text
    assert "66.7%" in text
    assert "Buying" in (await browser.get("/insights")).text
    assert (await browser.post(f"{path}/delete")).status_code == 303
    assert (await browser.get(path)).status_code == 404


async def test_a_question_beyond_the_builder_is_answered_as_it_was_saved(browser, client, tenant):
    step = {"event": "Visited", "filters": [{"property": "country", "value": "DE"}]}
    query = {"kind": "funnel", "steps": [step, {"event": "Ordered"}]}
    headers = {"Authorization": f"Bearer {tenant.secret_key}"}
    body = {"name": "Germans", "query": query}
    made = (await client.post("/api/insights", json=body, headers=headers)).json()
    text = (await browser.get(f"/insights/{made['insight_id']}")).text
    assert "asks more than the builder shows" in text
    assert "66.7%" in text


async def test_nothing_is_saved_without_a_name_or_with_a_wrong_question(browser):
    for data in ({"name": "", "state": "kind=funnel"}, {"name": "x", "state": "kind=funnel"}):
        assert (await browser.post("/insights", data=data)).status_code == 303
    assert "No saved insights yet" in (await browser.get("/insights")).text
