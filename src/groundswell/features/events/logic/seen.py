"""Which events are known already: filters in memory, then the table of seen ids."""

import asyncio
from collections.abc import Collection, Iterable
from datetime import date, timedelta

import msgspec
import structlog
from rbloom import Bloom

from groundswell.core import clock
from groundswell.core.db.clickhouse import EventStore
from groundswell.core.errors import UnavailableError

_FIRST_LAYER = 100_000
_LARGEST_LAYER = 4_000_000
_FALSE_HITS = 0.001
_IDS_PER_QUERY = 4_000  # a query's text may be 256 KiB
_LOAD_PAUSE = 2.0

_KEYS_OF_DAY = """
select UUIDStringToNum(toString(tenant_id)), UUIDStringToNum(toString(event_id))
from seen_events where day = {day:Date}
"""

_log = structlog.get_logger(__name__)


class _Layer(msgspec.Struct):
    """A filter of fixed size; it may go when its last day is old enough."""

    filter: Bloom
    room: int
    last_day: date


class SeenEvents:
    """Keys (tenant and event id, 32 bytes) stored within ``days``.

    Until the filters are loaded every key is looked up in the table, so an answer is never
    wrong, only slower.
    """

    def __init__(self, store: EventStore, days: int) -> None:
        self._store = store
        self._days = days
        self._layers: list[_Layer] = []
        self._is_loaded = False

    async def known(self, keys: Collection[bytes]) -> set[bytes]:
        """Those of ``keys`` that are stored."""
        if not self._is_loaded:
            return await self._look_up(keys)
        filters = [layer.filter for layer in self._layers]
        if len(filters) == 1:
            only = filters[0]
            suspects = [key for key in keys if key in only]
        else:
            suspects = [key for key in keys if any(key in found for found in filters)]
        return await self._look_up(suspects) if suspects else set()

    async def add(self, keys: Collection[bytes], token: str) -> None:
        """Remember keys that are stored now; a repeat with the same token adds nothing."""
        if not keys:
            return
        today = clock.now().date()
        tail = f'","day":"{today.isoformat()}"}}'
        lines = "\n".join(
            '{"tenant_id":"' + key[:16].hex() + '","event_id":"' + key[16:].hex() + tail
            for key in keys
        )
        await self._store.insert_json("seen_events", lines.encode(), token)
        self._put(keys, today)

    def forget(self) -> None:
        """Trust the table alone until the next ``load``."""
        self._layers = []
        self._is_loaded = False

    async def load(self) -> None:
        """Fill the filters from the table, a day at a time; goes on when the store is away."""
        done: set[date] = set()
        while not self._is_loaded:
            try:
                for day in await self._stored_days():
                    if day not in done:
                        self._put(await self._keys_of(day), day)
                        done.add(day)
                self._is_loaded = True
            except UnavailableError:
                await asyncio.sleep(_LOAD_PAUSE)
        _log.info("seen_events_loaded", days=len(done), layers=len(self._layers))

    async def purge(self) -> None:
        """Forget what is older than the promised days."""
        oldest = clock.now().date() - timedelta(days=self._days)
        self._layers = [layer for layer in self._layers if layer.last_day >= oldest]
        for day in await self._stored_days():
            if day < oldest:
                await self._store.command(
                    f"alter table seen_events drop partition '{day.isoformat()}'"
                )

    def _put(self, keys: Iterable[bytes], day: date) -> None:
        for key in keys:
            layer = self._layers[-1] if self._layers else None
            if layer is None or layer.room == 0:
                layer = self._grow(day)
            layer.filter.add(key)
            layer.room -= 1
            layer.last_day = day

    def _grow(self, day: date) -> _Layer:
        size = min(_FIRST_LAYER * 4 ** len(self._layers), _LARGEST_LAYER)
        layer = _Layer(Bloom(size, _FALSE_HITS), size, day)
        self._layers.append(layer)
        return layer

    async def _look_up(self, keys: Collection[bytes]) -> set[bytes]:
        oldest = clock.now().date() - timedelta(days=self._days)
        found: set[bytes] = set()
        for tenant_id, ids in _by_tenant(keys).items():
            for start in range(0, len(ids), _IDS_PER_QUERY):
                texts = ",".join(f"'{each.hex()}'" for each in ids[start : start + _IDS_PER_QUERY])
                # Hexadecimal digits of our own making: a parameter of this length has no way in.
                sql = (
                    f"select event_id from seen_events where tenant_id = '{tenant_id.hex()}'"  # noqa: S608
                    f" and day >= '{oldest.isoformat()}' and event_id in ({texts})"
                )
                rows = await self._store.system_rows(sql)
                found.update(tenant_id + row[0].bytes for row in rows)
        return found

    async def _stored_days(self) -> list[date]:
        rows = await self._store.system_rows(
            "select distinct day from seen_events group by day order by day"
        )
        return [row[0] for row in rows]

    async def _keys_of(self, day: date) -> list[bytes]:
        client = await self._store.client()
        raw: bytes = await client.raw_query(
            _KEYS_OF_DAY, parameters={"day": day.isoformat()}, fmt="RowBinary"
        )
        return await asyncio.to_thread(lambda: [raw[at : at + 32] for at in range(0, len(raw), 32)])


def _by_tenant(keys: Collection[bytes]) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for key in keys:
        found.setdefault(key[:16], []).append(key[16:])
    return found
