"""One HTTP request of ClickHouse's interface, read into a statement and its data."""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from groundswell.core.engines.store.body import decompress, form_fields
from groundswell.core.engines.store.engine import Statement
from groundswell.core.engines.store.errors import AUTHENTICATION_FAILED, SYNTAX_ERROR, StoreError

# Read by the transport, so they never reach the engine. There are no sessions: the client makes
# up a session id of its own, and nothing is kept under it.
_TRANSPORT = frozenset(
    (
        "query",
        "database",
        "user",
        "password",
        "default_format",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "quota_key",
        "compress",
        "decompress",
        "buffer_size",
        "wait_end_of_query",
        "client_protocol_version",
        "role",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "enable_http_compression",
        "stacktrace",
        "cancel_http_readonly_queries_on_client_close",
        "log_comment",
    )
)
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*\Z", re.IGNORECASE)
# INSERT INTO t (columns) [SETTINGS …] FORMAT Name, then data; quoted names may hold anything.
_INSERT = re.compile(
    rb"""\A(?P<head>\s*INSERT\s+INTO\b(?:`(?:\\.|[^`\\])*`|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'"""
    rb"""|(?!\b(?:SELECT|VALUES|WITH)\b)[^`"'])*?)"""
    rb"""\bFORMAT\s+(?P<format>\w+)[ \t]*(?:\r?\n|;|\Z|[ ])""",
    re.IGNORECASE,
)
_HEAD_LIMIT = 100_000
_STARTS_INSERT = re.compile(rb"\A\s*INSERT\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class StoreRequest:
    """A statement, the rows it inserts if it brings any, and how to name it in the answer."""

    statement: Statement
    data: bytes | None
    query_id: str
    is_write: bool


def authenticate(secret: str, headers: Mapping[str, str], query: Mapping[str, str]) -> None:
    """Check the secret, by whichever of ClickHouse's ways it came.

    Raises:
        StoreError: there is none, or a wrong one.
    """
    given = headers.get("x-clickhouse-key") or query.get("password") or _basic(headers)
    if not hmac.compare_digest(given.encode(), secret.encode()):
        raise StoreError(
            AUTHENTICATION_FAILED,
            "Authentication failed: the secret is wrong or missing. (AUTHENTICATION_FAILED)",
        )


def _basic(headers: Mapping[str, str]) -> str:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def read_query_string(query_string: bytes) -> dict[str, str]:
    """The URL's parameters; a repeated one counts as last given."""
    return dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))


def read_request(
    method: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
    defaults: Mapping[str, str],
) -> StoreRequest:
    """Put URL, headers and body together as ClickHouse does.

    Raises:
        StoreError: there is no statement, or the body can't be read.
    """
    body = decompress(body, headers.get("content-encoding", ""))
    form = form_fields(body, headers.get("content-type", ""))
    if form is not None:
        query, body = {**query, **form}, b""
    text, data = _split(query.get("query", "").encode(), body)
    if not text.strip():
        raise StoreError(SYNTAX_ERROR, "Syntax error: empty query. (SYNTAX_ERROR)")
    sql = text.decode(errors="replace")
    is_write = _STARTS_INSERT.match(text) is not None
    statement = Statement(
        sql=sql,
        format=_format(sql, data, text, query, headers),
        database=query.get("database") or headers.get("x-clickhouse-database", ""),
        settings=_settings(method, query, {} if is_write else defaults),
        parameters={n[6:]: value for n, value in query.items() if n.startswith("param_")},
    )
    query_id = query.get("query_id") or statement.token
    return StoreRequest(
        statement=statement if data is None else _insert(statement, text),
        data=data,
        query_id=query_id,
        is_write=is_write,
    )


def _split(query: bytes, body: bytes) -> tuple[bytes, bytes | None]:
    """The statement, and its data when it is an INSERT that brings some."""
    if query and body and _INSERT.match(query[:_HEAD_LIMIT]):
        return query, body
    whole = query + b"\n" + body if query and body else query or body
    found = _INSERT.match(whole[:_HEAD_LIMIT])
    if found is None:
        return whole, None
    return whole[: found.end()], whole[found.end() :]


def _insert(statement: Statement, text: bytes) -> Statement:
    """chDB wants an INSERT without its FORMAT clause, and the format apart."""
    found = _INSERT.match(text)
    assert found is not None
    return Statement(
        sql=found["head"].decode(errors="replace"),
        format=found["format"].decode(),
        database=statement.database,
        settings=statement.settings,
        parameters=statement.parameters,
        token=statement.token,
    )


def _format(
    sql: str, data: bytes | None, text: bytes, query: Mapping[str, str], headers: Mapping[str, str]
) -> str:
    found = _FORMAT.search(sql) if data is None else None
    if found:
        return found.group(1)
    given = query.get("default_format") or headers.get("x-clickhouse-format")
    return given or "TabSeparated"


def _settings(method: str, query: Mapping[str, str], defaults: Mapping[str, str]) -> dict[str, str]:
    given = {n: v for n, v in query.items() if n not in _TRANSPORT and not n.startswith("param_")}
    settings = {**defaults, **given}
    # As ClickHouse: a GET never changes anything.
    if method == "GET" and settings.get("readonly", "0") == "0":
        settings["readonly"] = "2"
    return settings
