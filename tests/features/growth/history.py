"""Histories of a small shop, written to the event store, and their figures counted by hand."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import msgspec

from groundswell.core.ids import new_id
from groundswell.features.growth.types import Day

ACTIVATION = "Profile Completed"


@dataclass
class History:
    """What happened; ``events`` are (key, name, at), ``orders`` (key, at, total, currency)."""

    zone: str = "UTC"
    currency: str = "USD"
    events: list[tuple[int, str, datetime]] = field(default_factory=list)
    orders: list[tuple[int, datetime, int, str]] = field(default_factory=list)
    refunds: list[tuple[int, datetime, int]] = field(default_factory=list)
    overrides: list[tuple[int, int]] = field(default_factory=list)

    def figures(self, first: date, last: date) -> list[Day]:
        """Each day's figures by brute force: sets of people, one day at a time."""
        owner = dict(self.overrides)
        zone = ZoneInfo(self.zone)

        def who(key: int) -> int:
            return owner.get(key, key)

        def day(at: datetime) -> date:
            return at.astimezone(zone).date()

        seen = [(who(key), at) for key, _, at in self.events]
        seen += [(who(key), at) for key, at, _, _ in self.orders]
        new = _first_days(seen, day)
        activated = _first_days(
            [(who(key), at) for key, name, at in self.events if name == ACTIVATION], day
        )
        active = {(who(key), day(at)) for key, _, at in self.events}

        def people(until: date, days: int) -> int:
            window = {until - timedelta(days=n) for n in range(days)}
            return len({person for person, when in active if when in window})

        result = []
        while first <= last:
            paid = [o for o in self.orders if day(o[1]) == first]
            money = sum(total for _, _, total, code in paid if code == self.currency)
            money -= sum(total for _, at, total in self.refunds if day(at) == first)
            result.append(
                Day(
                    first,
                    new.count(first),
                    activated.count(first),
                    len(paid),
                    money,
                    people(first, 1),
                    people(first, 7),
                    people(first, 30),
                )
            )
            first += timedelta(days=1)
        return result

    async def write(self, store, tenant_id: UUID) -> None:
        """Store it as the writer and the outbox do: late rows last, some rows twice."""
        events = [
            {
                "event_id": str(new_id()), "event": name, "distinct_id": f"u{key}",
                "person_key": key, "at": _text(at), "received_at": _text(datetime.now(UTC)),
            }
            for key, name, at in self.events
        ]  # fmt: skip
        orders = [
            _order(key, at, total, code, self.currency, "order")
            for key, at, total, code in self.orders
        ]
        orders += [
            _order(key, at, -total, self.currency, self.currency, "refund")
            for key, at, total in self.refunds
        ]
        overrides = [
            {"person_key": key, "canonical_key": canonical, "version": number}
            for number, (key, canonical) in enumerate(self.overrides, 1)
        ]
        half = len(events) // 2
        await _insert(store, tenant_id, "events", events[half:])
        await _insert(store, tenant_id, "events", events[: half + 1])
        await _insert(store, tenant_id, "orders", orders)
        # An older version that says otherwise, arriving late.
        old = [{**order, "version": 1, "reporting_total": 1} for order in orders[:2]]
        await _insert(store, tenant_id, "orders", old)
        await _insert(store, tenant_id, "person_overrides", overrides)


def _first_days(moments, day) -> list[date]:
    first: dict[int, datetime] = {}
    for person, at in moments:
        first[person] = min(at, first.get(person, at))
    return [day(at) for at in first.values()]


def _order(key, at, total, code, currency, kind) -> dict:
    uid = str(uuid4())
    return {
        "order_uid": uid, "movement": kind, "kind": kind, "source": "api", "order_id": uid,
        "person_key": key, "distinct_id": f"u{key}", "at": _text(at), "currency": code,
        "total": total, "reporting_currency": code,
        "reporting_total": total, "items": 1, "confirmed": True, "version": 2,
    }  # fmt: skip


async def _insert(store, tenant_id, table, rows) -> None:
    if rows:
        lines = [msgspec.json.encode({"tenant_id": str(tenant_id), **row}) for row in rows]
        await store.insert_json(table, b"\n".join(lines), str(uuid4()))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
