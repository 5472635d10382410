"""Inserting events; rows that the store refuses for their content are found and left out."""

from collections.abc import Awaitable, Callable, Sequence

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError

from groundswell.core.db.clickhouse import EventStore, is_about_content
from groundswell.core.errors import UnavailableError
from groundswell.features.events.logic.batch import Item
from groundswell.features.events.logic.lines import lines_of

Refuse = Callable[[Item, str], Awaitable[None]]

_log = structlog.get_logger(__name__)


async def insert_events(
    store: EventStore, items: Sequence[Item], token: str, refuse: Refuse
) -> None:
    """Insert in one block under ``token``; a bad row goes to ``refuse``, the others are stored.

    Halves are cut by place in the range, so that a repeat after a crash cuts alike.

    Raises:
        UnavailableError: the store is away or ill; the same call may be repeated.
    """
    if items:
        await _insert(store, items, token, refuse, items[0].place, items[-1].place + 1)


async def _insert(
    store: EventStore, items: Sequence[Item], token: str, refuse: Refuse, first: int, end: int
) -> None:
    if not items:
        return
    error = await _attempt(store, items, token)
    if error is None:
        return
    if end - first == 1 or len(items) == 1:
        _log.error("event_refused_by_store", error=error[:500])
        await refuse(items[0], error)
        return
    middle = (first + end) // 2
    low = [item for item in items if item.place < middle]
    high = [item for item in items if item.place >= middle]
    await _insert(store, low, f"{token}:{first}-{middle}", refuse, first, middle)
    await _insert(store, high, f"{token}:{middle}-{end}", refuse, middle, end)


async def _attempt(store: EventStore, items: Sequence[Item], token: str) -> str | None:
    """None when stored; else what the store has against the rows."""
    try:
        await store.insert_json("events", lines_of(items), token)
    except ClickHouseError as error:
        text = str(error)
        if not is_about_content(error):
            raise UnavailableError(f"The event store can't take rows now: {text[:300]}") from error
        return text
    return None
