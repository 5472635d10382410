"""``groundswell audit``: take the audit log out, and check it, offline too."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundswell.cli.session import home_option, platform_session, run, settings_or_exit
from groundswell.core.audit.chain import fingerprint
from groundswell.core.audit.verify import Report, verify_lines
from groundswell.core.config import Settings

if TYPE_CHECKING:
    from groundswell.core.platform import Platform
    from groundswell.core.tenancy.scope import Scope

_SHOWN = 20


@click.group()
def command() -> None:
    """Export the audit log and check that nobody changed it."""


@command.command()
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
@click.option(
    "--tenant", "slug", metavar="SLUG", help="Check this tenant's log where it is stored."
)
@click.option(
    "--key", "key", metavar="HEX", help="Public key (hex) that must have signed the file."
)
@home_option
def verify(file: Path | None, slug: str | None, key: str | None, home: Path | None) -> None:
    """Check an exported FILE, or a tenant's stored log.

    A FILE needs no server and no access to one. Exit 1 when rows were changed, removed, reordered
    or inserted; each is named.
    """
    if (file is None) == (slug is None):
        raise click.UsageError("Name either an exported FILE or a --tenant.")
    if file is not None:
        with file.open(encoding="utf-8", errors="replace") as lines:
            report = verify_lines(lines, _key(key))
    else:
        assert slug is not None
        report = run(_verify_stored(settings_or_exit(home=home), slug))
    _tell(report)


@command.command()
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@click.option("--tenant", "slug", metavar="SLUG", required=True, help="Whose log.")
@home_option
def export(file: Path, slug: str, home: Path | None) -> None:
    """Write the sealed log of a tenant to FILE as JSON lines."""
    rows = run(_export(settings_or_exit(home=home), slug, file))
    click.echo(f"Wrote {rows:,} sealed rows to {file}.")


def _key(text: str | None) -> bytes | None:
    try:
        return bytes.fromhex(text) if text else None
    except ValueError:
        raise click.BadParameter("is not a hexadecimal key", param_hint="--key") from None


def _tell(report: Report) -> None:
    if report.public_key:
        click.echo(f"Tenant {report.tenant}, signed by {fingerprint(report.public_key)}")
        click.echo(f"Public key {report.public_key.hex()}")
    if report.is_intact:
        click.echo(f"Intact: {report.rows:,} rows, none changed, removed, reordered or inserted.")
        return
    for finding in report.findings[:_SHOWN]:
        click.echo(f"{finding.kind} at row {finding.sequence}: {finding.text}")
    if len(report.findings) > _SHOWN:
        click.echo(f"… and {len(report.findings) - _SHOWN:,} more")
    raise SystemExit(1)


async def _verify_stored(settings: Settings, slug: str) -> Report:
    from groundswell.core.audit.export import verify_stored

    async with platform_session(settings) as platform:
        return await verify_stored(platform, _scope(platform, slug))


async def _export(settings: Settings, slug: str, file: Path) -> int:
    from groundswell.core.audit.export import export_audit
    from groundswell.core.audit.seal import seal_audit

    async with platform_session(settings) as platform:
        scope = _scope(platform, slug)
        # Without a running worker nobody else seals what is waiting.
        await seal_audit(platform)
        rows = -2  # head and end
        with file.open("wb") as out:
            async for part in export_audit(platform, scope, slug):
                rows += part.count(b"\n")
                out.write(part)
        return rows


def _scope(platform: "Platform", slug: str) -> "Scope":
    from groundswell.core.tenancy.scope import system_scope

    tenant = platform.directory.tenant_by_slug(slug)
    if tenant is None:
        raise click.ClickException(f"There is no tenant {slug}.")
    return system_scope(tenant.tenant_id, "cli")
