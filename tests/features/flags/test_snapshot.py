"""Flags stay in memory and in a file, whatever becomes of the engines."""

from groundswell.core.db.postgres import Postgres
from groundswell.core.db.valkey import open_valkey
from groundswell.core.tenancy.directory import Directory
from groundswell.features.flags.logic.context import Context
from groundswell.features.flags.logic.snapshot import FlagSnapshot

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=1"


async def test_a_cold_start_with_every_engine_down_answers_from_the_file(platform, tenant, add):
    await add("checkout")
    folder = platform.settings.home / "state"
    await platform.directory.refresh()
    postgres = Postgres(NOWHERE, NOWHERE)
    cache = open_valkey("valkey://127.0.0.1:1")
    await postgres.open()
    directory = Directory(postgres, folder / "directory.json")
    snapshot = FlagSnapshot(postgres, cache, folder / "flags.json")
    try:
        await directory.start()
        await snapshot.start()
        scope = directory.scope_of_key(tenant.publishable_key)
        found = snapshot.flags_of(scope).outcome("checkout", Context("u1", now=0.0))
        assert found.answer.enabled
    finally:
        await snapshot.close()
        await directory.close()
        await postgres.close()
        await cache.aclose()


async def test_only_what_changed_is_compiled_again(tenant, add, snapshot):
    await add("one")
    before = snapshot.flags_in(tenant.id, "production")
    await add("two")
    after = snapshot.flags_in(tenant.id, "production")
    assert list(after.flags) == ["one", "two"]
    assert after.flags["one"] is before.flags["one"]


async def test_a_rotated_key_keeps_its_environment(platform, tenant, add, snapshot, sign_in):
    from groundswell.core.signals import Signal
    from groundswell.features.flags.logic.environments import inherit, put_key

    owner = await sign_in("owner")
    old = (await owner.get("/api/keys")).json()["items"][0]["key_id"]
    await put_key(platform, tenant.scope, old, "staging")
    new = (await owner.post(f"/api/keys/{old}/rotate")).json()["key_id"]
    payload = {"key_id": old, "replaced_by": new}
    await inherit(platform, tenant.id, [Signal(tenant.id, tenant.id, "key.rotated", payload)])
    found = (await owner.get("/api/flag-environments")).json()["keys"]
    assert found == {old: "staging", new: "staging"}
