"""A query for a Scope reads one tenant's rows of the event store, whatever it says."""

import msgspec
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from groundswell.core.db.clickhouse import _READ_SETTINGS
from groundswell.core.db.guard import check_tables
from groundswell.core.errors import InvalidError
from groundswell.core.ids import new_id

REFUSED = {
    "a table nobody listed": "select * from schema_migrations",
    "the feed of a view": "select * from person_activity_feed",
    "another database": "select * from system.tables",
    "our own by its full name": "select * from default.events",
    "a table in a union": "select 1 from events union all select 1 from schema_migrations",
    "a table in a join": "select 1 from events e join schema_migrations m on 1 = 1",
    "a table in a sub-query": "select (select count() from schema_migrations)",
    "a table after in": "select 1 in schema_migrations from events",
    "a table in brackets after in": "select 1 from events where event in (schema_migrations)",
    "a known table after in": "select 1 from events where event_id not in seen_events",
    "a table after global in": "select 1 from events where event global in (seen_events)",
    "in as a function": "select in(event_id, seen_events) from events",
    "notIn as a function": "select 1 from events where notIn(event_id, seen_events)",
    "a CTE that hides a table": (
        "select * from (with schema_migrations as (select 1 as a) select a from"
        " schema_migrations), schema_migrations"
    ),
    "a CTE named like ours": "with events as (select 1) select * from events",
    "settings": "select 1 from events settings additional_table_filters = {}",
    "settings inside": "select * from (select 1 from events settings additional_table_filters={})",
    "settings in a union": "select 1 from events union all select 2 from events settings a = 1",
    "merge()": "select * from merge('default', '.*')",
    "dictGet()": "select dictGet('d', 'a', 1)",
    "joinGet()": "select joinGet('j', 'a', 1) from events",
    "file()": "select * from file('/etc/passwd')",
    "file() as a value": "select file('/etc/passwd')",
    "url()": "select * from url('http://example.com')",
    "remote()": "select * from remote('h', 'd', 't')",
    "s3()": "select * from s3('http://example.com/a')",
    "cluster()": "select * from cluster('c', default.events)",
    "view()": "select * from view(select * from events)",
    "a table by parameter": "select * from {t:Identifier}",
    "two statements": "select 1; select 2",
    "an insert": "insert into events select * from events",
    "a drop": "drop table events",
    "rubbish": "select from where",
    "nothing": "",
}


@pytest.mark.parametrize("sql", REFUSED.values(), ids=REFUSED)
async def test_refused_before_the_store_sees_it(platform, tenant, sql):
    with pytest.raises(InvalidError):
        await platform.store.rows(tenant.scope, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select count() as orders from orders where tenant_id = {tenant:UUID} order by orders",
        "with mine as (select event from events) select 1 from mine where event in mine",
        "select 1 from events where event in ('a', 'b') or event in {names:Array(String)}",
        "select 1 from events where event in (select event from person_firsts)",
        "select arrayJoin(range(3)) union all select 1",
    ],
)
def test_ordinary_queries_pass(sql):
    check_tables(sql)


@pytest.fixture
async def canaries(platform, tenant, other_tenant):
    """A line of an order of each tenant, with a name found nowhere else."""
    names = {}
    for one in (tenant, other_tenant):
        names[one.id] = f"canary-{new_id().hex}"
        line = {
            "tenant_id": one.id, "order_uid": new_id(), "line_no": 1, "kind": "item",
            "product_id": "p", "name": names[one.id], "quantity": 1, "unit_price": 1,
            "amount": 1, "reporting_amount": 1, "person_key": 1, "at": "2026-01-01 00:00:00",
            "deleted": False, "version": 1,
        }  # fmt: skip
        await platform.store.insert_json("order_lines", msgspec.json.encode(line), new_id().hex)
    return names


NAMES = {
    "plainly": "select name from order_lines",
    "past its own condition": "select name from order_lines where 1 or tenant_id is null",
    "from a sub-query": "select name from (select * from order_lines)",
    "from a join": (
        "select b.name from order_lines a join order_lines b on a.product_id = b.product_id"
    ),
    "from a cross join": "select b.name from order_lines a, order_lines b",
    "from a CTE": "with l as (select * from order_lines) select name from l",
    "from a union": "select name from order_lines union all select name from order_lines",
    "from a scalar sub-query": "select arrayJoin((select groupArray(name) from order_lines))",
    "as final": "select name from order_lines final",
    "after a filter of its own": "select name from order_lines prewhere 1",
    "through an in": "select name from order_lines where name in (select name from order_lines)",
    "with an alias": "select x.name from order_lines as x",
}


@pytest.mark.parametrize("sql", NAMES.values(), ids=NAMES)
async def test_a_query_without_any_condition_reads_ones_own_rows(
    platform, tenant, other_tenant, canaries, sql
):
    for one in (tenant, other_tenant):
        found = {name for (name,) in await platform.store.rows(one.scope, sql)}
        assert found == {canaries[one.id]}


async def test_a_parameter_can_not_name_another_tenant(platform, tenant, other_tenant, canaries):
    found = await platform.store.rows(
        tenant.scope,
        "select name from order_lines where tenant_id = {tenant:UUID}",
        {"tenant": str(other_tenant.id)},
    )
    assert found == [(canaries[tenant.id],)]
    found = await platform.store.rows(
        tenant.scope,
        "select name from order_lines where tenant_id = {other:UUID}",
        {"other": str(other_tenant.id)},
    )
    assert found == []


@pytest.mark.parametrize(
    "hostile", ["' or 1 --", "\\'", "x' union all select 1", "\x00", "{a:UUID}"]
)
async def test_a_hostile_parameter_stays_a_value(platform, tenant, canaries, hostile):
    found = await platform.store.rows(
        tenant.scope, "select name from order_lines where name = {name:String}", {"name": hostile}
    )
    assert found == []


async def test_what_the_guard_overlooked_could_still_not_write(platform, tenant):
    """``readonly`` holds below the guard."""
    with pytest.raises(DatabaseError):
        await platform.store._query("truncate table events", {}, dict(_READ_SETTINGS))
