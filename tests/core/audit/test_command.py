"""``groundswell audit``: out of the store into a file, and the file checked by itself."""

import asyncio

from click.testing import CliRunner

from groundswell.cli.audit import command
from groundswell.core.audit import audit


def run(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


async def test_export_and_verify_with_and_without_engines(platform, settings, tenant, tmp_path):
    async with platform.postgres.transaction(tenant.scope) as tx:
        for n in range(3):
            await audit(tx, "key.revoked", "key", f"k{n}")
    file, home = tmp_path / "audit.jsonl", settings.home
    result = await asyncio.to_thread(run, "export", file, "--tenant", tenant.slug, "--home", home)
    assert result.exit_code == 0, result.output
    stored = await asyncio.to_thread(run, "verify", "--tenant", tenant.slug, "--home", home)
    assert stored.exit_code == 0, stored.output
    intact = run("verify", file)
    assert intact.exit_code == 0
    assert "Intact" in intact.output
    assert run("verify", file, "--key", "00" * 32).exit_code == 1
    lines = file.read_text().splitlines(keepends=True)
    row = next(n for n, line in enumerate(lines) if '"k1"' in line)
    lines[row] = lines[row].replace('"k1"', '"k9"')
    file.write_text("".join(lines))
    changed = run("verify", file)
    assert changed.exit_code == 1
    assert f"changed at row {row}" in changed.output


def test_wrong_calls_say_what_is_missing(tmp_path):
    assert run("verify").exit_code == 2
    file = tmp_path / "x"
    file.write_bytes(b"\xff\x00nonsense")
    broken = run("verify", file)
    assert broken.exit_code == 1
    assert "unreadable" in broken.output
