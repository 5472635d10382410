"""Who saw two variants, over real exposures; which flags could go."""

from datetime import UTC, datetime, timedelta

import msgspec

from groundswell.core.ids import new_id
from groundswell.features.flags.logic.stale import stale
from groundswell.features.flags.types import Condition, Group, Operator, Rules

NOW = datetime.now(UTC)


async def expose(platform, tenant, seen: list[tuple[int, str, str]]) -> None:
    """Exposures (person key, distinct id, variant) of the flag ``price``, a minute apart."""
    rows = []
    for minute, (person, distinct_id, variant) in enumerate(seen):
        at = (NOW - timedelta(minutes=60 - minute)).strftime("%Y-%m-%d %H:%M:%S.000")
        rows.append(
            {
                "tenant_id": str(tenant.id),
                "event_id": str(new_id()),
                "event": "$feature_flag_called",
                "distinct_id": distinct_id,
                "person_key": person,
                "at": at,
                "received_at": at,
                "properties": {"$feature_flag": "price", "$feature_flag_response": variant},
                "person_properties": {},
                "source": "api",
                "trusted": True,
                "historical": False,
            }
        )
    lines = b"\n".join(msgspec.json.encode(row) for row in rows)
    await platform.store.insert_json("events", lines, str(new_id()))


async def test_people_who_saw_two_variants_are_counted_and_named(
    platform, client, tenant, other_tenant, add, headers
):
    await add("price")
    await expose(
        platform,
        tenant,
        [(1, "u1", "a"), (1, "u1", "a"), (2, "u2", "a"), (2, "u2", "b"), (3, "u3", "false")],
    )
    await expose(platform, other_tenant, [(9, "theirs", "a"), (9, "theirs", "b")])
    found = (await client.get("/api/flags/price/monitor", headers=headers)).json()
    assert (found["exposed"], found["several"]) == (2, 1)
    assert found["people"][0]["distinct_id"] == "u2"
    assert found["people"][0]["variants"] == ["a", "b"]


def test_a_flag_is_stale_when_a_month_old_and_nothing_is_left_to_decide(make):
    condition = Condition("p", Operator.IS, "x")
    rules = {
        "everybody": Rules(enabled=True, groups=[Group()]),
        "nobody": Rules(enabled=True, groups=[Group(rollout=0)]),
        "off": Rules(),
        "unseen": Rules(enabled=True, groups=[Group([condition])]),
        "seen": Rules(enabled=True, groups=[Group([condition])]),
    }
    flags = [make(key, each) for key, each in rules.items()]
    seen = {"seen": NOW}
    later = flags[0].updated_at + timedelta(days=31)
    found = {each.key: each.why for each in stale(flags, seen, later)}
    assert found == {
        "everybody": "everybody", "nobody": "nobody", "off": "nobody", "unseen": "unseen"
    }  # fmt: skip
    assert "unseen" not in {each.key for each in stale(flags, None, later)}
    assert stale(flags, seen, flags[0].updated_at + timedelta(days=29)) == []
