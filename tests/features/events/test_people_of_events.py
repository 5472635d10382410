"""Events carry the right person: its key, its properties then, its later merges."""

import json
import uuid

from groundswell.core import clock
from groundswell.core.platform import Platform
from groundswell.features.events.api import CANONICAL_PERSON, events_of_person, person_join
from groundswell.features.people import api as people


def sent(event, distinct_id, **more):
    return {"event": event, "distinct_id": distinct_id, "uuid": str(uuid.uuid4()), **more}


async def rows_of(platform: Platform, tenant):
    rows = await platform.store.rows(
        tenant.scope,
        "select event, distinct_id, person_key, toJSONString(person_properties) from events"
        " where tenant_id = {tenant:UUID} order by at, event",
    )
    return [(row[0], row[1], row[2], json.loads(row[3])) for row in rows]


async def count_people(platform: Platform, tenant) -> int:
    sql = (
        f"select uniqExact({CANONICAL_PERSON}) from events as e {person_join()}"
        " where e.tenant_id = {tenant:UUID}"
    )
    return (await platform.store.rows(tenant.scope, sql))[0][0]


async def test_properties_are_those_of_the_time_of_the_event(
    send, tenant, stored, platform
) -> None:
    """Within one request, and over requests; both places of $set; set once; unset."""
    events = [
        sent("1", "u"),
        sent("2", "u", properties={"$set": {"plan": "free"}, "$set_once": {"first": "mail"}}),
        sent("3", "u"),
        sent("$set", "u", **{"$set": {"plan": "pro"}, "$set_once": {"first": "ad", "x": None}}),
    ]
    for index, event in enumerate(events):
        event["timestamp"] = f"2026-01-01T00:00:0{index}Z"
    await send("/api/events", {"events": events}, tenant.secret_key)
    await stored()
    later = sent("5", "u", properties={"$unset": ["first"]}, timestamp="2026-01-01T00:00:09Z")
    await send("/api/events", {"events": [later]}, tenant.secret_key)
    await stored()
    assert [row[3] for row in await rows_of(platform, tenant)] == [
        {},
        {"plan": "free", "first": "mail"},
        {"plan": "free", "first": "mail"},
        {"plan": "pro", "first": "mail"},
        {"plan": "pro"},
    ]


async def test_late_merges_count_people_right_without_touching_events(
    send, tenant, stored, platform
) -> None:
    """Three anonymous visits become one person when they sign in, and two again when undone."""
    visits = [sent("a", f"anon{number}") for number in range(3)]
    await send("/api/events", {"events": visits}, tenant.secret_key)
    await stored()
    assert await count_people(platform, tenant) == 3
    for number in range(3):
        link = sent("$identify", "ann", properties={"$anon_distinct_id": f"anon{number}"})
        await send("/batch/", {"batch": [link]}, tenant.publishable_key)
        await stored()
    assert await count_people(platform, tenant) == 1
    keys = {row[2] for row in await rows_of(platform, tenant)}
    assert len(keys) == 4, "every id keeps the key it was born with"
    async with platform.postgres.transaction(tenant.scope) as tx:
        person = await people.root_of(tx, "ann")
        merges = await people.merges_of(tx, person)
    found = await events_of_person(platform, tenant.scope, person)
    assert len(found) == 6
    async with platform.postgres.transaction(tenant.scope) as tx:
        await people.unmerge(tx, merges[0].merge_id)
    await stored()
    assert await count_people(platform, tenant) == 2


async def test_aliases_join_whichever_side_is_anonymous(send, tenant, stored, platform) -> None:
    """Python and Node send the two ids the other way round."""
    for one, other in (("p1", "q1"), ("q2", "p2")):
        alias = sent("$create_alias", one, properties={"distinct_id": one, "alias": other})
        await send("/batch/", {"batch": [sent("x", "p1"), alias]}, tenant.secret_key)
    await stored()
    async with platform.postgres.transaction(tenant.scope) as tx:
        for one, other in (("p1", "q1"), ("p2", "q2")):
            assert await people.root_of(tx, one) == await people.root_of(tx, other)


