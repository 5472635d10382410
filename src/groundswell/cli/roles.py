"""``groundswell web``, ``writer``, ``worker``: one role in this process."""

from pathlib import Path

import click

from groundswell.cli.session import home_option, settings_or_exit
from groundswell.core.config import Settings
from groundswell.core.errors import ConfigurationError


@click.command()
@home_option
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port.  [default: 8000]")
def web(home: Path | None, host: str | None, port: int | None) -> None:
    """Run one web process; several share a port."""
    settings = settings_or_exit(home=home, host=host, port=port)
    from groundswell.app.serve import main

    _log_as("web", settings)
    try:
        main(settings)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None


@click.command()
@home_option
def writer(home: Path | None) -> None:
    """Run the writer: from the ingest log to the event store."""
    settings = settings_or_exit(home=home)
    from groundswell.app.writer import main

    _log_as("writer", settings)
    main(settings)


@click.command()
@home_option
def worker(home: Path | None) -> None:
    """Run the worker: jobs, schedules, signals, the outbox."""
    settings = settings_or_exit(home=home)
    from groundswell.app.worker import main

    _log_as("worker", settings)
    main(settings)


def _log_as(role: str, settings: Settings) -> None:
    from groundswell.core.log import configure_logging

    configure_logging(settings.log_level, role)
