"""Which schema this version needs and which is there, asked without the weight of a migration."""

import base64
from http.client import HTTPException
from importlib.resources import files
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import psycopg

_SECONDS = 10


def migrations_folder() -> Path:
    """The migrations of this installation: in the checkout, or inside the wheel."""
    checkout = Path(__file__).parents[4] / "migrations"
    return checkout if checkout.is_dir() else Path(str(files("groundswell"))) / "migrations"


def postgres_head() -> str:
    """The newest PostgreSQL revision, such as ``0001``."""
    names = (migrations_folder() / "postgres" / "versions").glob("[0-9]*.py")
    return max(path.name.partition("_")[0] for path in names)


def store_files() -> set[str]:
    """The event store's migration files."""
    return {path.name for path in (migrations_folder() / "clickhouse").glob("*.sql")}


def pending(owner_url: str, clickhouse_url: str) -> list[str]:
    """What has not run yet, such as ``postgres/0001``; empty when both engines are up to date.

    An engine that can't be asked counts as having nothing: a migration then says why.
    """
    revision, done = _revision(owner_url), _done(clickhouse_url)
    head = postgres_head()
    missing = [] if revision == head else [f"postgres/{head}"]
    return missing + [f"clickhouse/{name}" for name in sorted(store_files() - done)]


def _revision(owner_url: str) -> str | None:
    try:
        with psycopg.connect(owner_url, connect_timeout=_SECONDS) as connection:
            row = connection.execute("select version_num from alembic_version").fetchone()
    except psycopg.Error:
        return None
    return str(row[0]) if row else None


def _done(clickhouse_url: str) -> set[str]:
    parts = urlsplit(clickhouse_url)
    secret = f"{parts.username or 'default'}:{parts.password or ''}"
    request = Request(  # noqa: S310 - the operator's own setting
        f"{parts.scheme}://{parts.hostname}:{parts.port or 8123}/"
        f"?database={parts.path.strip('/') or 'default'}",
        data=b"select name from schema_migrations format TSV",
        headers={"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()},
    )
    try:
        with urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - as above
            return set(answer.read().decode().split("\n")) - {""}
    except (HTTPError, URLError, HTTPException, TimeoutError):
        return set()
