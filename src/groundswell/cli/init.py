"""``groundswell init``: a tenant with an owner and keys."""

from pathlib import Path

import click
import msgspec

from groundswell.cli.session import home_option, platform_session, run, settings_or_exit
from groundswell.core.config import Settings
from groundswell.core.identity.passwords import weakness
from groundswell.features.access.api import Initialised, initialise
from groundswell.features.access.types import NewTenant


@click.command("init")
@click.option(
    "--tenant", required=True, metavar="SLUG", help="Its short name: a-z, 0-9 and hyphens."
)
@click.option(
    "--email", required=True, metavar="ADDRESS", help="E-mail address the owner signs in with."
)
@click.option("--password", required=True, help="The owner's password.")
@click.option("--name", default="", help="The tenant's name.  [default: the slug]")
@click.option(
    "--currency",
    default="USD",
    metavar="CODE",
    show_default=True,
    help="ISO 4217 code of its reports.",
)
@click.option(
    "--timezone", default="UTC", metavar="ZONE", show_default=True, help="Time zone of its days."
)
@home_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    tenant: str,
    email: str,
    password: str,
    name: str,
    currency: str,
    timezone: str,
    home: Path | None,
    as_json: bool,
) -> None:
    """Make a tenant with an owner and keys. A second run changes nothing.

    The server may run or not. The keys are printed once, by the run that makes them.
    """
    weak = weakness(password, email)
    if not password:
        raise click.BadParameter("must not be empty", param_hint="--password")
    if weak:
        # The operator's own choice stands: scripts set up trials with short passwords.
        click.echo(
            f"Warning: the password {weak}. Change it before others can reach this.", err=True
        )
    new = NewTenant(
        slug=tenant, name=name.strip() or tenant, currency=currency.upper(), timezone=timezone
    )
    made = run(_initialise(settings_or_exit(home=home), new, email, password))
    click.echo(msgspec.json.encode(made).decode() if as_json else _sentences(made))


async def _initialise(settings: Settings, new: NewTenant, email: str, password: str) -> Initialised:
    async with platform_session(settings) as platform:
        return await initialise(platform, new, email=email, password=password)


def _sentences(made: Initialised) -> str:
    if made.secret_key is None:
        return f"Tenant {made.tenant} is there already; {made.email} owns it. Nothing was changed."
    return (
        f"Tenant {made.tenant} is made; sign in as {made.email}.\n"
        f"  secret key       {made.secret_key}\n"
        f"  publishable key  {made.publishable_key}\n"
        "The keys are shown this once: keep them now."
    )
