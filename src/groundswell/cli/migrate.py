"""``groundswell migrate``: both engines to this version's schema."""

from pathlib import Path

import click

from groundswell.cli.session import home_option, run, settings_or_exit
from groundswell.core.config import Settings


@click.command()
@home_option
def command(home: Path | None) -> None:
    """Bring PostgreSQL and the event store to this version's schema. Safe to repeat."""
    run(_migrate(settings_or_exit(home=home)))
    click.echo("Both engines have this version's schema.")


async def _migrate(settings: Settings) -> None:
    from groundswell.core.db.migrations import migrate
    from groundswell.core.engines.embedded import engines

    async with engines(settings) as endpoints:
        await migrate(endpoints.database_owner_url, endpoints.clickhouse_url)
