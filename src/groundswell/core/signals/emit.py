"""Writing signals in the transaction of the fact they tell."""

from collections.abc import Sequence
from typing import Any

import msgspec

from groundswell.core.db.postgres import ScopedTransaction
from groundswell.core.ids import new_id


async def emit(tx: ScopedTransaction, name: str, payload: dict[str, Any]) -> None:
    """Tell one fact; it is delivered once the transaction has committed."""
    await emit_many(tx, name, [payload])


async def emit_many(tx: ScopedTransaction, name: str, payloads: Sequence[dict[str, Any]]) -> None:
    """Tell several facts of one name in one statement."""
    if not payloads:
        return
    await tx.execute(
        "insert into signals (tenant_id, signal_id, name, payload)"
        " select %s, id, %s, payload::jsonb from unnest(%s::uuid[], %s::text[]) as t(id, payload)",
        (
            tx.tenant_id,
            name,
            [new_id() for _ in payloads],
            [msgspec.json.encode(payload).decode() for payload in payloads],
        ),
    )
