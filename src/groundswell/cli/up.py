"""``groundswell up``: everything on this machine."""

from pathlib import Path

import click

from groundswell.cli.session import home_option, run, settings_or_exit


@click.command()
@home_option
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port.  [default: 8000]")
def command(home: Path | None, host: str | None, port: int | None) -> None:
    """Run everything on this machine: engines, web, writer and worker. Ctrl-C stops all."""
    settings = settings_or_exit(home=home, host=host, port=port)
    from groundswell.app.up import up

    raise SystemExit(run(up(settings)) or 0)
