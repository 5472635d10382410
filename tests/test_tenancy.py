"""Section 4 of the architecture, checked over the whole catalogue of both engines.

What is an exception stands here by name with its reason; anything else that breaks a rule fails.
"""

import psycopg
import pytest

from groundswell.core.db.catalogue import INTERNAL_TABLES, TENANT_TABLES
from groundswell.core.ids import new_id

GLOBAL_TABLES = {
    "alembic_version": "which migrations ran",
    "directory_version": "one number: when processes read tenants and keys again",
    "ingest_cursors": "how far streams of counts are added up, for all tenants",
    "flags_version": "one number: when processes read flags again",
    "ingest_ranges": "ranges of the ingest log, which holds all tenants' events",
    "members": "a person may belong to many tenants",
    "password_links": "belong to members",
    "procrastinate_events": "the job queue; a tenant sees its jobs through tenant_jobs",
    "procrastinate_jobs": "the job queue; a tenant sees its jobs through tenant_jobs",
    "procrastinate_periodic_defers": "the job queue",
    "procrastinate_workers": "the job queue",
    "sessions": "belong to members",
}
VIEWS = {"tenant_jobs": "shows the transaction's tenant its rows of the job queue"}
CROSS_KEYS = {
    "memberships_member_id_fkey": "to members, who are global",
    "sessions_tenant_id_fkey": "from sessions, which are global; sets null",
}
CROSS_INDEXES = {
    "flag_keys_revision": "web processes read what changed, of all tenants at once",
    "flags_revision": "web processes read what changed, of all tenants at once",
    "memberships_member": "which tenants a member belongs to, asked at each request of theirs",
    "outbox_batches": "the writer sends rows of all tenants in one batch",
    "outbox_waiting": "the writer sends rows of all tenants in one batch",
    "tenants_slug_key": "a slug names one tenant of the installation",
}
DEFINERS = {
    "bump_directory": "a trigger: counts up one number the app's role may not touch",
    "defer_job": "checks that the job is of the transaction's tenant",
    "stamp_flags": "a trigger: counts up one number the app's role may not touch",
    "retry_jobs": "touches jobs of the transaction's tenant only",
}
POLICY = (
    "(tenant_id = ( SELECT (NULLIF(current_setting('app.current_tenant_id'::text, true),"
    " ''::text))::uuid AS \"nullif\"))"
)

_TABLES = """
select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace
and c.relkind in ('r', 'p')
"""


@pytest.fixture(scope="session")
async def ask(platform):
    """Rows of a catalogue query."""

    async def run(sql, *params):
        async with platform.postgres.across_tenants("test") as tx:
            return await tx.rows(sql, params)

    return run


@pytest.fixture(scope="session")
async def tenant_tables(ask):
    """Every table but the global ones."""
    names = {name for (name,) in await ask(_TABLES)}
    assert set(GLOBAL_TABLES) <= names, "a global table is listed that is not there"
    return sorted(names - set(GLOBAL_TABLES))


async def test_every_table_has_a_tenant_that_is_not_null(ask, tenant_tables):
    rows = await ask(
        "select attrelid::regclass::text from pg_attribute"
        " where attname = 'tenant_id' and attnotnull and atttypid = 'uuid'::regtype"
    )
    assert set(tenant_tables) <= {name for (name,) in rows}


async def test_every_table_is_under_forced_row_level_security(ask, tenant_tables):
    rows = await ask(
        "select relname from pg_class where relnamespace = 'public'::regnamespace"
        " and relrowsecurity and relforcerowsecurity"
    )
    assert {name for (name,) in rows} == set(tenant_tables)


async def test_every_policy_is_ours_word_for_word(ask, tenant_tables):
    rows = await ask(
        "select polrelid::regclass::text, polname, polcmd::text, polpermissive,"
        " polroles::regrole[]::text, pg_get_expr(polqual, polrelid),"
        " pg_get_expr(polwithcheck, polrelid) from pg_policy"
    )
    expected = {
        row
        for table in tenant_tables
        for row in (
            (table, "tenant", "*", True, "{-}", POLICY, POLICY),
            (table, "across_tenants", "*", True, "{groundswell_system}", "true", "true"),
        )
    }
    assert set(rows) == expected


async def test_the_tenant_stands_first_in_every_index_and_unique_constraint(ask, tenant_tables):
    rows = await ask(
        "select i.indexrelid::regclass::text, i.indrelid::regclass::text, a.attname"
        " from pg_index i left join pg_attribute a"
        " on a.attrelid = i.indrelid and a.attnum = i.indkey[0]"
        " where i.indrelid::regclass::text = any(%s)",
        tenant_tables,
    )
    wrong = {index for index, _, first in rows if first != "tenant_id"}
    assert wrong == set(CROSS_INDEXES)
    primary = await ask("select conrelid::regclass::text from pg_constraint where contype = 'p'")
    assert set(tenant_tables) <= {name for (name,) in primary}


