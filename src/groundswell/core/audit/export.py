"""A tenant's sealed log as JSON lines, and the check of the stored one."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from groundswell.core import clock
from groundswell.core.audit.chain import FORMAT, START, Seal, Sealer
from groundswell.core.audit.seal import Row, entry_of
from groundswell.core.audit.verify import Finding, Report, Verifier
from groundswell.core.db.valkey import tenant_key
from groundswell.core.platform import Platform
from groundswell.core.tenancy.scope import Scope

_PAGE = 1_000
_UNSEALED_AFTER = 3_600  # seconds; a sealer that is away longer is worth a word

_SEALED = """
select s.sequence, s.row_hash, s.chain_hash, s.signature, l.audit_id, l.at, l.actor_kind,
       l.actor_id, l.actor_label, l.action, l.target_kind, l.target_id, l.detail::text as detail,
       l.personal, l.subject, l.address
from audit_seals s left join audit_log l on l.tenant_id = s.tenant_id and l.audit_id = s.audit_id
where s.tenant_id = %s and s.sequence > %s order by s.sequence limit %s
"""
_NEVER_SEALED = """
select l.audit_id from audit_log l
left join audit_seals s on s.tenant_id = l.tenant_id and s.audit_id = l.audit_id
where l.tenant_id = %s and l.at < %s and s.audit_id is null
order by l.audit_id limit 100
"""


class Sealed(msgspec.Struct):
    """A seal and its row; None where the row is gone."""

    seal: Seal
    row: Row | None


async def sealed_rows(platform: Platform, scope: Scope) -> AsyncIterator[list[Sealed]]:
    """The chain from its start, a page at a time, each in a short transaction of its own."""
    last = 0
    while True:
        async with platform.postgres.transaction(scope) as tx:
            found = await tx.rows(_SEALED, (scope.tenant_id, last, _PAGE))
        if not found:
            return
        yield [Sealed(Seal(*row[:4]), Row(*row[4:]) if row[4] else None) for row in found]
        last = found[-1][0]


async def export_audit(platform: Platform, scope: Scope, tenant: str) -> AsyncIterator[bytes]:
    """JSON lines: a head with the public key, every sealed row, a signed end."""
    sealer = Sealer(platform.encryption, scope.tenant_id)
    at = clock.now().isoformat()
    yield _line(
        kind="head",
        format=FORMAT,
        tenant=tenant,
        tenant_id=str(scope.tenant_id),
        public_key=sealer.public_key.hex(),
        exported_at=at,
    )
    sequence, chain_hash = 0, START
    async for page in sealed_rows(platform, scope):
        yield b"".join(_sealed_line(scope.tenant_id, sealed) for sealed in page)
        sequence, chain_hash = page[-1].seal.sequence, page[-1].seal.chain_hash
    yield _line(
        kind="end",
        sequence=sequence,
        chain_hash=chain_hash.hex(),
        exported_at=at,
        signature=sealer.sign_end(sequence, chain_hash, at).hex(),
    )


async def verify_stored(platform: Platform, scope: Scope) -> Report:
    """Check the log in PostgreSQL against its seals and the head kept beside it."""
    sealer = Sealer(platform.encryption, scope.tenant_id)
    verifier = Verifier(sealer.public_key, str(scope.tenant_id))
    # Read before the rows: a row sealed meanwhile is no finding.
    head = await platform.log.get(tenant_key(scope.tenant_id, "audit-head"))
    async for page in sealed_rows(platform, scope):
        for sealed in page:
            row = sealed.row
            verifier.take(entry_of(scope.tenant_id, row) if row else None, sealed.seal)
    report = verifier.finish(int(head) if head else None)
    report.findings.extend(await _never_sealed(platform, scope))
    return report


async def _never_sealed(platform: Platform, scope: Scope) -> list[Finding]:
    before = datetime.fromtimestamp(clock.now().timestamp() - _UNSEALED_AFTER, UTC)
    async with platform.postgres.transaction(scope) as tx:
        found = await tx.values(_NEVER_SEALED, (scope.tenant_id, before))
    return [Finding("inserted", 0, f"row {each} was never sealed") for each in found]


def _sealed_line(tenant_id: UUID, sealed: Sealed) -> bytes:
    seal, row = sealed.seal, sealed.row
    return _line(
        kind="row",
        sequence=seal.sequence,
        row=entry_of(tenant_id, row) if row else None,
        row_hash=seal.row_hash.hex(),
        chain_hash=seal.chain_hash.hex(),
        signature=seal.signature.hex(),
    )


def _line(**values: object) -> bytes:
    # ASCII only: some readers end a line at U+2028.
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"
