"""``groundswell reset-link``: for somebody who forgot their password where no mail is sent."""

from pathlib import Path

import click

from groundswell.cli.session import home_option, platform_session, run, settings_or_exit
from groundswell.core.config import Settings
from groundswell.features.access.api import reset_link


@click.command("reset-link")
@click.argument("email")
@home_option
def command(email: str, home: Path | None) -> None:
    """Print a link with which the member EMAIL sets a new password: once, within an hour.

    The server may run or not, but must run when the link is opened.
    """
    click.echo(run(_make(settings_or_exit(home=home), email)))


async def _make(settings: Settings, email: str) -> str:
    async with platform_session(settings) as platform:
        return await reset_link(platform, email)
