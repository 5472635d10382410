"""What capture refused: the words for it, and the counts on their way to the dashboard."""

import asyncio
from uuid import UUID

import msgspec
import structlog
from valkey import exceptions
from valkey.asyncio import Valkey

from groundswell.core.metrics import EVENTS_REFUSED
from groundswell.features.events.adapters.log import REFUSED_STREAM
from groundswell.features.events.types import (
    MAX_DEPTH,
    MAX_PROPERTIES_BYTES,
    CountedRefusal,
    Reason,
)

TEXTS: dict[Reason, str] = {
    Reason.MISSING: "is missing",
    Reason.WRONG_TYPE: "has the wrong type",
    Reason.TOO_LONG: "is too long",
    Reason.NOT_A_UUID: "is not a UUID",
    Reason.NOT_A_TIME: "is not an ISO 8601 time or a number of milliseconds",
    Reason.IN_THE_FUTURE: "is more than a day in the future",
    Reason.BEFORE_2000: "is before the year 2000; numbers are milliseconds",
    Reason.PROPERTIES_TOO_LARGE: f"are over {MAX_PROPERTIES_BYTES:,} bytes of JSON",
    Reason.TOO_DEEP: f"are nested deeper than {MAX_DEPTH} levels",
    Reason.NUL: "contains a NUL character",
    Reason.LONE_SURROGATE: "contains half of a surrogate pair, which is not text",
    Reason.DUPLICATE_KEY: "names a key twice in one object",
    Reason.NOT_A_NUMBER: "contains NaN or Infinity, which JSON has no words for",
    Reason.NUMBER_TOO_LARGE: "contains a number that is out of range",
    Reason.MALFORMED: "is not valid JSON",
    Reason.TOO_MANY_EVENTS: "has too many events",
    Reason.TOO_LARGE: "is too large",
    Reason.FORBIDDEN: "was sent with a key that may not write events",
    Reason.RATE_LIMITED: "came faster than the key's limit",
    Reason.STORE: "could not be stored",
    Reason.ORDER: "could not become an order",
}
"""What the sender is told, after the field's name."""

_FLUSH_EVERY = 1.0
_MOST_ENTRIES = 10_000
_MOST_KINDS = 5_000
_SAMPLE = 300

_log = structlog.get_logger(__name__)


class RefusalCounts:
    """Counts in memory, written once a second; capture never waits for them."""

    def __init__(self, log: Valkey) -> None:
        self._log = log
        self._counts: dict[tuple[UUID, str, str, str], tuple[int, str]] = {}
        self._task: asyncio.Task[None] | None = None

    def count(
        self, tenant_id: UUID, reason: Reason, field: str, source: str, sample: str = ""
    ) -> None:
        """Count one refused event of a tenant, or one refused request."""
        EVENTS_REFUSED.labels(reason.value).inc()
        key = (tenant_id, reason.value, field[:100], source)
        if len(self._counts) < _MOST_KINDS or key in self._counts:
            before = self._counts.get(key, (0, ""))[0]
            self._counts[key] = (before + 1, sample[:_SAMPLE].replace("\x00", "�"))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._flush_later())

    async def close(self) -> None:
        """Write what is left."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        await self._flush()

    async def _flush_later(self) -> None:
        await asyncio.sleep(_FLUSH_EVERY)
        await self._flush()

    async def _flush(self) -> None:
        if not self._counts:
            return
        taken, self._counts = self._counts, {}
        rows = [CountedRefusal(*key, *value) for key, value in taken.items()]
        try:
            await self._log.xadd(
                REFUSED_STREAM, {"c": msgspec.msgpack.encode(rows)}, maxlen=_MOST_ENTRIES
            )
        except (exceptions.ValkeyError, OSError) as error:
            _log.warning("refusals_not_counted", kinds=len(rows), error=str(error)[:200])


def sentence(field: str, reason: Reason) -> str:
    """One refusal as people read it."""
    return f"{field or 'The event'} {TEXTS[reason]}"
