"""A person has a size: every event carries a copy of its properties."""

from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from groundswell.features.people.logic.properties import Layers
from groundswell.features.people.types import MAX_PROPERTIES_BYTES, PropertyChange

AT = datetime(2026, 1, 1, tzinfo=UTC)

values = st.one_of(st.text(max_size=3_000), st.lists(st.integers(), max_size=500), st.integers())
changes = st.lists(
    st.tuples(
        st.dictionaries(st.text(min_size=1, max_size=3), values, max_size=6),
        st.lists(st.text(min_size=1, max_size=3), max_size=2),
    ),
    max_size=12,
)


def size(properties: object) -> int:
    return len(msgspec.json.encode(properties))


@given(changes, changes)
def test_no_change_and_no_merge_makes_a_person_larger_than_a_person_may_be(ours, theirs) -> None:
    one, other = Layers({}), Layers({})
    for layer, made in ((one, ours), (other, theirs)):
        for given_set, unset in made:
            layer.change(PropertyChange("a", AT, set=given_set, unset=tuple(unset)))
            assert size(layer.shown) <= MAX_PROPERTIES_BYTES
    one.take_in(other.shown)
    assert size(one.shown) <= MAX_PROPERTIES_BYTES
    one.rebuild([other.shown])
    assert size(one.shown) <= MAX_PROPERTIES_BYTES


def test_what_is_too_large_already_may_shrink() -> None:
    layer = Layers({"big": "x" * 2 * MAX_PROPERTIES_BYTES})
    layer.change(PropertyChange("a", AT, set={"more": 1}))
    assert "more" not in layer.shown
    layer.change(PropertyChange("a", AT, set={"big": "small"}))
    layer.change(PropertyChange("a", AT, set={"more": 1}))
    assert layer.shown == {"big": "small", "more": 1}


async def test_the_api_says_when_there_is_no_room(client, tenant):
    """A change is made whole or refused with the names that have no room."""
    client.headers["Authorization"] = f"Bearer {tenant.secret_key}"
    half = "x" * (MAX_PROPERTIES_BYTES // 2)
    for name, status in (("a", 201), ("b", 422), ("c", 422)):
        answer = await client.post("/api/people", json={"distinct_id": "mary", "set": {name: half}})
        assert answer.status_code == status, answer.text
        if status == 422:
            assert answer.json()["errors"][0]["field"] == f"set.{name}"
    answer = await client.post("/api/people", json={"distinct_id": "mary", "set": {"a": "small"}})
    assert answer.json()["properties"] == {"a": "small"}


async def test_deep_properties_are_refused(client, tenant):
    client.headers["Authorization"] = f"Bearer {tenant.secret_key}"
    deep: object = 1
    for _ in range(40):
        deep = [deep]
    answer = await client.post("/api/people", json={"distinct_id": "mary", "set": {"deep": deep}})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "set.deep")


ODD = [
    "", "a.b", "\u202e", "\U0001f600", -1, 2**63 - 1, -(2**63), 1e308, -0.0, 1e-320, True, None, [],
    {}, [[]], [{}], {"a": {"b": 1}}, {"a.b": 1, "a": {"b": 2}}, {"": 1}, {"a": {"": 1}}, [1, "a"],
    [1, None, {"x": []}], {"k": [1, {"k": [2]}]}, "2026-01-01", "0x1", "NaN", {"tuple": [1, [2]]},
    {"a": 1, "A": 2}, {"a`b": 1}, {"a\"b": 1}, {"a\\": 1}, {"a'": 1}, {"\n": 1}, "x" * 15_000,
]  # fmt: skip


async def test_no_property_is_refused_by_the_event_store(client, tenant, platform):
    """A row the store refuses is parked, and that person is missing from reports from then on."""
    from groundswell.core.db.outbox_drain import PARKED, Drain
    from groundswell.features.events.logic.gate import EventGate
    from groundswell.features.events.logic.seen import SeenEvents

    client.headers["Authorization"] = f"Bearer {tenant.secret_key}"
    for number, value in enumerate(ODD):
        body = {"distinct_id": f"odd-{number}", "set": {"p": value, "q.r": value, "Ü": value}}
        if value == "x" * 15_000:
            body["set"] = {"p": value}
        answer = await client.post("/api/people", json=body)
        assert answer.status_code == 201, (value, answer.text)
        # The same name with another type beside it.
        again = {"distinct_id": f"odd-{number}", "set": {"p": ODD[number - 1]}}
        assert (await client.post("/api/people", json=again)).status_code in (200, 422)
    gate = EventGate(SeenEvents(platform.store, 30))
    await Drain(platform.postgres, platform.store, gate).run()
    async with platform.postgres.transaction(tenant.scope) as tx:
        sql = "select row::text from outbox where tenant_id = %s and batch_id = %s"
        assert await tx.rows(sql, (tenant.id, PARKED)) == []
    sql = "select count() from people final where tenant_id = {tenant:UUID}"
    assert await platform.store.rows(tenant.scope, sql) == [(len(ODD),)]
