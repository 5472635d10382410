"""Who becomes one with whom, who may say so, and that it can be taken back."""

import asyncio

import pytest

from groundswell.core.errors import InvalidError, NotFoundError
from groundswell.core.ids import new_id
from groundswell.core.tenancy.scope import Actor, ActorKind, Scope
from groundswell.features.people import api
from groundswell.features.people.types import Link, LinkKind, Outcome, PropertyChange

from .conftest import AT


@pytest.fixture
def link(platform, tenant):
    async def apply(*pairs, kind=LinkKind.IDENTIFY, trusted=True):
        links = [Link(a, b, AT, kind, trusted) for a, b in pairs]
        async with platform.postgres.transaction(tenant.scope) as tx:
            return [each.outcome.value for each in await api.link(tx, links)]

    return apply


async def test_an_anonymous_person_becomes_the_one_named(link, person_of):
    assert await link(("anon", "ada")) == ["merged"]
    assert await link(("anon", "ada")) == ["already"]
    assert (await person_of("anon")).person_id == (await person_of("ada")).person_id
    assert (await person_of("anon")).is_identified


async def test_two_identified_people_stay_two(link, person_of):
    assert await link(("anon", "ada"), ("anon", "bob")) == ["merged", "refused"]
    assert (await person_of("anon")).person_id == (await person_of("ada")).person_id
    assert (await person_of("bob")).person_id != (await person_of("ada")).person_id


@pytest.mark.parametrize("pair", [("anon", "ada"), ("ada", "anon")])
async def test_alias_finds_the_anonymous_side_itself(link, person_of, pair):
    await person_of("ada", is_anonymous=False)
    assert await link(pair, kind=LinkKind.ALIAS) == ["merged"]
    assert (await person_of("anon")).person_key == (await person_of("ada")).own_key


async def test_a_browser_cannot_take_a_customer_away(link, person_of):
    await person_of("customer-42", is_vouched=True)
    assert await link(("customer-42", "thief"), trusted=False) == ["refused"]
    assert await link(("customer-42", "ada"), trusted=True) == ["merged"]


async def test_merges_that_cross_leave_one_person(platform, tenant, person_of):
    ada, bob = await person_of("ada"), await person_of("bob")

    async def merge(winner, loser):
        async with platform.postgres.transaction(tenant.scope) as tx:
            return (await api.merge(tx, winner.person_id, loser.person_id, "the same"))[0].outcome

    pairs = [(ada, bob), (bob, ada)] * 5
    outcomes = await asyncio.gather(*[merge(*pair) for pair in pairs])
    assert outcomes.count(Outcome.MERGED) == 1
    assert (await person_of("ada")).person_id == (await person_of("bob")).person_id
    async with platform.postgres.transaction(tenant.scope) as tx:
        assert await tx.value("select count(*) from merges where tenant_id = %s", (tenant.id,)) == 1


async def test_chains_and_links_at_once_lose_nobody(platform, tenant, person_of):
    people = [f"p{n}" for n in range(12)]
    for each in people:
        await person_of(each)

    async def join(one, other):
        async with platform.postgres.transaction(tenant.scope) as tx:
            return await api.identify(tx, one, other, AT)

    await asyncio.gather(*[join(people[n], people[n + 1]) for n in range(11)])
    async with platform.postgres.transaction(tenant.scope) as tx:
        loose = await tx.value(
            "select count(*) from distinct_ids d join people p using (tenant_id, person_id)"
            " where d.tenant_id = %s and p.merged_into is not null",
            (tenant.id,),
        )
    assert loose == 0


async def test_a_merge_is_logged_audited_told_and_taken_back(platform, tenant, person_of):
    ada, bob = await person_of("ada"), await person_of("bob")
    member = Scope(tenant.id, Actor(ActorKind.MEMBER, "m1"), tenant.scope.permissions)
    async with platform.postgres.transaction(member) as tx:
        changes = [PropertyChange("ada", AT, {"a": 1}), PropertyChange("bob", AT, {"a": 2, "b": 3})]
        await api.set_properties(tx, changes)
        linked, left = await api.merge(tx, ada.person_id, bob.person_id, "told by phone")
        assert (await api.get(tx, left)).properties == {"a": 1, "b": 3}
    async with platform.postgres.transaction(member) as tx:
        await api.unmerge(tx, linked.merge_id)
        again = await api.unmerge(tx, linked.merge_id)
        (line,) = await api.merges_of(tx, ada.person_id)
        actions = await tx.values(
            "select action from audit_log where tenant_id = %s and actor_id = 'm1'"
            " order by audit_id",
            (tenant.id,),
        )
        told = await tx.values("select name from signals where tenant_id = %s", (tenant.id,))
        back = [(await api.get(tx, each.person_id)).properties for each in (ada, bob)]
    assert back == [{"a": 1}, {"a": 2, "b": 3}]
    assert (line.reason, line.actor_id, line.undone_at) == ("told by phone", "m1", again.undone_at)
    assert actions == ["person.merged", "person.unmerged"]
    assert {"person.merged", "person.unmerged"} <= set(told)


async def test_merging_nobody_or_oneself_is_refused(platform, tenant, other_tenant, person_of):
    ada = await person_of("ada")
    stranger = await person_of("ada", scope=other_tenant.scope)
    async with platform.postgres.transaction(tenant.scope) as tx:
        with pytest.raises(InvalidError):
            await api.merge(tx, ada.person_id, ada.person_id, "x")
        for unknown in (new_id(), stranger.person_id):
            with pytest.raises(NotFoundError):
                await api.merge(tx, ada.person_id, unknown, "x")
        with pytest.raises(NotFoundError):
            await api.unmerge(tx, new_id())


async def test_numbers_are_right_after_a_late_merge_and_its_undo(
    platform, tenant, person_of, drain
):
    """The event store counts people by canonical key: three, two, and three again."""
    from groundswell.core.db.outbox import mirror
    from groundswell.features.events.api import CANONICAL_PERSON, person_join

    people = [await person_of(name) for name in ("ada", "bob", "cyd")]
    async with platform.postgres.transaction(tenant.scope) as tx:
        await mirror(tx, "events", [_event(each) for each in people])
    count = (
        f"select uniqExact({CANONICAL_PERSON}) from events as e {person_join()}"
        " where e.tenant_id = {tenant:UUID}"
    )

    async def counted():
        await drain()
        return (await platform.store.rows(tenant.scope, count))[0][0]

    assert await counted() == 3
    async with platform.postgres.transaction(tenant.scope) as tx:
        linked, _ = await api.merge(tx, people[0].person_id, people[1].person_id, "late")
    assert await counted() == 2
    async with platform.postgres.transaction(tenant.scope) as tx:
        await api.unmerge(tx, linked.merge_id)
    assert await counted() == 3


def _event(person):
    return {
        "event_id": new_id(),
        "event": "Seen",
        "distinct_id": person.distinct_id,
        "person_key": person.own_key,
        "at": AT,
        "received_at": AT,
        "properties": {},
        "person_properties": {},
        "source": "test",
        "trusted": True,
        "historical": False,
    }
