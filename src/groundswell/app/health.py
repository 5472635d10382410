"""``/healthz``: this process answers. ``/readyz``: each engine by name, schema, lag."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from groundswell.core.db.schema import postgres_head, store_files
from groundswell.core.platform import Platform

Lag = Callable[[Platform], Awaitable[float | None]]

_PATIENCE = 2.0  # seconds that one check may take


class Check(msgspec.Struct, frozen=True, omit_defaults=True):
    """One engine or condition; ``reason`` says what is wrong, in words that can be acted on."""

    ok: bool
    reason: str = ""
    milliseconds: float = 0.0


class Readiness(msgspec.Struct, frozen=True):
    """The answer of ``/readyz``. ``ingest_lag_seconds`` is None when it isn't known."""

    ready: bool
    checks: dict[str, Check]
    ingest_lag_seconds: float | None


async def readiness(platform: Platform, disk_reason: str | None, lag_of: Lag) -> Readiness:
    """All checks at once; none waits longer than two seconds."""
    names: dict[str, Callable[[], Awaitable[str]]] = {
        "postgres": lambda: _postgres(platform),
        "event_store": lambda: _event_store(platform),
        "log": lambda: _valkey(platform.log),
        "cache": lambda: _valkey(platform.cache),
    }
    found = await asyncio.gather(*(_timed(check) for check in names.values()))
    checks = dict(zip(names, found, strict=True))
    checks["disk"] = Check(disk_reason is None, disk_reason or "")
    lag = await _lag(platform, lag_of)
    # Without the cache limits are counted per process and pages are slower: still ready.
    needed = [check.ok for name, check in checks.items() if name != "cache"]
    return Readiness(all(needed), checks, lag)


async def _timed(check: Callable[[], Awaitable[str]]) -> Check:
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(_PATIENCE):
            reason = await check()
    except TimeoutError:
        reason = f"does not answer within {_PATIENCE:.0f} s"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the reason
        reason = f"{type(error).__name__}: {error}"[:200]
    return Check(not reason, reason, round((loop.time() - began) * 1e3, 1))


async def _postgres(platform: Platform) -> str:
    async with platform.postgres.across_tenants("readiness") as tx:
        found = await tx.value("select version_num from alembic_version")
    wanted = postgres_head()
    return "" if found == wanted else f"schema is {found}, needed {wanted}: groundswell migrate"


async def _event_store(platform: Platform) -> str:
    rows = await platform.store.system_rows("select name from schema_migrations")
    missing = store_files() - {row[0] for row in rows}
    return f"schema lacks {', '.join(sorted(missing))}: groundswell migrate" if missing else ""


async def _valkey(client: Any) -> str:
    await client.ping()
    return ""


async def _lag(platform: Platform, lag_of: Lag) -> float | None:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await lag_of(platform)
    except Exception:  # noqa: BLE001 - the log's own check says why it isn't known
        return None
