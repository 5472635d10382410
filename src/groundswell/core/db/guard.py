"""The guard of the event store: a scoped query is one SELECT over tables we know."""

import re
from functools import lru_cache

import sqlglot
from sqlglot import exp

from groundswell.core.db.catalogue import INTERNAL_TABLES, TENANT_TABLES
from groundswell.core.errors import InvalidError

_READS_ELSEWHERE = ("dict", "joinget", "file", "remote", "cluster", "url", "s3", "hascolumnin")
_IN = re.compile(r"(global)?(not)?(null)?in(ignoreset)?")
_PURE_TABLE_FUNCTIONS = frozenset({"numbers"})


@lru_cache(maxsize=2_048)
def check_tables(sql: str) -> None:
    """Refuse a statement that is not one SELECT over catalogued tables.

    ``additional_table_filters`` is open by default: a table it doesn't name shows every tenant.
    So a table we don't know is an error here, before the store sees the statement.

    Raises:
        InvalidError: not one SELECT, or a table or table function outside the catalogue.
    """
    try:
        statements = sqlglot.parse(sql, dialect="clickhouse")
    except sqlglot.errors.SqlglotError as error:
        raise InvalidError(f"The query can't be parsed: {error}") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise InvalidError("A query is exactly one SELECT.")
    query = statements[0]
    if any(part.args.get("settings") for part in query.find_all(exp.Query)):
        raise InvalidError("A query can't change settings.")
    for function in query.find_all(exp.Func):
        name = (
            function.name if isinstance(function, exp.Anonymous) else function.sql_name()
        ).lower()
        if name.startswith(_READS_ELSEWHERE) or _IN.fullmatch(name):
            raise InvalidError(f"The function {name} can't be used.")
    names = {cte.alias_or_name for cte in query.find_all(exp.CTE)}
    if names & (TENANT_TABLES | INTERNAL_TABLES):
        raise InvalidError("A WITH can't take the name of a table.")
    _check_in(query, names)
    for table in query.find_all(exp.Table):
        if isinstance(table.this, exp.Func) and table.this.name.lower() in _PURE_TABLE_FUNCTIONS:
            continue
        if not isinstance(table.this, exp.Identifier) or table.db or table.catalog:
            raise InvalidError(f"{table.sql('clickhouse')} can't be read from.")
        if table.name not in TENANT_TABLES and table.name not in names:
            raise InvalidError(f"There is no table {table.name}.")


def _check_in(query: exp.Query, names: set[str]) -> None:
    """Refuse ``x in a_table``, in which the store reads a table that stands nowhere as one."""
    for member in query.find_all(exp.In):
        values = member.expressions
        right = member.args.get("field") or (values[0] if len(values) == 1 else None)
        while isinstance(right, exp.Paren):
            right = right.this
        if isinstance(right, exp.Column) and (right.table or right.name not in names):
            raise InvalidError(f"What follows IN is a list, not {right.sql('clickhouse')}.")
    if query.find(exp.Aliases):
        raise InvalidError("The query can't be parsed.")
