"""Reading a request: ClickHouse's many ways to say the same, and bodies that are not right."""

import base64
import gzip
import io

import lz4.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.core.engines.store.body import decompress, form_fields
from groundswell.core.engines.store.errors import StoreError
from groundswell.core.engines.store.request import authenticate, read_query_string, read_request


def _read(body: bytes = b"", method: str = "POST", headers: dict | None = None, **query: str):
    return read_request(method, query, headers or {}, body, {"max_execution_time": "60"})


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t FORMAT Native\n",
        "insert into db.t (`a`, `b`) format Native\n",
        "INSERT INTO t (`odd FORMAT Values (`, b) FORMAT Native\n",
        "INSERT INTO t (a) SETTINGS async_insert = 0 FORMAT Native\n",
        "\n INSERT INTO t FORMAT Native\n",
    ],
)
def test_insert_is_cut_from_its_rows(sql: str) -> None:
    rows = b"\n\x00\x01 FORMAT CSV \xff"
    request = _read(sql.encode() + rows)
    assert request.data == rows
    assert request.statement.format == "Native"
    assert "Native" not in request.statement.sql
    assert request.is_write


def test_rows_may_come_apart_from_their_insert() -> None:
    request = _read(b"1,2\n", query="INSERT INTO t FORMAT CSV")
    assert (request.data, request.statement.format) == (b"1,2\n", "CSV")


@pytest.mark.parametrize(
    "sql", ["INSERT INTO t SELECT 1 FORMAT Native", "INSERT INTO t VALUES (1, ' FORMAT CSV ')"]
)
def test_insert_without_rows_of_its_own_runs_as_it_is(sql: str) -> None:
    request = _read(sql.encode())
    assert request.data is None
    assert request.statement.sql == sql


def test_parameters_settings_and_transport_are_told_apart() -> None:
    request = _read(
        b"SELECT 1 FORMAT Native",
        param_a="1",
        max_threads="2",
        session_id="x",
        wait_end_of_query="1",
        database="d",
    )
    assert request.statement.parameters == {"a": "1"}
    assert request.statement.settings == {"max_execution_time": "60", "max_threads": "2"}
    assert request.statement.database == "d"
    assert request.statement.format == "Native"


def test_get_never_changes_anything() -> None:
    assert _read(method="GET", query="DROP TABLE t").statement.settings["readonly"] == "2"
    asked = _read(method="GET", query="SELECT 1", readonly="1")
    assert asked.statement.settings["readonly"] == "1"


def test_empty_query_is_a_syntax_error() -> None:
    with pytest.raises(StoreError) as caught:
        _read(b"  ")
    assert (caught.value.code, caught.value.status) == (62, 400)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"SELECT ") + gzip.compress(b"1")),
        ("lz4", lz4.frame.compress(b"SELECT ") + lz4.frame.compress(b"1")),
        ("identity", b"SELECT 1"),
    ],
)
def test_bodies_of_several_frames_are_read_whole(encoding: str, body: bytes) -> None:
    assert decompress(body, encoding) == b"SELECT 1"


@given(st.binary(max_size=200), st.sampled_from(["gzip", "lz4", "zstd", "deflate", "br", "no"]))
def test_any_bytes_under_any_encoding_are_read_or_refused(body: bytes, encoding: str) -> None:
    try:
        decompress(body, encoding)
    except StoreError as error:
        _is_clients_fault(error)


@given(st.binary(max_size=300), st.sampled_from(["b", "", '"']))
def test_any_bytes_as_a_form_are_read_or_refused(body: bytes, boundary: str) -> None:
    try:
        form_fields(body, f"multipart/form-data; boundary={boundary}")
    except StoreError as error:
        _is_clients_fault(error)


@given(st.binary(max_size=200))
def test_any_query_string_is_read(text: bytes) -> None:
    assert isinstance(read_query_string(text), dict)


def test_secret_may_come_each_of_the_three_ways() -> None:
    basic = base64.b64encode(b"any:s3cret").decode()
    authenticate("s3cret", {"authorization": f"Basic {basic}"}, {})
    authenticate("s3cret", {"x-clickhouse-user": "any", "x-clickhouse-key": "s3cret"}, {})
    authenticate("s3cret", {}, {"password": "s3cret"})


@given(st.text(max_size=40))
def test_any_other_authorization_is_refused(given_header: str) -> None:
    with pytest.raises(StoreError) as caught:
        authenticate("s3cret", {"authorization": given_header}, {})
    assert caught.value.code == 516


def test_urlencoded_statement_of_curl_is_no_form() -> None:
    kind = "application/x-www-form-urlencoded"
    assert form_fields(b"SELECT 1 AS a", kind) is None
    assert form_fields(b"query=SELECT+1", kind) == {"query": "SELECT 1"}


def test_large_form_field_is_a_field() -> None:
    value = b"x" * 300_000
    body = io.BytesIO()
    body.write(b'--b\r\nContent-Disposition: form-data; name="query"\r\n\r\n' + value)
    body.write(b"\r\n--b--\r\n")
    fields = form_fields(body.getvalue(), "multipart/form-data; boundary=b")
    assert fields == {"query": value.decode()}


def _is_clients_fault(error: StoreError) -> None:
    assert error.status in (400, 501)
