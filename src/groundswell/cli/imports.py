"""``groundswell import``: history out of files, with the server running or stopped."""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from groundswell.cli.session import home_option, platform_session, run, settings_or_exit
from groundswell.core.config import Settings
from groundswell.core.money import decimal_text, is_currency

_FIELDS = ("customer", "date", "amount", "items", "order_id", "currency")
_STORE_WITHIN = 120.0  # seconds; what is not in the event store by then gets there with the server


@click.group("import")
def command() -> None:
    """Bring in history from files, with the server running or stopped."""


_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@command.command("orders")
@click.argument("file", type=_FILE)
@click.option("--tenant", required=True, metavar="SLUG", help="Whose orders they are.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "whitespace", "json"]),
    help="Layout of the file.  [default: found out]",
)
@click.option(
    "--columns",
    metavar="LIST",
    help="Columns of a file without a header, such as -,customer,date,items,amount; - skips one.",
)
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="FIELD=COLUMN",
    help=f"Where a field stands: {', '.join(_FIELDS)}. May be repeated.",
)
@click.option(
    "--currency", metavar="CODE", help="Currency of rows that name none.  [default: the tenant's]"
)
@click.option(
    "--date-format",
    metavar="FORM",
    help="strptime form of the dates.  [default: YYYYMMDD or ISO 8601]",
)
@click.option("--source", default="import", show_default=True, help="Source of the orders.")
@click.option("--shift-to-today", is_flag=True, help="Move all dates so that the newest is today.")
@click.option("--dry-run", is_flag=True, help="Check the file and print its totals; store nothing.")
@click.option(
    "--errors",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where refused rows are listed.  [default: FILE.errors.csv]",
)
@home_option
def orders(file: Path, tenant: str, home: Path | None, **given: Any) -> None:
    """Import orders from FILE.

    The same file again changes nothing, and an import cut short goes on where it was. A date
    without a time is the start of the tenant's day. Without an order_id column an order's id is the
    file's digest and the row's number, so that equal rows are different purchases.
    """
    run(_orders(settings_or_exit(home=home), file, tenant, given))


async def _orders(settings: Settings, file: Path, tenant: str, given: dict[str, Any]) -> None:
    from groundswell.features.commerce import api

    errors = given["errors"] or file.with_name(f"{file.name}.errors.csv")
    async with platform_session(settings) as platform:
        scope = _scope(platform, tenant)
        async with platform.postgres.transaction(scope) as tx:
            books = await api.import_books(tx)
        options = _options(given, books)
        with _progress(file.name) as progress:
            scanned = await asyncio.to_thread(api.scan, file, options, progress)
            if given["dry_run"]:
                _print_control(scanned.control)
                click.echo("Dry run: nothing was stored.")
                return
            work = api.ImportRun(platform.postgres, scope, scanned, errors, progress)
            report = await work.run()
        is_stored = await _reach_store(platform, scope)
    _print_report(report, is_stored=is_stored)


def _options(given: dict[str, Any], books: Any) -> Any:
    from groundswell.features.commerce.api import Format, ImportOptions

    currency = (given["currency"] or books.currency).upper()
    if not is_currency(currency):
        raise click.BadParameter(f"{currency} is not an ISO 4217 code", param_hint="--currency")
    if not 1 <= len(given["source"]) <= 100:
        raise click.BadParameter("must have 1 to 100 characters", param_hint="--source")
    return ImportOptions(
        format=Format(given["form"]) if given["form"] else None,
        columns=_columns(given["columns"]),
        mapping=_mapping(given["mapping"]),
        currency=currency,
        timezone=books.timezone,
        source=given["source"],
        date_format=given["date_format"],
        shift_to_today=given["shift_to_today"],
    )


