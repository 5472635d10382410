"""The background sealer: chains what has become visible, tenant by tenant."""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from groundswell.core.audit.chain import START, Entry, Seal, Sealer
from groundswell.core.db.postgres import Transaction
from groundswell.core.db.valkey import tenant_key
from groundswell.core.metrics import AUDIT_SEALED
from groundswell.core.platform import Platform

_BATCH = 200


class Row(msgspec.Struct):
    """An audit row as stored; ``detail`` is the JSON text."""

    audit_id: UUID
    at: datetime
    actor_kind: str
    actor_id: str
    actor_label: str
    action: str
    target_kind: str
    target_id: str
    detail: str
    personal: bytes | None
    subject: str
    address: str


_UNSEALED = """
select l.audit_id, l.at, l.actor_kind, l.actor_id, l.actor_label, l.action, l.target_kind,
       l.target_id, l.detail::text as detail, l.personal, l.subject, l.address
from audit_unsealed u join audit_log l on l.tenant_id = u.tenant_id and l.audit_id = u.audit_id
where u.tenant_id = %s order by u.audit_id limit %s
"""
_HEAD = """
select sequence, row_hash, chain_hash, signature from audit_seals
where tenant_id = %s order by sequence desc limit 1
"""
_INSERT = """
insert into audit_seals (tenant_id, sequence, audit_id, row_hash, chain_hash, signature)
select %s, * from unnest(%s::bigint[], %s::uuid[], %s::bytea[], %s::bytea[], %s::bytea[])
"""


def entry_of(tenant_id: UUID, row: Row) -> Entry:
    """What is hashed: every column, in JSON values; personal values as ciphertext."""
    values: dict[str, Any] = msgspec.structs.asdict(row)
    values["tenant_id"] = str(tenant_id)
    values["audit_id"] = str(row.audit_id)
    values["at"] = row.at.astimezone(UTC).isoformat(timespec="microseconds")
    values["detail"] = json.loads(row.detail)
    values["personal"] = base64.b64encode(row.personal).decode() if row.personal else None
    return values


async def seal_audit(platform: Platform) -> int:
    """Seal every row that is waiting; returns how many were sealed."""
    async with platform.postgres.across_tenants("audit-seal") as tx:
        waiting = await tx.values("select distinct tenant_id from audit_unsealed")
    sealed = 0
    for tenant_id in waiting:
        while count := await _seal_tenant(platform, tenant_id):
            sealed += count
            if count < _BATCH:
                break
    return sealed


async def _seal_tenant(platform: Platform, tenant_id: UUID) -> int:
    async with platform.postgres.across_tenants("audit-seal") as tx:
        # Two sealers would give one number to two rows.
        mine = "select pg_try_advisory_xact_lock(hashtextextended(%s, 5170226002))"
        if not await tx.value(mine, (str(tenant_id),)):
            return 0
        rows = await tx.fetch(Row, _UNSEALED, (tenant_id, _BATCH))
        if not rows:
            return 0
        head = await head_of(tx, tenant_id)
        entries = [entry_of(tenant_id, row) for row in rows]
        seals = Sealer(platform.encryption, tenant_id).seal(entries, *head)
        await _store(tx, tenant_id, [row.audit_id for row in rows], seals)
    # Kept with another engine: rows cut off the end of the log are missed there.
    await platform.log.set(tenant_key(tenant_id, "audit-head"), seals[-1].sequence)
    AUDIT_SEALED.inc(len(seals))
    return len(seals)


async def head_of(tx: Transaction, tenant_id: UUID) -> tuple[int, bytes]:
    """Sequence and chain hash of the latest seal; 0 and zeros before the first."""
    head = await tx.fetch_one(Seal, _HEAD, (tenant_id,))
    return (head.sequence, head.chain_hash) if head else (0, START)


async def _store(tx: Transaction, tenant_id: UUID, ids: list[UUID], seals: list[Seal]) -> None:
    await tx.execute(
        _INSERT,
        (
            tenant_id,
            [seal.sequence for seal in seals],
            ids,
            [seal.row_hash for seal in seals],
            [seal.chain_hash for seal in seals],
            [seal.signature for seal in seals],
        ),
    )
    await tx.execute(
        "delete from audit_unsealed where tenant_id = %s and audit_id = any(%s)", (tenant_id, ids)
    )