async def test_the_tenant_stands_first_on_both_sides_of_every_foreign_key(ask, tenant_tables):
    """A plain key takes another tenant's parent, whose deletion cascades into our rows."""
    rows = await ask(
        "select c.conname, a.attname, b.attname from pg_constraint c"
        " join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]"
        " join pg_attribute b on b.attrelid = c.confrelid and b.attnum = c.confkey[1]"
        " where c.contype = 'f' and (c.conrelid::regclass::text = any(%s)"
        " or c.confrelid::regclass::text = any(%s))",
        tenant_tables,
        tenant_tables,
    )
    wrong = {name for name, child, parent in rows if (child, parent) != ("tenant_id",) * 2}
    assert wrong <= set(CROSS_KEYS)
    assert len(rows) > len(tenant_tables) / 2


async def test_indexes_hold_plain_columns_only(ask, tenant_tables):
    """Under row-level security an index over a leaky function is never used."""
    rows = await ask(
        "select indexrelid::regclass::text from pg_index"
        " where indexprs is not null and indrelid::regclass::text = any(%s)",
        tenant_tables,
    )
    assert rows == []


async def test_generated_columns_and_defaults_aside_no_type_of_an_index_leaks(ask, tenant_tables):
    """Comparisons of the indexed types must be leakproof, or the index does not help the app."""
    rows = await ask(
        "select distinct t.typname from pg_index i"
        " join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)"
        " join pg_type t on t.oid = a.atttypid"
        " where i.indrelid::regclass::text = any(%s)",
        tenant_tables,
    )
    leakproof = {"uuid", "text", "int4", "int8", "timestamptz", "date", "bool", "bytea"}
    assert {name for (name,) in rows} <= leakproof


async def test_the_apps_role_owns_nothing_and_stands_under_every_policy(ask):
    [role] = await ask(
        "select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,"
        " (select count(*) from pg_auth_members where member = r.oid),"
        " (select count(*) from pg_shdepend where refobjid = r.oid and deptype = 'o')"
        " from pg_roles r where rolname = 'groundswell_app'"
    )
    assert role == (False, False, False, False, False, 0, 0)
    [system] = await ask(
        "select rolsuper, rolbypassrls from pg_roles where rolname = 'groundswell_system'"
    )
    assert system == (False, False)


async def test_the_apps_role_may_not_touch_what_is_global(ask):
    rows = await ask(
        "select relname from pg_class, unnest(array['select', 'insert', 'update', 'delete']) p"
        " where relname = any(%s) and has_table_privilege('groundswell_app', oid, p)",
        list(GLOBAL_TABLES),
    )
    assert rows == []


async def test_the_apps_role_can_go_round_no_policy(ask):
    """TRUNCATE ignores policies, REFERENCES and TRIGGER act as the owner, a temporary table
    could stand in front of ours inside a SECURITY DEFINER function."""
    rows = await ask(
        "select relname, p from pg_class, unnest(array['truncate', 'references', 'trigger']) p"
        " where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')"
        " and has_table_privilege('groundswell_app', oid, p)"
    )
    assert rows == []
    [rights] = await ask(
        "select has_database_privilege('groundswell_app', current_database(), 'temporary'),"
        " has_database_privilege('groundswell_app', current_database(), 'create'),"
        " has_schema_privilege('groundswell_app', 'public', 'create'),"
        " has_schema_privilege('groundswell_app', 'app', 'create')"
    )
    assert rights == (False, False, False, False)


async def test_views_are_few_and_guarded_and_none_is_materialised(ask):
    rows = await ask(
        "select relname, relkind::text, reloptions, pg_get_viewdef(oid) from pg_class"
        " where relnamespace = 'public'::regnamespace and relkind in ('v', 'm', 'f')"
    )
    for name, kind, options, text in rows:
        assert kind == "v", f"{name}: row-level security does not hold there"
        if "security_invoker=true" in (options or []):
            continue
        assert name in VIEWS
        assert options == ["security_barrier=true"]
        assert "current_setting('app.current_tenant_id'::text, true)" in text


async def test_functions_with_their_owners_rights_are_named_and_pinned(ask):
    rows = await ask(
        "select proname, proconfig from pg_proc"
        " where pronamespace in ('public'::regnamespace, 'app'::regnamespace) and prosecdef"
    )
    assert {name for name, _ in rows} == set(DEFINERS)
    for name, config in rows:
        assert config, name
        assert config[0].startswith("search_path=pg_catalog, "), name


async def test_nothing_is_partitioned_and_named_past_its_policy(ask):
    assert await ask("select relname from pg_class where relkind = 'p' or relispartition") == []


async def test_every_table_of_the_event_store_is_in_the_catalogue(platform):
    rows = await platform.store.system_rows(
        "select name, sorting_key, engine from system.tables where database = currentDatabase()"
    )
    assert {name for name, _, _ in rows} == TENANT_TABLES | INTERNAL_TABLES
    for name, key, _ in rows:
        if name in TENANT_TABLES:
            assert key.split(", ")[0] == "tenant_id", name


