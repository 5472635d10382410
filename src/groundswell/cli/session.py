"""What every command shares: settings, engines (attached or started for it), readable errors."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from groundswell.core.config import Settings, load_settings
from groundswell.core.errors import ConfigurationError, ProblemError

Result = TypeVar("Result")
F = TypeVar("F", bound=Callable[..., Any])


def home_option(function: F) -> F:
    """``--home DIR``, the same in every command."""
    option = click.option(
        "--home",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of the installation.  [default: ~/.groundswell]",
    )
    return option(function)


def settings_or_exit(**overrides: Any) -> Settings:
    """Settings; wrong ones end the command with their names."""
    try:
        return load_settings(**overrides)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine; expected failures become one readable line."""
    from groundswell.core.engines.home import AlreadyRunningError
    from groundswell.core.log import configure_logging

    # Standard output belongs to the result, and progress is not news to who waits for it.
    configure_logging("warning", "cli")
    try:
        return asyncio.run(work)
    except ProblemError as error:
        lines = [error.detail, *(f"  {e.field}: {e.reason}" for e in error.errors)]
        raise click.ClickException("\n".join(lines)) from None
    except (ConfigurationError, AlreadyRunningError) as error:
        raise click.ClickException(str(error)) from None


@asynccontextmanager
async def platform_session(settings: Settings) -> AsyncIterator[Any]:
    """A migrated Platform: attached to the running server, else with engines of its own."""
    from groundswell.core.db.migrations import migrate
    from groundswell.core.engines.embedded import engines
    from groundswell.core.platform import encryption_of, open_platform

    async with engines(settings) as endpoints:
        await migrate(endpoints.database_owner_url, endpoints.clickhouse_url)
        async with open_platform(settings, endpoints, encryption_of(settings)) as platform:
            await platform.directory.start()
            yield platform
