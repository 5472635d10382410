"""The JSON API: every change is a version, is audited and told, and can be taken back."""

import asyncio
from datetime import timedelta

import pytest

from groundswell.core import clock
from groundswell.features.flags.api import snapshot_of
from groundswell.features.flags.logic.schedule import run_due


@pytest.fixture
def call(client, headers):
    """A call of the API with the tenant's key; gives the answer's JSON."""

    async def call(method: str, path: str, body: object = None, status: int = 200):
        answer = await client.request(method, f"/api{path}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    return call


async def test_a_life_from_creation_to_archive(call, snapshot, tenant):
    made = await call("POST", "/flags", {"key": "checkout", "name": "New checkout"}, 201)
    assert made["flag"]["number"] == 1
    assert made["approval"] is None
    on = await call("POST", "/flags/checkout/enable", {})
    assert on["flag"]["environments"]["production"]["groups"][0]["rollout"] == 100
    await call("POST", "/flags/checkout/rollout", {"percentage": 25})
    flag = await call("GET", "/flags/checkout")
    assert (flag["version"], flag["environments"]["production"]["groups"][0]["rollout"]) == (3, 25)
    await call("POST", "/flags/checkout/disable", {"note": "errors"})
    history = (await call("GET", "/flags/checkout/history"))["items"]
    assert [each["version"] for each in history] == [4, 3, 2, 1]
    assert history[0]["note"] == "errors"
    assert history[0]["changes"] == [
        {"path": "environments.production.enabled", "before": True, "after": False}
    ]
    back = await call("POST", "/flags/checkout/rollback", {"version": 3})
    assert back["flag"]["version"] == 5
    assert back["flag"]["environments"] == flag["environments"]
    await call("POST", "/flags/checkout/archive")
    assert (await call("GET", "/flags"))["items"] == []
    assert len((await call("GET", "/flags?archived=true"))["items"]) == 1
    await snapshot.refresh()
    assert list(snapshot.flags_in(tenant.id, "production").flags) == []


async def test_a_change_that_changes_nothing_is_no_version(call):
    await call("POST", "/flags", {"key": "f"}, 201)
    same = await call("POST", "/flags/f/disable", {})
    assert same["flag"]["version"] == 1


async def test_each_change_is_audited_and_told(call, platform, tenant):
    await call("POST", "/flags", {"key": "f"}, 201)
    await call("PUT", "/flags/f/override", {"id": "tester@example.com", "variant": "on"})
    async with platform.postgres.transaction(tenant.scope) as tx:
        audited = await tx.rows(
            "select action, detail::text from audit_log where tenant_id = %s"
            " and target_kind = 'flag' order by audit_id",
            (tenant.id,),
        )
        told = await tx.values(
            "select name from signals where tenant_id = %s and name like 'flag.%%'"
            " order by signal_id",
            (tenant.id,),
        )
    assert [action for action, _ in audited] == ["flag.created", "flag.changed"]
    assert "tester@example.com" not in audited[1][1], "who is named stands in history only"
    assert told == ["flag.created", "flag.changed"]


async def test_all_wrong_fields_are_named(client, headers):
    body = {
        "key": "bad key",
        "kind": "multivariate",
        "variants": [{"key": "a"}, {"key": "a"}],
        "off_variant": "z",
        "environments": {
            "nowhere": {},
            "production": {
                "groups": [
                    {
                        "rollout": 101,
                        "variant": "q",
                        "conditions": [
                            {"property": "p", "operator": "regex", "value": "(?=x)"},
                            {"property": "p", "operator": "gt", "value": "many"},
                            {"property": "", "operator": "is", "value": []},
                            {"property": "s", "operator": "in_segment"},
                        ],
                    }
                ],
                "prerequisites": [{"flag": "none"}],
                "overrides": [{"id": "", "variant": "a"}],
                "split": [{"variant": "a", "weight": 0}],
            },
        },
    }
    first = await client.post("/api/flags", json=body, headers=headers)
    assert [e["field"] for e in first.json()["errors"]] == ["key"]
    answer = await client.post("/api/flags", json={**body, "key": "good"}, headers=headers)
    assert answer.status_code == 422
    group = "environments.production.groups[0]"
    assert {e["field"] for e in answer.json()["errors"]} == {
        "variants",
        "off_variant",
        "environments.nowhere",
        f"{group}.rollout",
        f"{group}.variant",
        f"{group}.conditions[0].value",
        f"{group}.conditions[1].value",
        f"{group}.conditions[2].property",
        f"{group}.conditions[2].value",
        f"{group}.conditions[3].operator",
        "environments.production.prerequisites[0].flag",
        "environments.production.overrides[0].id",
        "environments.production.split",
    }


async def test_a_circle_of_prerequisites_is_refused(client, call, headers):
    for key in ("a", "b", "c"):
        await call("POST", "/flags", {"key": key}, 201)

    async def need(key, other):
        rules = {"prerequisites": [{"flag": other}]}
        path = f"/api/flags/{key}/environments/production"
        return await client.put(path, json={"rules": rules}, headers=headers)

    assert (await need("a", "b")).status_code == 200
    assert (await need("b", "c")).status_code == 200
    refused = await need("c", "a")
    assert refused.status_code == 422
    assert "circle" in refused.json()["errors"][0]["reason"]
    assert (await need("c", "c")).status_code == 422
    archived = await client.post("/api/flags/b/archive", headers=headers)
    assert archived.status_code == 409, "another flag needs it"


async def test_two_who_close_a_circle_at_once_do_not_both_succeed(client, call, headers):
    for key in ("a", "b"):
        await call("POST", "/flags", {"key": key}, 201)
    answers = await asyncio.gather(
        *(
            client.put(
                f"/api/flags/{key}/environments/production",
                json={"rules": {"prerequisites": [{"flag": other}]}},
                headers=headers,
            )
            for key, other in (("a", "b"), ("b", "a"))
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 422]


async def test_who_changes_what_somebody_changed_meanwhile_is_told(call):
    await call("POST", "/flags", {"key": "f"}, 201)
    await call("PATCH", "/flags/f", {"name": "One", "version": 1})
    problem = await call("PATCH", "/flags/f", {"name": "Two", "version": 1}, 409)
    assert problem["version"] == 2


async def test_a_key_belongs_to_an_environment(client, call, tenant, platform, snapshot, sign_in):
    await call(
        "POST",
        "/flags",
        {"key": "f", "environments": {"staging": {"enabled": True, "groups": [{}]}}},
        201,
    )
    await snapshot.refresh()
    asked = {"Authorization": f"Bearer {tenant.publishable_key}"}
    body = {"distinct_id": "u"}
    before = (await client.post("/api/flags/evaluate", json=body, headers=asked)).json()
    assert (before["environment"], before["flags"]["f"]["enabled"]) == ("production", False)
    owner = await sign_in("owner")
    keys = (await owner.get("/api/keys")).json()["items"]
    key_id = next(key["key_id"] for key in keys if key["kind"] == "publishable")
    path = f"/api/flag-environments/keys/{key_id}"
    assert (await owner.put(path, json={"environment": "nowhere"})).status_code == 422
    assert (await owner.put(path, json={"environment": "staging"})).status_code == 204
    await snapshot.refresh()
    after = (await client.post("/api/flags/evaluate", json=body, headers=asked)).json()
    assert (after["environment"], after["flags"]["f"]["enabled"]) == ("staging", True)


async def test_a_second_person_publishes_where_the_tenant_wants_it(call, sign_in, tenant):
    owner, editor = await sign_in("owner"), await sign_in("editor")
    guarded = {"name": "Production", "needs_approval": True}
    assert (await editor.put("/api/flag-environments/production", json=guarded)).status_code == 403
    assert (await owner.put("/api/flag-environments/production", json=guarded)).status_code == 200
    await call("POST", "/flags", {"key": "f"}, 201)
    free = (await editor.post("/api/flags/f/enable", json={"environment": "staging"})).json()
    assert free["approval"] is None
    proposed = (await editor.post("/api/flags/f/enable", json={})).json()
    assert proposed["flag"]["version"] == free["flag"]["version"]
    path = f"/api/flag-approvals/{proposed['approval']['approval_id']}/approve"
    assert (await editor.post(path)).status_code == 403
    published = (await owner.post(path)).json()
    assert published["environments"]["production"]["enabled"] is True
    assert (await owner.post(path)).status_code == 409
    killed = (await editor.post("/api/flags/f/disable", json={})).json()
    assert killed["approval"] is None, "the kill switch waits for nobody"
    assert killed["flag"]["environments"]["production"]["enabled"] is False


async def test_nobody_approves_what_they_proposed(sign_in, call):
    owner = await sign_in("owner")
    guarded = {"name": "Production", "needs_approval": True}
    await owner.put("/api/flag-environments/production", json=guarded)
    await call("POST", "/flags", {"key": "f"}, 201)
    proposed = (await owner.post("/api/flags/f/enable", json={})).json()["approval"]
    path = f"/api/flag-approvals/{proposed['approval_id']}"
    assert (await owner.post(f"{path}/approve")).status_code == 403
    assert (await owner.post(f"{path}/reject")).status_code == 204
    assert (await owner.get("/api/flag-approvals")).json()["items"] == []


async def test_a_proposal_older_than_the_flag_is_closed(sign_in, call):
    owner, editor = await sign_in("owner"), await sign_in("editor")
    guarded = {"name": "Production", "needs_approval": True}
    await owner.put("/api/flag-environments/production", json=guarded)
    await call("POST", "/flags", {"key": "f"}, 201)
    proposed = (await editor.post("/api/flags/f/enable", json={})).json()["approval"]
    await call("PATCH", "/flags/f", {"name": "Renamed"})
    path = f"/api/flag-approvals/{proposed['approval_id']}/approve"
    assert (await owner.post(path)).status_code == 409
    assert (await owner.get("/api/flag-approvals")).json()["items"] == []


async def test_a_scheduled_change_happens_once(call, platform, tenant):
    await call("POST", "/flags", {"key": "f"}, 201)
    at = clock.now() + timedelta(hours=1)
    body = {"at": at.isoformat(), "enabled": True, "rollout": 10}
    await call("POST", "/flags/f/schedules", {**body, "at": "2020-01-01T00:00:00Z"}, 422)
    made = await call("POST", "/flags/f/schedules", body, 201)
    await run_due(platform)
    assert (await call("GET", "/flags/f"))["version"] == 1
    async with platform.postgres.transaction(tenant.scope) as tx:
        await tx.execute("update flag_schedules set at = now() where tenant_id = %s", (tenant.id,))
    await asyncio.gather(run_due(platform), run_due(platform))
    flag = await call("GET", "/flags/f")
    assert (flag["version"], flag["environments"]["production"]["enabled"]) == (2, True)
    assert flag["environments"]["production"]["groups"][0]["rollout"] == 10
    assert (await call("GET", "/flags/f/schedules"))["items"][0]["done_at"]
    path = f"/flags/f/schedules/{made['schedule_id']}"
    await call("DELETE", path, status=404)


async def test_explain_tells_each_step(call):
    rules = {
        "enabled": True,
        "groups": [
            {"name": "Pro", "conditions": [{"property": "plan", "operator": "is", "value": "pro"}]},
            {"rollout": 50},
        ],
    }
    await call("POST", "/flags", {"key": "f", "environments": {"production": rules}}, 201)
    found = await call("POST", "/flags/f/explain", {"distinct_id": "u1", "properties": {}})
    pro, half = found["groups"]
    assert pro["conditions"][0] == {
        "property": "plan", "operator": "is", "value": "pro", "found": None, "holds": False
    }  # fmt: skip
    assert half["admits"] is (half["place"] < 50) is found["answer"]["enabled"]


async def test_a_list_goes_on_page_by_page_and_is_searched(call):
    for key in ("a1", "a2", "b1"):
        await call("POST", "/flags", {"key": key, "tags": ["x"] if key == "b1" else []}, 201)
    first = await call("GET", "/flags?limit=2")
    assert [each["key"] for each in first["items"]] == ["a1", "a2"]
    rest = await call("GET", f"/flags?limit=2&cursor={first['next_cursor']}")
    assert [each["key"] for each in rest["items"]] == ["b1"]
    assert len((await call("GET", "/flags?search=A"))["items"]) == 2
    assert len((await call("GET", "/flags?tag=x"))["items"]) == 1


async def test_remote_config_gives_the_payload_as_text(client, call, headers, snapshot):
    variants = [{"key": "on", "payload": {"a": 1}}]
    await call("POST", "/flags", {"key": "f", "variants": variants}, 201)
    await snapshot.refresh()
    path = "/api/projects/@current/feature_flags/f/remote_config?token=x"
    assert (await client.get(path, headers=headers)).json() == '{"a":1}'


async def test_a_change_reaches_memory_within_a_second(client, call, headers, app):
    """Pushed: nobody refreshes by hand here."""
    await call("POST", "/flags", {"key": "f"}, 201)
    await call("POST", "/flags/f/enable", {})
    flags = snapshot_of(app._app._app.state.platform)
    began = asyncio.get_running_loop().time()
    while True:
        found = (
            await client.post("/api/flags/evaluate", json={"distinct_id": "u"}, headers=headers)
        ).json()
        if found["flags"].get("f", {}).get("enabled"):
            break
        await asyncio.sleep(0.005)
        assert asyncio.get_running_loop().time() - began < 1
    assert flags.revision_of is not None
