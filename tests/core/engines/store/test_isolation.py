"""Nothing of one request reaches another, whatever it was and however it ended."""

import contextlib
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundswell.core.engines.endpoints import Endpoints

TENANTS = 3
ROWS = 10  # of each tenant


@pytest.fixture(scope="module")
def client(bare: Endpoints) -> Iterator[Client]:
    made = clickhouse_connect.get_client(dsn=bare.clickhouse_url, autogenerate_session_id=False)
    yield made
    made.close()


@pytest.fixture(scope="module")
def table(client: Client) -> str:
    name = f"iso_{uuid.uuid4().hex}"
    client.command(f"CREATE TABLE {name} (tenant UInt32, n UInt32) ENGINE = MergeTree ORDER BY n")
    rows = [[tenant, n] for tenant in range(TENANTS) for n in range(ROWS)]
    client.insert(name, rows, column_names=["tenant", "n"])
    client.command("CREATE DATABASE IF NOT EXISTS elsewhere")
    return name


def _guard(table: str, tenant: int) -> dict:
    filters = {f"groundswell.{table}": f"tenant = {tenant}"}
    return {"additional_table_filters": filters, "readonly": 1}


# What a request may do before another comes; {T} stands for the table.
STATEMENTS = (
    "SELECT count() FROM {T}",
    "SELECT nope FROM {T}",
    "SELEC",
    "USE elsewhere",
    "USE nowhere",
    "SET max_threads = 1",
    "SET additional_table_filters = {{'groundswell.{T}': 'tenant = 0'}}",
    "SELECT throwIf(n = 5) FROM {T}",
    "SELECT number FROM numbers(1000000)",
    "SELECT count() FROM {T} SETTINGS additional_table_filters = {{}}",
    "CREATE TEMPORARY TABLE {T} AS SELECT 99 AS tenant",
    "DROP TABLE {T}",
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(st.sampled_from(STATEMENTS), st.integers(0, TENANTS - 1)), min_size=1, max_size=6
    )
)
def test_filters_and_readonly_end_with_their_request(
    client: Client, table: str, steps: list[tuple[str, int]]
) -> None:
    for sql, tenant in steps:
        with contextlib.suppress(DatabaseError):
            client.command(sql.format(T=table), settings=_guard(table, tenant))
        assert client.command(f"SELECT count() FROM {table}") == TENANTS * ROWS
        own = client.query(f"SELECT DISTINCT tenant FROM {table}", settings=_guard(table, tenant))
        assert own.result_rows == [(tenant,)]
        assert client.command("SELECT currentDatabase()") == "groundswell"
        assert client.command("SELECT getSetting('readonly')") == 0


def test_concurrent_requests_each_see_their_own_tenant(client: Client, table: str) -> None:
    def read(number: int) -> bool:
        tenant = number % TENANTS
        guard = _guard(table, tenant)
        found = client.query(f"SELECT DISTINCT tenant FROM {table}", settings=guard)
        return found.result_rows == [(tenant,)]

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(read, range(300)))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM {T} SETTINGS additional_table_filters = {{}}",
        "SET readonly = 0",
        "INSERT INTO {T} VALUES (1, 1)",
        "INSERT INTO {T} FROM INFILE '/etc/hostname' FORMAT CSV",
        "SELECT * FROM file('/etc/hostname', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString', 's String')",
        "SELECT count() FROM {T} INTO OUTFILE '/tmp/gs-must-not-be'",
        "DROP TABLE {T}",
    ],
)
def test_a_readonly_request_cannot_free_itself(client: Client, table: str, sql: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        client.command(sql.format(T=table), settings=_guard(table, 1))
    assert caught.value.code in (164, 392)
    assert client.command(f"SELECT count() FROM {table}") == TENANTS * ROWS


def test_a_filter_reaches_into_subqueries_that_try_to_lift_it(client: Client, table: str) -> None:
    inner = f"SELECT * FROM {table} SETTINGS additional_table_filters = {{}}"
    found = client.command(f"SELECT count() FROM ({inner})", settings=_guard(table, 1))
    assert found == ROWS
