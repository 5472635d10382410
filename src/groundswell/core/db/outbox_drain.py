"""Carrying the outbox to the event store: each row exactly once, whatever is killed when.

A batch is fixed first (its rows get a batch id, committed), then inserted with that id as the
deduplication token, then deleted. What is found with a batch id is sent again as it was.
"""

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

import msgspec
import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError

from groundswell.core.db.clickhouse import EventStore, is_about_content
from groundswell.core.db.postgres import Postgres
from groundswell.core.db.reconcile import Difference, reconcile
from groundswell.core.errors import UnavailableError
from groundswell.core.ids import new_id
from groundswell.core.metrics import OUTBOX_ROWS

__all__ = ["PARKED", "Difference", "Drain", "Gate", "OutboxRow", "reconcile"]

TARGETS = ("people", "person_overrides", "orders", "order_lines", "events")
PARKED = UUID(int=(1 << 128) - 1)
"""Batch id of rows that the store refuses: kept to be looked at, never sent again."""

_ROWS = 10_000
_BATCHES = """
select batch_id from outbox
where batch_id is not null and batch_id <> %s and target = %s group by batch_id order by batch_id
"""
_FIX = """
update outbox o set batch_id = %(batch)s
from (select tenant_id, outbox_id from outbox
      where batch_id is null and target = %(target)s order by outbox_id limit %(rows)s
      for update) waiting
where o.tenant_id = waiting.tenant_id and o.outbox_id = waiting.outbox_id
"""
_READ = """
select tenant_id, outbox_id, row::text as line from outbox where batch_id = %s order by outbox_id
"""
_PARK = "update outbox set batch_id = %s where tenant_id = %s and outbox_id = %s"
_log = structlog.get_logger(__name__)


class OutboxRow(msgspec.Struct, frozen=True):
    """A row on its way: JSON of the target table's columns."""

    tenant_id: UUID
    outbox_id: int
    line: str


class Gate(Protocol):
    """Decides which rows of a target are new; held from fixing a batch until it is done."""

    async def __aenter__(self) -> Any: ...

    async def __aexit__(self, *raised: Any) -> Any: ...

    async def admit(self, rows: Sequence[OutboxRow]) -> Sequence[OutboxRow]:
        """The rows that are not in the store yet."""
        ...

    async def remember(self, rows: Sequence[OutboxRow], token: str) -> None:
        """These rows are in the store now."""
        ...


class Drain:
    """Carries all targets; one process does it at a time."""

    def __init__(self, postgres: Postgres, store: EventStore, events: Gate) -> None:
        self._postgres = postgres
        self._store = store
        self._events = events

    async def run(self) -> int:
        """Carry what waits; returns how many rows went.

        Raises:
            UnavailableError: an engine is away; nothing is lost, call again.
        """
        moved = sum([await self.run_target(target) for target in TARGETS])
        async with self._postgres.across_tenants("outbox") as tx:
            waiting = await tx.value("select count(*) from (select from outbox limit 100000) w")
        OUTBOX_ROWS.set(waiting)
        return moved

    async def run_target(self, target: str) -> int:
        """Carry what waits for one table, unfinished batches first."""
        if not await self._is_waiting(target):
            return 0
        moved = 0
        while True:
            if target == "events":
                async with self._events:
                    count = await self._next_batch(target)
            else:
                count = await self._next_batch(target)
            moved += count
            if count < _ROWS:
                return moved

    async def finish(self, target: str) -> None:
        """Complete batches that were fixed before a crash, and start none."""
        for batch in await self._fixed(target):
            await self._carry(target, batch)

    async def _is_waiting(self, target: str) -> bool:
        async with self._postgres.across_tenants("outbox") as tx:
            found = await tx.value(
                "select 1 from outbox where target = %s"
                " and (batch_id is null or batch_id <> %s) limit 1",
                (target, PARKED),
            )
        return found is not None

    async def _next_batch(self, target: str) -> int:
        await self.finish(target)
        batch = new_id()
        async with self._postgres.across_tenants("outbox") as tx:
            count = await tx.execute(_FIX, {"batch": batch, "target": target, "rows": _ROWS})
        if count:
            await self._carry(target, batch)
        return count

    async def _fixed(self, target: str) -> list[UUID]:
        async with self._postgres.across_tenants("outbox") as tx:
            return await tx.values(_BATCHES, (PARKED, target))

    async def _carry(self, target: str, batch: UUID) -> None:
        async with self._postgres.across_tenants("outbox") as tx:
            rows: Sequence[OutboxRow] = await tx.fetch(OutboxRow, _READ, (batch,))
        if target == "events":
            rows = await self._events.admit(rows)
        refused = await self._insert(target, rows, batch.hex)
        if target == "events":
            await self._events.remember(rows, f"{batch.hex}:seen")
        # Together: a batch that lost a row before it was done would be cut otherwise next time.
        async with self._postgres.across_tenants("outbox") as tx:
            for row in refused:
                await tx.execute(_PARK, (PARKED, row.tenant_id, row.outbox_id))
            await tx.execute("delete from outbox where batch_id = %s", (batch,))

    async def _insert(self, target: str, rows: Sequence[OutboxRow], token: str) -> list[OutboxRow]:
        """Insert in one block; returns rows the store refuses for their content."""
        if not rows:
            return []
        try:
            await self._store.insert_json(
                target, "\n".join(row.line for row in rows).encode(), token
            )
        except ClickHouseError as error:
            if not is_about_content(error):
                raise UnavailableError(f"The event store is ill: {str(error)[:300]}") from error
            if len(rows) == 1:
                row = rows[0]
                _log.error("outbox_row_parked", outbox_id=row.outbox_id, error=str(error)[:500])
                return [row]
            half = len(rows) // 2
            low = await self._insert(target, rows[:half], f"{token}:{rows[0].outbox_id}")
            high = await self._insert(target, rows[half:], f"{token}:{rows[half].outbox_id}")
            return low + high
        return []
