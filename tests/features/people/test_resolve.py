"""Distinct ids become people: at once, once, whoever asks at the same time."""

import asyncio
from datetime import timedelta

import psycopg

from groundswell.features.people import api
from groundswell.features.people.types import PersonFilter, PropertyChange, Seen

from .conftest import AT


async def test_twenty_at_once_make_each_person_once(platform, tenant):
    ids = [f"visitor-{n}" for n in range(40)]

    async def resolve(shift):
        seen = {key: Seen(AT, AT) for key in ids[shift:] + ids[:shift]}
        async with platform.postgres.transaction(tenant.scope) as tx:
            return await api.resolve(tx, seen)

    answers = await asyncio.gather(*[resolve(shift * 2) for shift in range(20)])
    keys = [{key: found.own_key for key, found in answer.items()} for answer in answers]
    assert all(each == keys[0] for each in keys)
    async with platform.postgres.transaction(tenant.scope) as tx:
        people = await tx.value("select count(*) from people where tenant_id = %s", (tenant.id,))
    assert people == len(set(keys[0].values())) == 40


async def test_a_key_of_its_own_for_ever(platform, tenant, person_of):
    ada, anon = await person_of("ada"), await person_of("anon")
    async with platform.postgres.transaction(tenant.scope) as tx:
        await api.identify(tx, "anon", "ada", AT)
    after = await person_of("anon")
    assert after.own_key == anon.own_key
    assert after.person_key == ada.own_key


async def test_last_sight_moves_in_steps_and_first_sight_back(platform, tenant, person_of):
    await person_of("ada")
    for moment in (AT + timedelta(seconds=30), AT + timedelta(hours=1), AT - timedelta(days=9)):
        async with platform.postgres.transaction(tenant.scope) as tx:
            await api.resolve(tx, {"ada": Seen(moment, moment)})
    async with platform.postgres.transaction(tenant.scope) as tx:
        (person,) = await api.list_people(tx, PersonFilter())
    assert person.created_at == AT - timedelta(days=9)
    assert person.last_seen_at == AT + timedelta(hours=1)


async def test_properties_follow_the_time_of_events_not_their_place(platform, tenant):
    later, earlier = AT + timedelta(minutes=2), AT
    changes = [
        PropertyChange("ada", later, set={"plan": "pro"}, unset=("trial",)),
        PropertyChange("ada", earlier, set={"plan": "free", "trial": True}, set_once={"from": "x"}),
        PropertyChange("ada", later, set_once={"from": "y"}),
    ]
    async with platform.postgres.transaction(tenant.scope) as tx:
        (shown,) = (await api.set_properties(tx, changes)).values()
    assert shown == {"plan": "pro", "from": "x"}


async def test_another_tenants_id_is_another_person(person_of, tenant, other_tenant):
    mine = await person_of("ada")
    theirs = await person_of("ada", scope=other_tenant.scope)
    assert mine.person_id != theirs.person_id
    assert mine.own_key != theirs.own_key


async def test_search_uses_the_index_below_row_level_security(platform, tenant, endpoints):
    seen = {f"user-{n}": Seen(AT, AT) for n in range(3_000)}
    async with platform.postgres.transaction(tenant.scope) as tx:
        await api.resolve(tx, seen)
    with psycopg.connect(endpoints.database_owner_url) as owner:
        owner.execute("analyze distinct_ids")
    async with platform.postgres.transaction(tenant.scope) as tx:
        await tx.execute("set local enable_seqscan = off")
        plan = await tx.values(
            "explain select person_id from distinct_ids"
            " where tenant_id = %s and starts_with(distinct_id, 'user-12')",
            (tenant.id,),
        )
        found = await api.list_people(tx, PersonFilter("user-12"), limit=200)
    assert any("distinct_id >= 'user-12'" in line for line in plan)
    assert len(found) == 111
