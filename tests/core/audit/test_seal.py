"""Sealing in the background: rows late and early, killed sealers, erased people."""

import asyncio
import json

import psycopg
import pytest

from groundswell.core.audit import audit, audit_personal, erase_personal
from groundswell.core.audit.export import export_audit, verify_stored
from groundswell.core.audit.personal import keys_of, reveal
from groundswell.core.audit.seal import seal_audit
from groundswell.core.audit.verify import verify_lines


async def write(platform, scope, *names):
    async with platform.postgres.transaction(scope) as tx:
        for name in names:
            await audit(tx, "key.revoked", "key", name, {"name": name})


async def lines(platform, tenant):
    parts = [part async for part in export_audit(platform, tenant.scope, tenant.slug)]
    return b"".join(parts).decode().splitlines()


async def test_what_was_written_is_sealed_exported_and_verified(platform, tenant):
    await write(platform, tenant.scope, "a", "b", "ü\u2028")
    await seal_audit(platform)
    text = await lines(platform, tenant)
    report = verify_lines(text)
    assert report.is_intact
    assert {"a", "b", "ü\u2028"} <= {json.loads(line)["row"]["target_id"] for line in text[1:-1]}
    assert (await verify_stored(platform, tenant.scope)).is_intact


async def test_a_row_that_commits_late_is_sealed_late(platform, tenant):
    """Its id is older than the chain's end; the chain goes on and nothing is missed."""
    await seal_audit(platform)
    async with platform.postgres.transaction(tenant.scope) as slow:
        await audit(slow, "key.created", "key", "slow")
        await write(platform, tenant.scope, "quick")
        await seal_audit(platform)
    await seal_audit(platform)
    report = verify_lines(await lines(platform, tenant))
    assert report.is_intact
    last = [json.loads(line)["row"]["target_id"] for line in (await lines(platform, tenant))[1:-1]]
    assert last[-2:] == ["quick", "slow"]


async def test_sealers_that_race_number_each_row_once(platform, tenant):
    await write(platform, tenant.scope, *(str(n) for n in range(450)))
    await asyncio.gather(*(seal_audit(platform) for _ in range(3)))
    await seal_audit(platform)
    report = verify_lines(await lines(platform, tenant))
    assert report.is_intact
    assert report.rows >= 450


async def test_a_row_of_a_rolled_back_change_is_not_there(platform, tenant):
    async def fail() -> None:
        async with platform.postgres.transaction(tenant.scope) as tx:
            await audit(tx, "key.revoked", "key", "never")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    await seal_audit(platform)
    assert not any("never" in line for line in await lines(platform, tenant))


async def test_erasing_a_person_keeps_the_chain_and_hides_the_values(platform, tenant):
    async with platform.postgres.transaction(tenant.scope) as tx:
        await audit_personal(
            tx, platform.encryption, "person.erased", "person", "p1",
            subject="person:p1", personal={"email": "canary@example.com"},
        )  # fmt: skip
    await seal_audit(platform)
    before = await lines(platform, tenant)
    assert not any("canary" in line for line in before)
    async with platform.postgres.transaction(tenant.scope) as tx:
        sealed = await tx.value(
            "select personal from audit_log where tenant_id = %s and subject = 'person:p1'",
            (tenant.id,),
        )
        keys = await keys_of(tx, platform.encryption, ["person:p1"])
        told = reveal(keys["person:p1"], "person:p1", sealed)
        assert told == {"email": "canary@example.com"}
        assert await erase_personal(tx, "person:p1")
        assert await keys_of(tx, platform.encryption, ["person:p1"]) == {}
    assert verify_lines(await lines(platform, tenant)).is_intact
    assert (await verify_stored(platform, tenant.scope)).is_intact


_BOTH = (
    "delete from audit_seals where audit_id = '{id}'; delete from audit_log where audit_id = '{id}'"
)


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        ("update audit_log set action = 'key.kept' where audit_id = '{id}'", "changed"),
        ("delete from audit_log where audit_id = '{id}'", "removed"),
        (_BOTH, "removed"),
    ],
)
async def test_damage_done_with_the_owners_rights_is_found(
    platform, tenant, endpoints, damage, kind
):
    """Also at the end of the log, where a chain alone would be blind."""
    await write(platform, tenant.scope, "a", "b")
    await seal_audit(platform)
    async with platform.postgres.transaction(tenant.scope) as tx:
        last = await tx.value(
            "select audit_id from audit_seals where tenant_id = %s order by sequence desc limit 1",
            (tenant.id,),
        )
    async with await psycopg.AsyncConnection.connect(endpoints.database_owner_url) as connection:
        await connection.execute(
            "select set_config('app.current_tenant_id', %s, false)", (str(tenant.id),)
        )
        for statement in damage.format(id=last).split(";"):
            assert (await connection.execute(statement)).rowcount == 1
    report = await verify_stored(platform, tenant.scope)
    assert [finding.kind for finding in report.findings] == [kind]


async def test_neither_role_of_the_app_can_change_the_log(platform, tenant):
    await write(platform, tenant.scope, "a")
    for statement in ("delete from audit_log", "update audit_log set action = 'x.y'"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with platform.postgres.transaction(tenant.scope) as tx:
                await tx.execute(statement)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with platform.postgres.across_tenants("test") as tx:
                await tx.execute(statement)


async def test_a_nul_character_in_the_detail_stops_nobody(platform, tenant):
    async with platform.postgres.transaction(tenant.scope) as tx:
        await audit(tx, "order.placed", "order", "a\0b", {"id\0": ["x\0", "\\u0000"]})
    await seal_audit(platform)
    assert verify_lines(await lines(platform, tenant)).is_intact
