"""The API of insights: answers, errors with their place, people behind, cache, limits, tenants."""

from datetime import timedelta

import pytest

from groundswell.core import clock
from groundswell.features.insights.logic import ask as asking


@pytest.fixture
async def shop(platform, tenant, history):
    """Eight visitors yesterday: four view a product, two of them order; one has a plan."""
    day = clock.now().replace(hour=12, minute=0) - timedelta(days=1)
    events = [(key, "Visited", day, {"country": "DE"}, {}) for key in range(1, 9)]
    later = day + timedelta(minutes=5)
    events += [(key, "Viewed", later, {"price": key}, {}) for key in range(1, 5)]
    events += [(key, "Ordered", later + timedelta(minutes=5), {}, {}) for key in (1, 2)]
    orders = [(1, day, 1_500, 1, "api"), (2, day, 2_500, 2, "api")]
    people = {
        key: {"name": f"N{key}", "plan": "pro" if key == 1 else "free"} for key in range(1, 9)
    }
    made = history(events=events, orders=orders, refunds=[(2, day, 500)], people=people)
    await made.write(platform.store, tenant.id)
    return made


@pytest.fixture
def ask(client, tenant):
    """Asks over HTTP with the tenant's secret key."""

    async def send(query, path="/api/insights/query", **more):
        headers = {"Authorization": f"Bearer {tenant.secret_key}", **more.pop("headers", {})}
        return await client.post(path, json={"query": query, **more}, headers=headers)

    return send


FUNNEL = {
    "kind": "funnel",
    "steps": [{"event": "Visited"}, {"event": "Viewed"}, {"event": "Ordered"}],
    "range": {"days": 7},
}
TREND = {"kind": "trends", "series": [{"event": "Visited"}], "range": {"days": 7}}


async def test_a_funnel_answers_with_people_ratios_times_and_its_sql(shop, ask):
    answer = (await ask(FUNNEL)).json()
    steps = answer["groups"][0]["steps"]
    assert [step["people"] for step in steps] == [8, 4, 2]
    assert steps[2]["conversion"] == 0.25
    assert answer["groups"][0]["median_seconds"] == 600
    assert "person_key" in answer["sql"][0]["sql"]
    assert "Visited" in answer["sql"][0]["parameters"].values()
    assert "Visited" not in answer["sql"][0]["sql"]


async def test_people_who_went_on_and_who_dropped_off_add_up(shop, ask):
    async def people(**point):
        return (await ask(FUNNEL, "/api/insights/people", point=point, limit=3)).json()

    assert (await people(step=1))["total"] == 4
    dropped = await people(step=2, dropped=True)
    assert [person["name"] for person in dropped["items"]] == ["N3", "N4"]
    first = await people(step=0)
    assert len(first["items"]) == 3
    more = await ask(FUNNEL, "/api/insights/people", point={"step": 0}, cursor=first["next_cursor"])
    assert [person["name"] for person in more.json()["items"]] == ["N4", "N5", "N6", "N7", "N8"]


async def test_revenue_comes_from_orders_less_refunds_and_formulas_use_it(shop, ask):
    series = [
        {"source": "orders", "measure": {"kind": "sum", "property": "revenue"}},
        {"event": "Visited", "measure": {"kind": "people"}},
    ]
    answer = (await ask({**TREND, "series": series, "formulas": ["A / B", "B / (A - A)"]})).json()
    totals = {line["key"]: line["total"] for line in answer["series"]}
    assert totals == {"A": 3_500, "B": 8, "F1": 437.5, "F2": None}
    assert answer["series"][0]["unit"] == "money"


async def test_a_breakdown_by_what_people_are_now_names_the_rest_other(shop, ask):
    split = [{"property": "name", "of": "current_person"}]
    answer = (await ask({**TREND, "breakdown": split, "limit": 2})).json()
    found = [(line["breakdown"], line["is_other"], line["total"]) for line in answer["series"]]
    assert found == [(["N1"], False, 1), (["N2"], False, 1), ([], True, 6)]


async def test_every_wrong_field_is_named_at_once(ask):
    query = {
        "kind": "trends",
        "series": [
            {"event": "a`b", "measure": {"kind": "sum"}},
            {"filters": [{"property": "x", "op": "gt", "value": "many"}]},
            {"filters": [{"property": "x", "op": "regex", "value": "("}]},
        ],
        "formulas": ["A / Z", "1 +"],
        "range": {"from": "2026-03-02", "to": "2026-03-01"},
    }
    answer = await ask(query)
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {
        "range.from",
        "series[0].event",
        "series[0].measure.property",
        "series[1].filters[0].value",
        "series[2].filters[0].value",
        "formulas[0]",
        "formulas[1]",
    }


async def test_a_kind_nobody_knows_and_a_missing_step_are_named(ask):
    assert (await ask({"kind": "guess"})).status_code == 422
    answer = await ask({"kind": "funnel", "steps": [{"event": "A", "filters": [{"op": "in"}]}]})
    fields = {error["field"] for error in answer.json()["errors"]}
    assert "query.steps[0].filters[0].property" in fields


