"""The JSON API of people."""

from uuid import uuid4

import pytest


@pytest.fixture
def server(client, tenant):
    """Requests with the tenant's secret key."""
    client.headers["Authorization"] = f"Bearer {tenant.secret_key}"
    return client


@pytest.fixture
def put(server):
    async def put(distinct_id, **changes):
        answer = await server.post("/api/people", json={"distinct_id": distinct_id, **changes})
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    return put


async def test_a_person_is_made_once_then_changed(server, put):
    made = await server.post("/api/people", json={"distinct_id": "ada", "set": {"plan": "free"}})
    assert made.status_code == 201
    again = await put("ada", set={"email": "Ada@Example.com"}, unset=["plan"])
    assert again["person_id"] == made.json()["person_id"]
    assert (again["properties"], again["email"]) == (
        {"email": "Ada@Example.com"},
        "ada@example.com",
    )
    patched = await server.patch(f"/api/people/{again['person_id']}", json={"set": {"n": 1}})
    assert patched.json()["properties"]["n"] == 1


async def test_found_by_id_distinct_id_with_slashes_and_prefix(server, put):
    ada = await put("user/ada 1", set={"email": "ada@x.example"})
    await put("bob")
    by_id = await server.get(f"/api/people/{ada['person_id']}")
    by_distinct = await server.get("/api/people/by-distinct-id/user/ada%201")
    assert by_id.json() == by_distinct.json() == ada
    for search in ("user/ada 1", "user", "ADA@x"):
        found = await server.get("/api/people", params={"search": search})
        assert [each["person_id"] for each in found.json()["items"]] == [ada["person_id"]], search
    assert (await server.get("/api/people/by-distinct-id/nobody")).status_code == 404


async def test_pages_go_through_everybody_once(server, put):
    for n in range(7):
        await put(f"user-{n}")
    seen, cursor = [], None
    while True:
        params = {"limit": 3, "identified": "true"} | ({"cursor": cursor} if cursor else {})
        answer = (await server.get("/api/people", params=params)).json()
        seen += [each["distinct_ids"][0]["distinct_id"] for each in answer["items"]]
        if (cursor := answer["next_cursor"]) is None:
            break
    assert sorted(seen) == [f"user-{n}" for n in range(7)]


async def test_merge_log_and_undo(server, put):
    ada, bob = await put("ada", set={"a": 1}), await put("bob", set={"b": 2})
    path = f"/api/people/{ada['person_id']}"
    body = {"person_id": bob["person_id"], "reason": "same card"}
    merged = await server.post(f"{path}/merge", json=body)
    assert merged.json()["outcome"] == "merged"
    assert (await server.post(f"{path}/merge", json=body)).json()["outcome"] == "already"
    one = (await server.get(f"/api/people/{bob['person_id']}")).json()
    assert one["person_id"] == ada["person_id"]
    assert one["properties"] == {"a": 1, "b": 2}
    (line,) = (await server.get(f"{path}/merges")).json()["items"]
    timeline = (await server.get(f"{path}/timeline")).json()["items"]
    assert [entry["kind"] for entry in timeline] == ["merge"]
    undone = await server.post(f"/api/merges/{line['merge_id']}/undo")
    assert undone.status_code == 200
    assert undone.json()["undone_at"]
    assert (await server.get(f"/api/people/{bob['person_id']}")).json()["properties"] == {"b": 2}


async def test_another_tenant_sees_nothing_of_them(client, put, other_tenant):
    ada = await put("canary-ada", set={"email": "canary@x.example"})
    headers = {"Authorization": f"Bearer {other_tenant.secret_key}"}
    path = f"/api/people/{ada['person_id']}"
    for address in (
        path,
        f"{path}/timeline",
        f"{path}/merges",
        "/api/people/by-distinct-id/canary-ada",
    ):
        assert (await client.get(address, headers=headers)).status_code == 404
    assert (await client.get("/api/people", headers=headers)).json()["items"] == []
    assert (await client.patch(path, headers=headers, json={"set": {"x": 1}})).status_code == 404


async def test_a_publishable_key_reads_and_changes_nobody(client, put, tenant):
    ada = await put("ada")
    headers = {"Authorization": f"Bearer {tenant.publishable_key}"}
    assert (await client.get("/api/people", headers=headers)).status_code == 403
    body = {"person_id": str(uuid4()), "reason": "x"}
    answer = await client.post(f"/api/people/{ada['person_id']}/merge", headers=headers, json=body)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"distinct_id": ""},
        {"distinct_id": "x" * 401},
        {"distinct_id": "a\x00b"},
        {"distinct_id": "a", "set": {"k": "\x00"}},
        {"distinct_id": "a", "set": {"": 1}},
        {"distinct_id": "a", "set": {"k": "x" * 70_000}},
        {"distinct_id": "a", "set": {"k": 10**40}},
        {"distinct_id": "a", "set": {"k": 1}, "unset": ["k"]},
        {"distinct_id": "a", "set": []},
    ],
)
async def test_hostile_bodies_leave_no_trace(server, body):
    answer = await server.post("/api/people", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]
    assert (await server.get("/api/people")).json()["items"] == []


@pytest.mark.parametrize("query", ["cursor=xx", "limit=0", "identified=maybe", "search=%00"])
async def test_hostile_queries_are_4xx(server, query):
    assert (await server.get(f"/api/people?{query}")).status_code in (400, 422)
