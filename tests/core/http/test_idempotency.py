"""A repeated request gets the first answer and changes nothing again."""

import asyncio
from datetime import timedelta

import pytest

URL = "/api/probe/things"


def once(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


async def test_a_repeat_is_replayed_without_running(server, passed):
    first = await server.post(URL, json={"name": "a"}, headers=once("k1"))
    again = await server.post(URL, json={"name": "a"}, headers=once("k1"))
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert passed() == ["a"]


async def test_another_body_under_the_same_key_is_refused(server, passed):
    await server.post(URL, json={"name": "a"}, headers=once("k2"))
    other = await server.post(URL, json={"name": "b"}, headers=once("k2"))
    assert other.status_code == 422
    assert other.json()["errors"][0]["field"] == "Idempotency-Key"
    assert passed() == ["a"]


async def test_another_caller_cannot_read_the_answer(server, sign_in):
    await server.post(URL, json={"name": "a"}, headers=once("k3"))
    browser = await sign_in("owner")
    assert (await browser.post(URL, json={"name": "a"}, headers=once("k3"))).status_code == 422


async def test_tenants_have_keys_of_their_own(server, client, other_tenant, passed):
    await server.post(URL, json={"name": "a"}, headers=once("k4"))
    headers = {**once("k4"), "Authorization": f"Bearer {other_tenant.secret_key}"}
    answer = await client.post(URL, json={"name": "a"}, headers=headers)
    assert "idempotent-replayed" not in answer.headers
    assert passed() == ["a", "a"]


@pytest.mark.parametrize(
    ("name", "status", "runs"), [("conflict", 409, 2), ("away", 503, 2), ("crash", 500, 2)]
)
async def test_what_is_not_final_may_be_tried_again(server, passed, name, status, runs):
    for _ in range(2):
        answer = await server.post(URL, json={"name": name}, headers=once(f"k5-{name}"))
        assert answer.status_code == status
    assert len(passed()) == runs


async def test_a_refusal_is_final(server):
    first = await server.post(URL, json={"size": 1}, headers=once("k6"))
    again = await server.post(URL, json={"size": 1}, headers=once("k6"))
    assert first.status_code == again.status_code == 422
    assert again.headers["idempotent-replayed"] == "true"


async def test_of_many_at_once_one_runs(server, passed):
    answers = await asyncio.gather(
        *(server.post(URL, json={"name": "a"}, headers=once("k7")) for _ in range(8))
    )
    statuses = {answer.status_code for answer in answers}
    assert statuses <= {201, 409}
    assert 201 in statuses
    assert passed() == ["a"]


async def test_a_claim_whose_process_died_runs_again_later(server, platform, tenant, passed):
    await server.post(URL, json={"name": "a"}, headers=once("k8"))
    async with platform.postgres.transaction(tenant.scope) as tx:
        await tx.execute(
            "update idempotency_keys set status = null where tenant_id = %s and key = 'k8'",
            (tenant.id,),
        )
    early = await server.post(URL, json={"name": "a"}, headers=once("k8"))
    assert early.status_code == 409
    await _age(platform, tenant, timedelta(minutes=3))
    late = await server.post(URL, json={"name": "a"}, headers=once("k8"))
    assert late.status_code == 201
    assert passed() == ["a", "a"]


async def test_keys_are_forgotten_after_a_day(server, platform, tenant, passed):
    await server.post(URL, json={"name": "a"}, headers=once("k9"))
    await _age(platform, tenant, timedelta(hours=25))
    await server.post(URL, json={"name": "b"}, headers=once("k9"))
    assert passed() == ["a", "b"]


async def test_answers_are_not_kept_in_the_clear(server, platform, tenant):
    await server.post(URL, json={"name": "very-secret"}, headers=once("k10"))
    async with platform.postgres.transaction(tenant.scope) as tx:
        kept = await tx.value(
            "select response from idempotency_keys where tenant_id = %s and key = 'k10'",
            (tenant.id,),
        )
    assert b"very-secret" not in bytes(kept)


@pytest.mark.parametrize("key", ["", "x" * 256, "a\x7fb"])
async def test_a_malformed_key_is_refused(server, key):
    assert (await server.post(URL, json={"name": "a"}, headers=once(key))).status_code == 422


async def _age(platform, tenant, by):
    async with platform.postgres.transaction(tenant.scope) as tx:
        await tx.execute(
            "update idempotency_keys set created_at = created_at - %s where tenant_id = %s",
            (by, tenant.id),
        )
