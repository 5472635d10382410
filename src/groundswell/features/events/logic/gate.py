"""Events that other features put into the outbox pass the same gate as captured ones."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from groundswell.core.db.outbox_drain import OutboxRow
from groundswell.features.events.logic.seen import SeenEvents


class _Named(msgspec.Struct):
    event_id: UUID


_named = msgspec.json.Decoder(_Named).decode


class EventGate:
    """One insert of events at a time, from the log or from the outbox.

    A batch of the outbox is fixed only while it is held, and so while no range is being inserted:
    if one is found after a crash, no range had begun, and it is completed first.
    """

    def __init__(self, seen: SeenEvents) -> None:
        self._seen = seen
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> "EventGate":
        await self._lock.acquire()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        self._lock.release()

    async def admit(self, rows: Sequence[OutboxRow]) -> Sequence[OutboxRow]:
        """The rows whose event is not stored yet, each once."""
        first: dict[bytes, OutboxRow] = {}
        for row in rows:
            first.setdefault(_key(row), row)
        known = await self._seen.known(first.keys())
        return [row for key, row in first.items() if key not in known]

    async def remember(self, rows: Sequence[OutboxRow], token: str) -> None:
        """The rows' events are stored."""
        await self._seen.add([_key(row) for row in rows], token)


def _key(row: OutboxRow) -> bytes:
    return row.tenant_id.bytes + _named(row.line).event_id.bytes
