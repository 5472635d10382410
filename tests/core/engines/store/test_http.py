"""The store as its only client, the unmodified ``clickhouse-connect``, sees it."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import (
    DatabaseError,
    OperationalError,
    StreamFailureError,
)

from groundswell.core.engines.endpoints import Endpoints

NOW = datetime(2026, 3, 29, 1, 30, 0, 123_000, tzinfo=UTC)
COLUMNS = ["id", "n", "props", "kind", "at", "note", "tags"]


@pytest.fixture(scope="module")
def client(bare: Endpoints) -> Iterator[Client]:
    made = clickhouse_connect.get_client(dsn=bare.clickhouse_url, tz_mode="aware")
    yield made
    made.close()


@pytest.fixture
async def asynchronous(bare: Endpoints) -> AsyncIterator[AsyncClient]:
    made = await clickhouse_connect.get_async_client(dsn=bare.clickhouse_url, tz_mode="aware")
    yield made
    await made.close()


@pytest.fixture
def table(client: Client) -> str:
    """A table as the product's: durable, deduplicating, with every kind of column."""
    name = f"t_{uuid.uuid4().hex}"
    client.command(
        f"CREATE TABLE {name} (id UUID, n UInt32, props JSON, kind LowCardinality(String),"
        " at DateTime64(3, 'UTC'), note Nullable(String), tags Array(String))"
        " ENGINE = MergeTree ORDER BY n"
        " SETTINGS non_replicated_deduplication_window = 100, fsync_after_insert = 1"
    )
    return name


def _rows(count: int) -> list[list]:
    return [
        [uuid.uuid4(), n, {"a": {"b": n}, "l": ["x"]}, f"k{n % 3}", NOW, None, ["é", "'"]]
        for n in range(count)
    ]


def test_every_kind_of_value_comes_back_as_it_went(client: Client, table: str) -> None:
    rows = _rows(50)
    summary = client.insert(table, rows, column_names=COLUMNS)
    assert summary.written_rows == 50
    result = client.query(f"SELECT * FROM {table} ORDER BY n")
    assert list(result.column_names) == COLUMNS
    assert [list(row) for row in result.result_rows] == rows


async def test_async_client_does_the_same(asynchronous: AsyncClient, table: str) -> None:
    rows = _rows(50)
    await asynchronous.insert(table, rows, column_names=COLUMNS)
    result = await asynchronous.query(f"SELECT * FROM {table} ORDER BY n")
    assert [list(row) for row in result.result_rows] == rows


def test_parameters_of_every_type_select_the_row(client: Client, table: str) -> None:
    rows = _rows(5)
    client.insert(table, rows, column_names=COLUMNS)
    found = client.query(
        f"SELECT n FROM {table} WHERE id = {{id:UUID}} AND kind = {{kind:LowCardinality(String)}}"
        " AND at >= {low:DateTime64(3)} AND at < {high:DateTime64(3)} AND has(tags, {tag:String})"
        " AND props.a.b::Int64 = {n:UInt32}",
        parameters={
            "id": rows[4][0],
            "kind": "k1",
            "low": NOW,
            "high": NOW + timedelta(milliseconds=1),
            "tag": "'",
            "n": 4,
        },
    )
    assert found.result_rows == [(4,)]


@pytest.mark.parametrize("text", ["", "a'b", "tab\there\nline", "back\\slash", "{x:String}", "é😀"])
def test_string_parameters_arrive_whole(client: Client, text: str) -> None:
    assert client.query("SELECT {x:String}", parameters={"x": text}).result_rows == [(text,)]


def test_thousands_of_parameters_travel_as_a_form(client: Client, table: str) -> None:
    rows = _rows(3)
    client.insert(table, rows, column_names=COLUMNS)
    ids = [uuid.uuid4() for _ in range(5000)] + [rows[2][0]]
    found = client.query(
        f"SELECT n FROM {table} WHERE id IN {{ids:Array(UUID)}}", parameters={"ids": ids}
    )
    assert found.result_rows == [(2,)]


@pytest.mark.parametrize("compression", [None, "gzip", "lz4", "zstd"])
def test_raw_rows_under_each_compression(
    client: Client, table: str, compression: str | None
) -> None:
    import gzip

    import lz4.frame
    from backports import zstd

    pack = {
        None: bytes,
        "gzip": gzip.compress,
        "lz4": lz4.frame.compress,
        "zstd": zstd.compress,
    }[compression]
    body = b"\n".join(json.dumps({"n": n, "kind": "é"}).encode() for n in range(100))
    client.raw_insert(
        table,
        column_names=["n", "kind"],
        insert_block=pack(body),
        fmt="JSONEachRow",
        compression=compression,
    )
    assert client.command(f"SELECT sum(n) FROM {table} WHERE kind = 'é'") == 4950


def test_no_rows_still_have_columns(client: Client, table: str) -> None:
    for sql in (f"SELECT n, kind, at FROM {table} WHERE n = 1", f"SELECT n FROM {table} LIMIT 0"):
        result = client.query(sql)
        assert result.result_rows == []
        assert result.column_names[0] == "n"


