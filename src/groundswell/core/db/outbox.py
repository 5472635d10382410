"""The outbox: rows on their way to the event store, written with the change they mirror."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from groundswell.core.db.postgres import ScopedTransaction

Target = Literal["events", "people", "person_overrides", "orders", "order_lines"]


async def mirror(tx: ScopedTransaction, target: Target, rows: Sequence[dict[str, Any]]) -> None:
    """Send rows to a table of the event store within 2 s of the commit.

    Each row holds the table's columns but ``tenant_id`` and ``version`` (given here: later
    changes always win). Times are aware datetimes or ISO texts; ``events`` have no version.
    """
    if not rows:
        return
    await tx.execute(
        "insert into outbox (tenant_id, target, row)"
        " select %(tenant)s, %(target)s, (case when %(target)s = 'events' then row::jsonb"
        " else row::jsonb || jsonb_build_object('version', nextval('mirror_version')) end)"
        " || jsonb_build_object('tenant_id', %(tenant)s::uuid)"
        " from unnest(%(rows)s::text[]) with ordinality as t(row, n) order by n",
        {
            "tenant": tx.tenant_id,
            "target": target,
            "rows": [msgspec.json.encode(row).decode() for row in rows],
        },
    )
