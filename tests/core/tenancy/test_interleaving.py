"""Two tenants take turns on one pooled connection and never see each other's rows."""

import asyncio

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from groundswell.core.db.postgres import Postgres
from groundswell.core.tenancy.scope import system_scope

WHO = st.sampled_from(["ours", "theirs"])
NAME = st.sampled_from([f"name-{number}" for number in range(6)])

_INSERT = "insert into tenant_secrets (tenant_id, name, value) values (%s, %s, %s)"


class _TurnedBackError(Exception):
    """Ends a transaction from inside."""


class TwoTenants(RuleBasedStateMachine):
    """The model is a dictionary per tenant; the connection is one and the same."""

    def __init__(self, run, postgres, scopes):
        super().__init__()
        self.run, self.postgres, self.scopes = run, postgres, scopes
        self.model = {"ours": {}, "theirs": {}}
        self.step = 0
        self.run(self.clear())

    async def clear(self):
        for scope in self.scopes.values():
            async with self.postgres.transaction(scope) as tx:
                await tx.execute("delete from tenant_secrets")

    def canary(self, who):
        self.step += 1
        return f"canary-of-{who}-{self.step}".encode()

    @rule(who=WHO, name=NAME)
    def write(self, who, name):
        value = self.canary(who)
        self.run(self.put(who, name, value))
        self.model[who][name] = value

    async def put(self, who, name, value, fail=None):
        async with self.postgres.transaction(self.scopes[who]) as tx:
            await tx.execute(
                _INSERT + " on conflict (tenant_id, name) do update set value = excluded.value",
                (tx.tenant_id, name, value),
            )
            if fail == "exception":
                raise _TurnedBackError
            if fail == "statement":
                await tx.execute("select 1 / 0")

    @rule(who=WHO, name=NAME, fail=st.sampled_from(["exception", "statement"]))
    def write_and_turn_back(self, who, name, fail):
        with pytest.raises((_TurnedBackError, psycopg.errors.DivisionByZero)):
            self.run(self.put(who, name, self.canary(who), fail))

    @rule(who=WHO, name=NAME)
    def delete(self, who, name):
        async def work():
            async with self.postgres.transaction(self.scopes[who]) as tx:
                return await tx.execute("delete from tenant_secrets where name = %s", (name,))

        assert self.run(work()) == (self.model[who].pop(name, None) is not None)

    @rule(who=WHO)
    def overwrite_all_one_can_see(self, who):
        value = self.canary(who)

        async def work():
            async with self.postgres.transaction(self.scopes[who]) as tx:
                return await tx.execute("update tenant_secrets set value = %s", (value,))

        assert self.run(work()) == len(self.model[who])
        self.model[who] = dict.fromkeys(self.model[who], value)

    @rule(who=WHO, name=NAME)
    def write_into_the_other(self, who, name):
        other = self.scopes["theirs" if who == "ours" else "ours"]

        async def work():
            async with self.postgres.transaction(self.scopes[who]) as tx:
                await tx.execute(_INSERT, (other.tenant_id, name, self.canary(who)))

        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            self.run(work())

    @rule(who=WHO)
    def cancelled_in_the_middle(self, who):
        async def slow():
            async with self.postgres.transaction(self.scopes[who]) as tx:
                await tx.execute("update tenant_secrets set value = 'cancelled'")
                await tx.execute("select pg_sleep(5)")

        async def work():
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(slow(), 0.01)

        self.run(work())

    @rule()
    def without_a_scope(self):
        async def work():
            async with self.postgres._app.connection() as connection:
                found = await connection.execute("select count(*) from tenant_secrets")
                return await found.fetchone()

        assert self.run(work()) == (0,)

    @invariant()
    def each_sees_exactly_its_own(self):
        async def seen(scope):
            async with self.postgres.transaction(scope) as tx:
                return {
                    n: bytes(v) for n, v in await tx.rows("select name, value from tenant_secrets")
                }

        for who, scope in self.scopes.items():
            assert self.run(seen(scope)) == self.model[who]


def test_two_tenants_on_one_connection_never_meet(endpoints, tenant, other_tenant):
    """Reads, writes, roll-backs, failures and cancellations in any order."""
    scopes = {
        "ours": system_scope(tenant.id, "test"),
        "theirs": system_scope(other_tenant.id, "test"),
    }
    with asyncio.Runner() as runner:
        postgres = Postgres(endpoints.database_url, endpoints.database_system_url, size=1)
        runner.run(postgres.open())
        try:
            run_state_machine_as_test(
                lambda: TwoTenants(runner.run, postgres, scopes),
                settings=settings(
                    max_examples=15,
                    stateful_step_count=25,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(postgres.close())


async def test_two_hundred_tasks_on_few_connections_read_only_their_own(
    platform, tenant, other_tenant
):
    for one in (tenant, other_tenant):
        async with platform.postgres.transaction(one.scope) as tx:
            await tx.execute(_INSERT, (one.id, "canary", one.slug.encode()))

    async def look(one):
        async with platform.postgres.transaction(one.scope) as tx:
            before = await tx.values("select value from tenant_secrets")
            await asyncio.sleep(0)
            return before + await tx.values("select value from tenant_secrets"), one

    looks = await asyncio.gather(*(look((tenant, other_tenant)[n % 2]) for n in range(200)))
    for values, one in looks:
        assert {bytes(value) for value in values} == {one.slug.encode()}