# What follows is tried, not read from a catalogue.


@pytest.fixture
async def apps_role(endpoints):
    """A connection of the app's role without any Scope."""
    connection = await psycopg.AsyncConnection.connect(endpoints.database_url, autocommit=True)
    async with connection:
        yield connection


async def test_a_statement_outside_a_scope_sees_nothing(apps_role, tenant, tenant_tables, ask):
    readable = await ask(
        "select relname from pg_class where relname = any(%s)"
        " and has_table_privilege('groundswell_app', oid, 'select')",
        tenant_tables,
    )
    assert ("tenants",) in readable
    for (table,) in readable:
        found = await apps_role.execute(f"select count(*) from {table}")
        assert await found.fetchone() == (0,), table


@pytest.mark.parametrize("value", ["", "rubbish"])
async def test_a_broken_tenant_opens_nothing(apps_role, tenant, value):
    await apps_role.execute("select set_config('app.current_tenant_id', %s, false)", (value,))
    try:
        found = await apps_role.execute("select count(*) from tenants")
        assert await found.fetchone() == (0,)
    except psycopg.errors.InvalidTextRepresentation:
        assert value == "rubbish"


@pytest.mark.parametrize(
    "statement",
    [
        "truncate people",
        "alter table people disable row level security",
        "drop policy tenant on people",
        "create policy open on people using (true)",
        "set role groundswell_system",
        "set role groundswell_owner",
        "set session authorization groundswell_system",
        "create table mine (a int)",
        "create temporary table procrastinate_jobs (a int)",
        "create function app.mine() returns int language sql as 'select 1'",
        "copy people from program 'cat /etc/passwd'",
        "select * from members",
        "select * from sessions",
        "select * from procrastinate_jobs",
        "update directory_version set version = 0",
        "delete from audit_log",
        "update audit_log set action = 'x'",
        """select app.defer_job('t', jsonb_build_object('tenant_id', gen_random_uuid()),
           'default', null, null, null, 0)""",
    ],
)
async def test_the_apps_role_is_refused(apps_role, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await apps_role.execute(statement)


async def test_row_security_can_not_be_turned_off(apps_role):
    await apps_role.execute("set row_security = off")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await apps_role.execute("select count(*) from people")


_PERSON = """
insert into people (tenant_id, person_id, person_key, created_at, last_seen_at)
values (%s, %s, %s, now(), now())
"""
_DISTINCT = """
insert into distinct_ids (tenant_id, distinct_id, own_key, person_id, born_person_id, first_seen_at)
values (%s, %s, %s, %s, %s, now())
"""


async def test_a_child_can_not_hang_on_another_tenants_parent(platform, tenant, other_tenant):
    theirs = new_id()
    async with platform.postgres.transaction(other_tenant.scope) as tx:
        await tx.execute(_PERSON, (other_tenant.id, theirs, 1))
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        async with platform.postgres.transaction(tenant.scope) as tx:
            await tx.execute(_DISTINCT, (tenant.id, "mary", 1, theirs, theirs))


async def test_the_same_ids_in_two_tenants_are_two_things(platform, tenant, other_tenant):
    """Deleting a parent cascades to nobody else's children."""
    person = new_id()
    for one in (tenant, other_tenant):
        async with platform.postgres.transaction(one.scope) as tx:
            await tx.execute(_PERSON, (one.id, person, 1))
            await tx.execute(_DISTINCT, (one.id, "mary", 1, person, person))
    async with platform.postgres.transaction(tenant.scope) as tx:
        await tx.execute("delete from people where person_id = %s", (person,))
    async with platform.postgres.transaction(other_tenant.scope) as tx:
        assert await tx.value("select count(*) from distinct_ids") == 1


async def test_unique_constraints_tell_nothing_of_another_tenant(platform, tenant, other_tenant):
    key = new_id().hex
    insert = "insert into idempotency_keys (tenant_id, key, request_hash) values (%s, %s, '')"
    async with platform.postgres.transaction(other_tenant.scope) as tx:
        await tx.execute(insert, (other_tenant.id, key))
    async with platform.postgres.transaction(tenant.scope) as tx:
        await tx.execute(insert, (tenant.id, key))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with platform.postgres.transaction(tenant.scope) as tx:
            await tx.execute(insert + " on conflict do nothing", (other_tenant.id, key))


async def test_a_row_can_be_moved_to_nobody(platform, tenant, other_tenant):
    person = new_id()
    async with platform.postgres.transaction(tenant.scope) as tx:
        await tx.execute(_PERSON, (tenant.id, person, 7))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with platform.postgres.transaction(tenant.scope) as tx:
            await tx.execute(
                "update people set tenant_id = %s where person_id = %s", (other_tenant.id, person)
            )
