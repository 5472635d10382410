"""Writing audit rows. Sealing them into a chain happens in the background (seal.py)."""

from typing import Any

import msgspec

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.ids import new_id
from groundswell.core.tenancy.scope import ActorKind

_INSERT = """
insert into audit_log (tenant_id, audit_id, actor_kind, actor_id, actor_label, action,
                       target_kind, target_id, detail, personal, subject, address)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


async def audit(
    tx: ScopedTransaction,
    action: str,
    target_kind: str,
    target_id: object,
    detail: dict[str, Any] | None = None,
    address: str = "",
) -> None:
    """Record who did what to what, in the change's own transaction.

    ``action`` is ``thing.verb`` in the past tense (``key.revoked``); ``detail`` holds what
    changed and no personal values: refer to people by id, or use :func:`audit_personal`.
    """
    await write(tx, action, target_kind, target_id, detail, address=address)


async def write(
    tx: ScopedTransaction,
    action: str,
    target_kind: str,
    target_id: object,
    detail: dict[str, Any] | None,
    *,
    personal: bytes | None = None,
    subject: str = "",
    address: str = "",
) -> None:
    """One row; ``personal`` is ciphertext under the key of ``subject``."""
    actor = tx.scope.actor
    # Names of keys and processes are kept as they were; those of humans are looked up when
    # shown, so that none of them is sealed into the chain.
    named = actor.kind in (ActorKind.KEY, ActorKind.SYSTEM)
    await tx.execute(
        _INSERT,
        (
            tx.tenant_id,
            new_id(),
            actor.kind.value,
            actor.id,
            actor.label if named else "",
            action,
            target_kind,
            str(target_id).replace("\0", ""),
            encode_detail(detail or {}),
            personal,
            subject,
            address,
        ),
    )


def encode_detail(detail: dict[str, Any]) -> str:
    """JSON that PostgreSQL takes: it has no way to store the character U+0000."""
    encoded = msgspec.json.encode(detail)
    if b"\\u0000" in encoded:
        encoded = msgspec.json.encode(_without_nul(msgspec.json.decode(encoded)))
    return encoded.decode()


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    return value
