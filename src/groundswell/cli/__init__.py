"""Commands. Each lives in a module of its own and is imported only when it is called."""

from importlib import import_module

import click

from groundswell import __version__

_COMMANDS = {
    "audit": ("groundswell.cli.audit", "Check the audit log's chain, offline too."),
    "doctor": ("groundswell.cli.doctor", "Say what is wrong with this installation and its cure."),
    "import": ("groundswell.cli.imports", "Bring in history from files."),
    "init": ("groundswell.cli.init", "Make a tenant with an owner and keys."),
    "migrate": ("groundswell.cli.migrate", "Bring the engines to this version's schema."),
    "reset-link": ("groundswell.cli.reset_link", "Make a link for a forgotten password."),
    "up": ("groundswell.cli.up", "Run everything on this machine."),
    "web": ("groundswell.cli.roles:web", "Run the web role alone."),
    "worker": ("groundswell.cli.roles:worker", "Run the worker role alone."),
    "writer": ("groundswell.cli.roles:writer", "Run the writer role alone."),
}


class _Lazy(click.Group):
    """A group that knows its commands' names and one-line helps without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute or "command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in _COMMANDS.items()])


@click.group(
    cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="groundswell")
def cli() -> None:
    """Groundswell: one server over one record of people, events and money.

    Begin with `groundswell up`; then `groundswell COMMAND --help` explains each command.
    """
