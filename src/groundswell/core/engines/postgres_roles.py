"""The three roles and the database; checked at each start, so a restored home is right too."""

import psycopg
from psycopg import sql

from groundswell.core.engines.home import Home

ROLES = ("owner", "app", "system")


async def ensure_roles(home: Home, pid: int) -> bool:
    """Create or mend roles and database over the unix socket. True when they are right.

    Raises:
        psycopg.OperationalError: the server does not answer yet.
    """
    async with await _admin(home, "postgres") as connection:
        for role in ROLES:
            await _ensure_role(connection, home, f"groundswell_{role}", role)
        await _ensure_database(connection)
    async with await _admin(home, "groundswell") as connection:
        await connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        await connection.execute("ALTER SCHEMA public OWNER TO groundswell_owner")
    return True


async def _admin(home: Home, database: str) -> psycopg.AsyncConnection:
    return await psycopg.AsyncConnection.connect(
        host=str(home.sockets),
        user="groundswell_admin",
        password=home.secrets.postgres_admin,
        dbname=database,
        autocommit=True,
        connect_timeout=5,
    )


async def _ensure_role(
    connection: psycopg.AsyncConnection, home: Home, name: str, role: str
) -> None:
    found = await connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
    verb = "ALTER" if await found.fetchone() else "CREATE"
    statement = sql.SQL(
        "{} ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD {}"
    ).format(
        sql.SQL(verb),
        sql.Identifier(name),
        sql.Literal(getattr(home.secrets, f"postgres_{role}")),
    )
    await connection.execute(statement)


async def _ensure_database(connection: psycopg.AsyncConnection) -> None:
    found = await connection.execute("SELECT 1 FROM pg_database WHERE datname = 'groundswell'")
    if not await found.fetchone():
        await connection.execute("CREATE DATABASE groundswell OWNER groundswell_owner")
