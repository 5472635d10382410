"""Asking the event store within limits; what it refuses becomes an error a person can act on."""

import re
from collections.abc import Mapping
from typing import Any

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError

from groundswell.core.errors import (
    FieldError,
    InvalidError,
    QueryTooLargeError,
    UnavailableError,
)
from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import Scope
from groundswell.features.insights.types import TooHeavyError

LIMITS = {
    "max_execution_time": "20",
    "max_rows_to_read": "2000000000",
    "max_result_rows": "200000",
    "result_overflow_mode": "throw",
    "short_circuit_function_evaluation": "enable",
}
"""Of one statement; its memory is the store's own limit for a query."""

_CODE = re.compile(r"[Cc]ode:? (\d+)")
_TOO_HEAVY = {
    158: "reads too many rows",
    159: "takes longer than 20 seconds",
    160: "takes longer than 20 seconds",
    241: "needs more memory than one question may have",
    307: "reads too much",
    396: "has more rows than can be shown",
}
_BUSY = frozenset({202, 252, 999})
_BAD_PATTERN = 427
_ADVICE = "Ask about fewer days, name the events, or drop a breakdown with many different values."

_log = structlog.get_logger(__name__)


async def ask(
    platform: Platform, scope: Scope, sql: str, params: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """Rows of a compiled question.

    Raises:
        TooHeavyError: stopped at a limit; says which and what helps.
        InvalidError: the store can't make sense of a value (a pattern RE2 refuses).
        UnavailableError: the store is away or has too much to do.
    """
    try:
        return await platform.store.rows(scope, sql, params, limits=LIMITS)
    except (ClickHouseError, QueryTooLargeError) as error:
        raise _told(error.__cause__ or error, sql) from error


def _told(error: BaseException, sql: str) -> Exception:
    text = str(error)
    found = _CODE.search(text)
    code = int(found.group(1)) if found else 0
    if code in _TOO_HEAVY:
        return TooHeavyError(f"The question {_TOO_HEAVY[code]} and was stopped. {_ADVICE}")
    if code in _BUSY:
        return UnavailableError(
            "Too many questions are asked at once. Please try again.", headers={"Retry-After": "2"}
        )
    if code == _BAD_PATTERN:
        wrong = FieldError("filters", "a pattern is not one that RE2 reads")
        return InvalidError("A pattern can't be read.", errors=[wrong])
    _log.error("insight_refused_by_store", error=text[:500], sql=sql[:2_000])
    return InvalidError("The event store can't answer this question. It has been logged.")
