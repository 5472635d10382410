"""Writing audit rows. Sealing them into a chain happens in the background (seal.py)."""

from typing import Any

import msgspec

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.ids import new_id

_INSERT = """
insert into audit_log
  (tenant_id, audit_id, actor_kind, actor_id, action, target_kind, target_id, detail, address)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
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
    changed and no personal values: refer to people by id.
    """
    actor = tx.scope.actor
    await tx.execute(
        _INSERT,
        (
            tx.tenant_id,
            new_id(),
            actor.kind.value,
            actor.id,
            action,
            target_kind,
            str(target_id),
            msgspec.json.encode(detail or {}).decode(),
            address,
        ),
    )
