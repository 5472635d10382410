"""``groundswell doctor``: what is wrong here, and how to mend it."""

from pathlib import Path

import click

from groundswell.cli.session import home_option, run, settings_or_exit

_SIGNS = {"ok": "✓", "note": "·", "warning": "!", "error": "✗"}


@click.command()
@home_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(home: Path | None, as_json: bool) -> None:
    """Check engines, versions, disk, clock, encryption and settings. Exit 1 on an error."""
    settings = settings_or_exit(home=home)
    from groundswell.app.doctor import examine

    findings = run(examine(settings))
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode({"findings": findings}).decode())
    else:
        width = max(len(finding.subject) for finding in findings)
        for finding in findings:
            click.echo(f"{_SIGNS[finding.level]} {finding.subject:<{width}}  {finding.text}")
            if finding.cure:
                click.echo(f"  {'':<{width}}  → {finding.cure}")
    raise SystemExit(any(finding.level == "error" for finding in findings))