async def test_a_publishable_key_never_merges_two_identified_people(
    send, tenant, stored, platform
) -> None:
    named = [sent("$identify", n, properties={"$anon_distinct_id": f"a-{n}"}) for n in "xy"]
    await send("/batch/", {"batch": named}, tenant.secret_key)
    await stored()
    for key, is_one in ((tenant.publishable_key, False), (tenant.secret_key, True)):
        merge = sent("$merge_dangerously", "x", properties={"alias": "y"})
        await send("/batch/", {"batch": [merge]}, key)
        await stored()
        async with platform.postgres.transaction(tenant.scope) as tx:
            same = await people.root_of(tx, "x") == await people.root_of(tx, "y")
        assert same is is_one


async def test_groups_and_servers_make_no_people(send, tenant, stored, platform) -> None:
    """A group's made-up id and a server's error are nobody: no person, nobody active."""
    batch = [
        sent("$groupidentify", "random", properties={"$group_type": "company", "$group_key": "a"}),
        sent(
            "$exception", "rnd", properties={"$process_person_profile": False, "$is_server": True}
        ),
    ]
    await send("/batch/", {"batch": batch}, tenant.secret_key)
    await stored()
    assert [row[2] for row in await rows_of(platform, tenant)] == [0, 0]
    async with platform.postgres.transaction(tenant.scope) as tx:
        assert await people.root_of(tx, "random") is None
    active = await platform.store.rows(
        tenant.scope, "select count() from person_activity where tenant_id = {tenant:UUID}"
    )
    assert active == [(0,)]


async def test_another_tenant_with_the_same_uuid_keeps_its_event(
    send, tenant, other_tenant, stored, platform
) -> None:
    """Uuids are the sender's: nobody's event may be dropped because of another tenant's."""
    event = sent("a", "u")
    for each in (tenant, other_tenant, tenant):
        await send("/api/events", {"events": [event, event]}, each.secret_key)
    await stored()
    for each in (tenant, other_tenant):
        assert len(await rows_of(platform, each)) == 1


async def test_a_repeat_after_days_is_dropped_by_a_writer_that_just_started(
    send, tenant, stored, platform
) -> None:
    """Filters are built from the table: a repeat 20 days later is known."""
    event = sent("a", "u", timestamp="2026-10-01T00:00:00Z")
    await send("/api/events", {"events": [event]}, tenant.secret_key)
    await stored()
    await platform.store.command(
        "insert into seen_events select tenant_id, event_id, day - 20 from seen_events"
        f" where tenant_id = '{tenant.id}'"
    )
    await platform.store.command(f"alter table seen_events drop partition '{_today()}'")
    event["timestamp"] = "2026-10-21T00:00:00Z"
    await send("/api/events", {"events": [event]}, tenant.secret_key)
    await stored()
    assert len(await rows_of(platform, tenant)) == 1


def _today() -> str:
    return clock.now().date().isoformat()


async def test_an_order_has_one_event_whichever_way_it_came(send, tenant, stored, platform) -> None:
    """The same order by three events with uuids of their own: one order, one event."""
    for _ in range(3):
        bought = {"order_id": "7", "total": 5, "currency": "USD"}
        order = sent("Order Completed", "u", properties=bought)
        await send("/api/events", {"events": [order, order]}, tenant.secret_key)
        await stored()
    rows = await rows_of(platform, tenant)
    assert [row[0] for row in rows] == ["Order Completed"]
    broken = sent("Order Completed", "u", properties={"total": 5, "currency": "USD"})
    await send("/api/events", {"events": [broken]}, tenant.secret_key)
    await stored()
    assert len(await rows_of(platform, tenant)) == 2, "no order, yet the event is kept"
    async with platform.postgres.transaction(tenant.scope) as tx:
        reasons = await tx.values(
            "select reason from refused_events where tenant_id = %s", (tx.tenant_id,)
        )
    assert reasons == ["order"]


async def test_events_of_a_deleted_tenant_hold_nobody_up(
    send, tenant, other_tenant, stored, platform
) -> None:
    await send("/api/events", {"events": [sent("a", "u")]}, tenant.secret_key)
    async with platform.postgres.across_tenants("test") as tx:
        await tx.execute("delete from tenants where tenant_id = %s", (tenant.id,))
    await send("/api/events", {"events": [sent("a", "u")]}, other_tenant.secret_key)
    await stored()
    assert len(await rows_of(platform, other_tenant)) == 1
    assert await rows_of(platform, tenant) == []
