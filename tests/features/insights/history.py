"""What some people did, written to the event store the way the writer and the outbox do it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec


@dataclass
class History:
    """``events``: (key, name, at, properties, person's properties then); ``orders``: (key, at,
    total, items, source); ``refunds``: (key, at, amount); ``people``: properties now by key."""

    zone: str = "UTC"
    events: list[tuple[int, str, datetime, dict, dict]] = field(default_factory=list)
    orders: list[tuple[int, datetime, int, int, str]] = field(default_factory=list)
    refunds: list[tuple[int, datetime, int]] = field(default_factory=list)
    people: dict[int, dict] = field(default_factory=dict)
    overrides: list[tuple[int, int]] = field(default_factory=list)

    async def write(self, store, tenant_id: UUID) -> None:
        """Late events first, one batch delivered twice, an older version after the newer."""
        events = [
            {
                "event_id": str(uuid4()), "event": name, "distinct_id": f"u{key}",
                "person_key": key, "at": text(at), "received_at": text(datetime.now(UTC)),
                "properties": properties, "person_properties": then,
            }
            for key, name, at, properties, then in self.events
        ]  # fmt: skip
        half, token = len(events) // 2, str(uuid4())
        await insert(store, tenant_id, "events", events[half:], token)
        await insert(store, tenant_id, "events", events[half:], token)
        await insert(store, tenant_id, "events", events[:half])
        money = [(*order, "order") for order in self.orders]
        money += [(key, at, -amount, 0, "api", "refund") for key, at, amount in self.refunds]
        orders = [_order(*row) for row in money]
        await insert(store, tenant_id, "orders", orders)
        old = [{**order, "version": 1, "reporting_total": 1} for order in orders[:2]]
        await insert(store, tenant_id, "orders", old)
        people = [_person(key, now, 2) for key, now in self.people.items()]
        people += [_person(key, {"plan": "old"}, 1) for key in list(self.people)[:1]]
        await insert(store, tenant_id, "people", people)
        merges = [
            {"person_key": key, "canonical_key": canonical, "version": number}
            for number, (key, canonical) in enumerate(self.overrides, 1)
        ]
        await insert(store, tenant_id, "person_overrides", merges)


def _person(key: int, properties: dict, version: int) -> dict:
    return {
        "person_key": key, "person_id": str(UUID(int=key)), "properties": properties,
        "is_identified": True, "created_at": "2026-01-01 00:00:00", "deleted": False,
        "version": version,
    }  # fmt: skip


def _order(key, at, total, items, source, kind) -> dict:
    uid = str(uuid4())
    return {
        "order_uid": uid, "movement": kind, "kind": kind, "source": source, "order_id": uid,
        "person_key": key, "distinct_id": f"u{key}", "at": text(at), "currency": "USD",
        "total": total, "reporting_currency": "USD", "reporting_total": total, "items": items,
        "confirmed": True, "version": 2,
    }  # fmt: skip


async def insert(store, tenant_id, table, rows, token=None) -> None:
    """One batch as the writer sends it."""
    if rows:
        lines = [msgspec.json.encode({"tenant_id": str(tenant_id), **row}) for row in rows]
        await store.insert_json(table, b"\n".join(lines), token or str(uuid4()))


def text(at: datetime) -> str:
    """A moment as the store takes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