async def test_values_are_bound_and_never_part_of_the_sql(shop, ask):
    hostile = "x') or 1=1 -- {tenant:UUID} %s"
    named = {"property": "a.b'\"{x:Int8}", "op": "equals", "value": hostile}
    query = {**TREND, "filters": [named], "breakdown": [{"property": "^a"}]}
    answer = await ask(query)
    assert answer.status_code == 200
    assert hostile not in answer.json()["sql"][0]["sql"]
    assert answer.json()["series"] == []


async def test_the_same_question_is_not_computed_twice_until_data_changes(
    shop, ask, platform, tenant, history
):
    assert not (await ask(TREND)).json()["cached"]
    assert (await ask(TREND)).json()["cached"]
    assert not (await ask(TREND, refresh=True)).json()["cached"]
    # An event of another name changes nothing of this answer; a late one of this name does.
    day = clock.now() - timedelta(days=2)
    await history(events=[(9, "Other", day, {}, {})]).write(platform.store, tenant.id)
    assert (await ask(TREND)).json()["cached"]
    await history(events=[(9, "Visited", day, {}, {})]).write(platform.store, tenant.id)
    answer = (await ask(TREND)).json()
    assert (answer["cached"], answer["totals"]["A"]) == (False, 9)


async def test_a_merge_changes_the_answer_though_no_event_came(
    shop, ask, platform, tenant, history
):
    people = {**TREND, "series": [{"event": "Visited", "measure": {"kind": "people"}}]}
    assert (await ask(people)).json()["totals"]["A"] == 8
    await history(overrides=[(2, 1)]).write(platform.store, tenant.id)
    answer = (await ask(people)).json()
    assert (answer["cached"], answer["totals"]["A"]) == (False, 7)


async def test_an_answer_can_be_taken_as_csv_and_json_lines(shop, ask):
    csv = await ask(FUNNEL, headers={"Accept": "text/csv"})
    assert csv.headers["content-type"].startswith("text/csv")
    lines = csv.text.splitlines()
    assert lines[0].startswith("Step,Name,People")
    assert lines[1].startswith("1,Visited,8,0,1.0")
    rows = (await ask(FUNNEL, format="jsonl")).text.splitlines()
    assert '"label":"Ordered","people":2' in rows[2]


async def test_a_cell_that_a_spreadsheet_would_run_is_quoted(platform, tenant, ask, history):
    day = clock.now() - timedelta(days=1)
    made = history(events=[(1, "A", day, {"plan": "=1+1"}, {})])
    await made.write(platform.store, tenant.id)
    query = {**TREND, "series": [{"event": "A"}], "breakdown": [{"property": "plan"}]}
    assert ",'=1+1," in (await ask(query, format="csv")).text


async def test_what_is_too_heavy_is_stopped_with_advice(shop, ask, monkeypatch):
    monkeypatch.setitem(asking.LIMITS, "max_rows_to_read", "3")
    answer = await ask(TREND, refresh=True)
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("too-heavy")
    assert "fewer days" in answer.json()["detail"]


async def test_another_tenant_gets_nothing(shop, client, other_tenant):
    headers = {"Authorization": f"Bearer {other_tenant.secret_key}"}
    for query in (TREND, FUNNEL):
        answer = await client.post("/api/insights/query", json={"query": query}, headers=headers)
        assert not any(answer.json()["totals"].values())
        assert all(group["steps"][0]["people"] == 0 for group in answer.json()["groups"])
    words = (await client.get("/api/insights/vocabulary", headers=headers)).json()
    assert words == {"events": [], "properties": []}


async def test_the_vocabulary_has_volumes_and_examples(shop, client, tenant):
    headers = {"Authorization": f"Bearer {tenant.secret_key}"}
    words = (await client.get("/api/insights/vocabulary", headers=headers)).json()
    assert words["events"][0] == {"name": "Visited", "count": 8}
    named = {(each["of"], each["name"]): each for each in words["properties"]}
    assert named["event", "country"]["examples"] == ["DE"]
    assert ("current_person", "plan") in named


async def test_an_insight_is_kept_changed_answered_and_deleted(shop, client, tenant, platform):
    headers = {"Authorization": f"Bearer {tenant.secret_key}"}
    body = {"name": "Buying", "query": FUNNEL}
    made = await client.post("/api/insights", json=body, headers=headers)
    assert made.status_code == 201
    path = made.headers["location"]
    answer = (await client.get(f"{path}/result", headers=headers)).json()
    assert answer["groups"][0]["steps"][0]["people"] == 8
    await client.put(path, json={**body, "name": "Buying more"}, headers=headers)
    listed = (await client.get("/api/insights", headers=headers)).json()["items"]
    assert [each["name"] for each in listed] == ["Buying more"]
    assert (await client.delete(path, headers=headers)).status_code == 204
    assert (await client.get(path, headers=headers)).status_code == 404
    async with platform.postgres.transaction(tenant.scope) as tx:
        acts = await tx.values(
            "select action from audit_log where tenant_id = %s and target_kind = 'insight'"
            " order by audit_id",
            (tenant.id,),
        )
        told = await tx.values(
            "select name from signals where tenant_id = %s and name like 'insight.%%'", (tenant.id,)
        )
    assert acts == ["insight.created", "insight.updated", "insight.deleted"]
    assert sorted(told) == sorted(acts)