def test_statements_without_rows_and_those_chdb_cannot_stream(client: Client, table: str) -> None:
    assert table in str(client.command("SHOW TABLES"))
    assert client.command(f"EXISTS TABLE {table}") == 1
    assert client.query(f"DESCRIBE TABLE {table}").row_count == len(COLUMNS)
    client.command(f"ALTER TABLE {table} DELETE WHERE n = 1", settings={"mutations_sync": "1"})
    client.command(f"DROP TABLE {table}")
    assert client.command(f"EXISTS TABLE {table}") == 0


def test_same_token_inserts_once_also_into_views(client: Client, table: str) -> None:
    client.command(
        f"CREATE TABLE {table}_sum (kind String, c UInt64) ENGINE = SummingMergeTree ORDER BY kind"
        " SETTINGS non_replicated_deduplication_window = 100"
    )
    client.command(
        f"CREATE MATERIALIZED VIEW {table}_mv TO {table}_sum"
        f" AS SELECT kind, count() AS c FROM {table} GROUP BY kind"
    )
    rows = _rows(1000)
    settings = {"deduplicate_blocks_in_dependent_materialized_views": 1}
    for token in ("a", "a", "b"):
        client.insert(
            table,
            rows,
            column_names=COLUMNS,
            settings={**settings, "insert_deduplication_token": token},
        )
    assert client.command(f"SELECT count() FROM {table}") == 2000
    assert client.command(f"SELECT sum(c) FROM {table}_sum") == 2000


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELEC 1", 62),
        ("SELECT 1; SELECT 2", 62),
        ("SELECT nope", 47),
        ("SELECT * FROM nope", 60),
        ("SELECT 1 INTO OUTFILE '/tmp/gs-must-not-be'", 392),
        ("SELECT throwIf(number = 5) FROM numbers(10)", 395),
        (
            "SELECT sleepEachRow(1) FROM numbers(9) SETTINGS max_execution_time=1,max_block_size=1",
            159,
        ),
        (
            "SELECT groupArray(number) FROM numbers(90000000) SETTINGS max_memory_usage=90000000",
            241,
        ),
    ],
)
def test_errors_carry_clickhouse_codes(client: Client, sql: str, code: int) -> None:
    with pytest.raises(DatabaseError) as caught:
        client.query(sql) if "OUTFILE" not in sql else client.command(sql)
    assert caught.value.code == code


def test_unknown_setting_and_database_are_refused(bare: Endpoints, client: Client) -> None:
    for extra in ({"no_such_setting": "1"}, {"database": "nowhere"}):
        answer = httpx.post(bare.clickhouse_url, params=extra, content="SELECT 1")
        assert answer.status_code == 404


def test_large_answers_stream(client: Client) -> None:
    with client.query_row_block_stream("SELECT number FROM numbers(2000000)") as stream:
        assert sum(len(block) for block in stream) == 2_000_000


async def test_large_answers_stream_to_the_async_client(asynchronous: AsyncClient) -> None:
    rows = 0
    sql = "SELECT number FROM numbers(2000000)"
    async with await asynchronous.query_row_block_stream(sql) as stream:
        async for block in stream:
            rows += len(block)
    assert rows == 2_000_000


def test_error_in_the_middle_of_a_stream_is_an_error(client: Client) -> None:
    sql = "SELECT number, throwIf(number = 3000000) FROM numbers(4000000)"
    stream = client.query_row_block_stream(sql)
    with pytest.raises(StreamFailureError, match="throwIf"), stream:
        for _ in stream:
            pass


def test_query_of_a_client_that_left_is_stopped(bare: Endpoints, client: Client) -> None:
    leaving = clickhouse_connect.get_client(dsn=bare.clickhouse_url, send_receive_timeout=1)
    with pytest.raises(OperationalError):
        leaving.query("SELECT sum(sipHash64(number)) FROM numbers(100000000000)")
    deadline = time.monotonic() + 3
    while client.command("SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%'") > 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_wrong_secret_is_refused_and_ping_is_free(bare: Endpoints) -> None:
    wrong = bare.clickhouse_url.replace("groundswell:", "groundswell:x")
    answer = httpx.post(wrong, content="SELECT 1")
    assert answer.status_code == 403
    assert answer.headers["x-clickhouse-exception-code"] == "516"
    base = httpx.URL(bare.clickhouse_url).copy_with(userinfo=b"", path="/ping")
    assert httpx.get(base).text == "Ok.\n"


def test_get_reads_and_never_writes(bare: Endpoints, table: str) -> None:
    assert httpx.get(bare.clickhouse_url, params={"query": "SELECT 7"}).text == "7\n"
    refused = httpx.get(bare.clickhouse_url, params={"query": f"DROP TABLE groundswell.{table}"})
    assert refused.headers["x-clickhouse-exception-code"] == "164"


async def test_more_queries_than_slots_all_come_through(asynchronous: AsyncClient) -> None:
    answers = await asyncio.gather(*(asynchronous.query("SELECT sleep(0.02)") for _ in range(60)))
    assert len(answers) == 60


async def test_dashboards_do_not_hold_up_the_writer(asynchronous: AsyncClient, table: str) -> None:
    insert = await asynchronous.create_insert_context(table, column_names=["n"], data=[[1]])
    slow = [asyncio.create_task(asynchronous.query("SELECT sleep(0.9)")) for _ in range(16)]
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await asynchronous.data_insert(insert)
    assert time.monotonic() - began < 0.6
    await asyncio.gather(*slow)
