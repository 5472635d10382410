"""Bring both engines to the schema this version needs. Safe to run at every start."""

import asyncio

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from groundswell.core.db.clickhouse import EventStore
from groundswell.core.db.schema import migrations_folder

_log = structlog.get_logger(__name__)
_LOCK = 5_170_226_001  # one migrator at a time, whoever starts it


async def migrate(owner_url: str, clickhouse_url: str) -> None:
    """Run what is missing on PostgreSQL (as the owner) and on the event store."""
    await asyncio.gather(
        asyncio.to_thread(migrate_postgres, owner_url), migrate_store(clickhouse_url)
    )


def migrate_postgres(owner_url: str) -> None:
    """Alembic to head, under an advisory lock."""
    config = _alembic()
    engine = _engine(owner_url)
    with engine.connect() as connection:
        head = ScriptDirectory.from_config(config).get_current_head()
        if MigrationContext.configure(connection).get_current_revision() == head:
            return
        connection.rollback()
        connection.execute(text("set lock_timeout = '10s'"))
        connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": _LOCK})
        connection.commit()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    _log.info("postgres_migrated", revision=head)


async def migrate_store(clickhouse_url: str) -> None:
    """The numbered SQL files in order; each is recorded when all of it has run."""
    store = EventStore(clickhouse_url)
    try:
        await store.command(
            "create table if not exists schema_migrations (name String, at DateTime default now())"
            " engine = MergeTree order by name settings fsync_after_insert = 1"
        )
        done = {row[0] for row in await store.system_rows("select name from schema_migrations")}
        for path in sorted((migrations_folder() / "clickhouse").glob("*.sql")):
            if path.name in done:
                continue
            for statement in statements(path.read_text()):
                await store.command(_repeatable(statement))
            await store.insert("schema_migrations", ["name"], [[path.name]], path.name)
            _log.info("event_store_migrated", file=path.name)
    finally:
        await store.close()


def statements(sql: str) -> list[str]:
    """The statements of a migration file; a statement ends with ``;`` at a line's end."""
    lines = [line for line in sql.splitlines() if not line.lstrip().startswith("--")]
    return [part.strip() for part in "\n".join(lines).split(";\n") if part.strip(" \n;")]


def _repeatable(statement: str) -> str:
    # A crash half-way leaves tables behind; the file is run again from its start.
    for thing in ("table", "materialized view"):
        statement = statement.replace(f"create {thing} ", f"create {thing} if not exists ", 1)
    return statement.rstrip(";")


def _engine(owner_url: str) -> Engine:
    url = owner_url.replace("postgresql://", "postgresql+psycopg://", 1)
    return create_engine(url, poolclass=NullPool)


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder() / "postgres"))
    return config