def _columns(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    names = tuple(name.strip() for name in text.split(","))
    unknown = [name for name in names if name not in (*_FIELDS, "-")]
    if unknown:
        why = f"{', '.join(unknown)}: use {', '.join(_FIELDS)} or -"
        raise click.BadParameter(why, param_hint="--columns")
    twice = {name for name in names if name != "-" and names.count(name) > 1}
    if twice:
        raise click.BadParameter(f"{', '.join(twice)} stands twice", param_hint="--columns")
    return names


def _mapping(pairs: Sequence[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        field, equals, column = pair.partition("=")
        if field not in _FIELDS or not equals or not column:
            why = f"{pair}: write FIELD=COLUMN with one of {', '.join(_FIELDS)}"
            raise click.BadParameter(why, param_hint="--map")
        mapping[field] = column
    return mapping


@command.command("rates")
@click.argument("file", type=_FILE)
@click.option("--tenant", required=True, metavar="SLUG", help="Whose rates they are.")
@home_option
def rates(file: Path, tenant: str, home: Path | None) -> None:
    """Import exchange rates from FILE.

    FILE is a CSV with the columns currency, day and rate. A rate is units of the tenant's currency
    for one unit of the other, from that day on. Orders already there are counted anew.
    """
    run(_rates(settings_or_exit(home=home), file, tenant))


async def _rates(settings: Settings, file: Path, tenant: str) -> None:
    from groundswell.features.commerce import api

    given = api.read_rates(file)
    async with platform_session(settings) as platform:
        scope = _scope(platform, tenant)
        async with platform.postgres.transaction(scope) as tx:
            await api.set_rates(tx, given)
        while True:
            async with platform.postgres.transaction(scope) as tx:
                if not await api.recount(tx):
                    break
        await _reach_store(platform, scope)
    click.echo(f"{len(given)} rates are stored.")


def _scope(platform: Any, slug: str) -> Any:
    from groundswell.core.tenancy.scope import system_scope

    tenant = platform.directory.tenant_by_slug(slug)
    if tenant is None:
        raise click.ClickException(f"There is no tenant {slug}. Make it with groundswell init.")
    return system_scope(tenant.tenant_id, "cli")


async def _reach_store(platform: Any, scope: Any) -> bool:
    """Wait until the tenant's rows are in the event store; be the writer if no other one is."""
    from groundswell.app.features import exported
    from groundswell.app.writer import run_writer

    stop = asyncio.Event()
    writer = asyncio.create_task(
        run_writer(platform, exported("api", "EVENT_CONSUMERS"), stop), name="writer"
    )
    deadline = time.monotonic() + _STORE_WITHIN
    try:
        while waits := await _is_waiting(platform, scope):
            if writer.done() or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.1)
    finally:
        stop.set()
        # The rows are safe whatever became of it; the server's writer takes them up.
        await asyncio.gather(writer, return_exceptions=True)
    return not waits


async def _is_waiting(platform: Any, scope: Any) -> bool:
    from groundswell.core.db.outbox_drain import PARKED

    async with platform.postgres.transaction(scope) as tx:
        found = await tx.value(
            "select 1 from outbox where tenant_id = %s and batch_id is distinct from %s limit 1",
            (scope.tenant_id, PARKED),
        )
    return found is not None


@contextmanager
def _progress(name: str) -> Iterator[Any]:
    """A bar on a terminal, else a line every few seconds; both on standard error."""
    if not sys.stderr.isatty():
        yield _PlainProgress(name)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(f"Checking {name}", total=None)

        def show(stage: str, done: int, total: int) -> None:
            what = f"{stage.capitalize()} {name}"
            bar.update(task, description=what, completed=done, total=total or None)

        yield show


class _PlainProgress:
    """Progress as lines, at most one every two seconds."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._next = time.monotonic() + 2.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 2.0
        of = f" of {total:,}" if total else ""
        click.echo(f"{stage} {self._name}: {done:,}{of} rows", err=True)


def _print_control(control: Any) -> None:
    rows = [("rows", f"{control.rows:,}"), ("refused", f"{control.refused:,}")]
    rows += [("customers", f"{control.customers:,}"), ("items", f"{control.items:,}")]
    for currency, amount in sorted(control.money.items()):
        whole, _, part = decimal_text(amount, currency).partition(".")
        rows.append(("money", f"{int(whole):,}{'.' + part if part else ''} {currency}"))
    rows.append(("of zero value", f"{control.zero:,}"))
    if control.first:
        rows.append(("days", f"{control.first} to {control.last}"))
    for name, value in rows:
        click.echo(f"  {name:<14}{value}")


def _print_report(report: Any, *, is_stored: bool) -> None:
    counts = report.counts
    if report.resumed_at:
        click.echo(f"Went on after row {report.resumed_at:,} of an import that was cut short.")
    click.echo("The file:")
    _print_control(report.control)
    if report.shift_days:
        click.echo(f"  {'moved by':<14}{report.shift_days:,} days")
    click.echo("Orders:")
    for name, value in (
        ("new", counts.created),
        ("the same again", counts.same),
        ("in conflict", counts.conflict),
        ("refused", counts.refused),
    ):
        click.echo(f"  {name:<16}{value:,}")
    if not counts.created and counts.same and not counts.conflict:
        click.echo("Nothing was changed: these orders were imported before.")
    if report.errors:
        click.echo(f"What is wrong with rows not taken: {report.errors}")
    if report.waiting:
        names = ", ".join(report.waiting)
        click.echo(f"Orders in {names} wait for an exchange rate: groundswell import rates FILE.")
    if not is_stored:
        click.echo("The reports follow as soon as the server's writer has caught up.")
