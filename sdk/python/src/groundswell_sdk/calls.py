"""The calls that both clients offer: each makes one event and never raises."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from groundswell_sdk._version import __version__
from groundswell_sdk.events import encode, id_of, moment, uuid7
from groundswell_sdk.types import Event, Failure, Money, OnError, Product, Properties

log = logging.getLogger("groundswell_sdk")

Id = str | int | UUID


class Calls:
    """Makes events; a client says how they are queued.

    Every call returns the event's uuid, or None when it was not taken; why is logged and told
    to ``on_error``.
    """

    _on_error: OnError | None = None

    def _put(self, uuid: str, raw: bytes) -> bool:
        raise NotImplementedError

    def track(
        self,
        distinct_id: Id,
        event: str,
        properties: Properties | None = None,
        *,
        timestamp: datetime | None = None,
        uuid: Id | None = None,
        groups: Mapping[str, Id] | None = None,
        person_properties: Properties | None = None,
        person_properties_once: Properties | None = None,
    ) -> str | None:
        """Record that somebody did something.

        ``uuid`` makes the call repeatable: the server counts one uuid once within 30 days.
        ``groups`` are keys of companies or the like by type. The person's properties are set,
        or set if they are not there yet.
        """
        given = dict(properties or {})
        if groups:
            given["$groups"] = {kind: str(key) for kind, key in groups.items()}
        if person_properties:
            given["$set"] = dict(person_properties)
        if person_properties_once:
            given["$set_once"] = dict(person_properties_once)
        return self._record(distinct_id, event, given, timestamp, uuid)

    def identify(
        self,
        distinct_id: Id,
        traits: Properties | None = None,
        *,
        anonymous_id: Id | None = None,
        traits_once: Properties | None = None,
        timestamp: datetime | None = None,
    ) -> str | None:
        """Say who somebody is; what ``anonymous_id`` did before becomes theirs."""
        given: dict[str, Any] = {}
        if anonymous_id is not None:
            given["$anon_distinct_id"] = str(anonymous_id)
        if traits:
            given["$set"] = dict(traits)
        if traits_once:
            given["$set_once"] = dict(traits_once)
        return self._record(distinct_id, "$identify", given, timestamp)

    def alias(self, distinct_id: Id, alias: Id, *, timestamp: datetime | None = None) -> str | None:
        """Give a person another id."""
        return self._record(distinct_id, "$create_alias", {"alias": str(alias)}, timestamp)

    def group(
        self,
        group_type: str,
        key: Id,
        traits: Properties | None = None,
        *,
        timestamp: datetime | None = None,
    ) -> str | None:
        """Describe a company, team or the like."""
        given = {"$group_type": group_type, "$group_key": str(key), "$group_set": traits or {}}
        return self._record(f"${group_type}_{key}", "$groupidentify", given, timestamp)

    def set_person_properties(
        self, distinct_id: Id, properties: Properties, *, timestamp: datetime | None = None
    ) -> str | None:
        """Set properties of a person."""
        return self._record(distinct_id, "$set", {"$set": dict(properties)}, timestamp)

    def set_person_properties_once(
        self, distinct_id: Id, properties: Properties, *, timestamp: datetime | None = None
    ) -> str | None:
        """Set properties that a person does not have yet."""
        return self._record(distinct_id, "$set", {"$set_once": dict(properties)}, timestamp)

    def unset_person_properties(
        self, distinct_id: Id, names: Iterable[str], *, timestamp: datetime | None = None
    ) -> str | None:
        """Remove properties of a person."""
        return self._record(distinct_id, "$set", {"$unset": list(names)}, timestamp)

    def order(
        self,
        distinct_id: Id,
        order_id: Id,
        *,
        total: Money | None = None,
        currency: str | None = None,
        products: Iterable[Product] = (),
        properties: Properties | None = None,
        timestamp: datetime | None = None,
    ) -> str | None:
        """Record an order, once however often it is told.

        Amounts are in major units: ``Decimal("19.90")``. ``total`` is what was paid; without it
        the products' prices count. ``currency`` is an ISO 4217 code, the workspace's by default.
        A secret key makes the order confirmed.
        """
        given = {**(properties or {}), "order_id": str(order_id)}
        lines = [
            {**line, "price": str(line["price"])} if "price" in line else line for line in products
        ]
        more = {"total": _amount(total), "currency": currency, "products": lines or None}
        given.update({name: value for name, value in more.items() if value is not None})
        return self._record(distinct_id, "Order Completed", given, timestamp)

    def refund(
        self,
        distinct_id: Id,
        order_id: Id,
        *,
        amount: Money | None = None,
        refund_id: Id | None = None,
        reason: str | None = None,
        timestamp: datetime | None = None,
    ) -> str | None:
        """Record a refund of an order; without ``amount`` all that is left. Needs a secret key."""
        more = {
            "order_id": str(order_id),
            "amount": _amount(amount),
            "refund_id": None if refund_id is None else str(refund_id),
            "reason": reason,
        }
        given = {name: value for name, value in more.items() if value is not None}
        return self._record(distinct_id, "Order Refunded", given, timestamp)

    def _record(
        self,
        distinct_id: Id,
        event: str,
        properties: dict[str, Any],
        timestamp: datetime | None,
        uuid: Id | None = None,
    ) -> str | None:
        made: Event = {"event": event, "properties": properties}
        try:
            if not isinstance(event, str) or not event.strip():
                raise ValueError(f"an event needs a name, not {event!r}")
            made["distinct_id"] = id_of(distinct_id)
            made["uuid"] = str(UUID(str(uuid))) if uuid is not None else uuid7()
            made["timestamp"] = moment(timestamp)
            library = {"$lib": "groundswell-python", "$lib_version": __version__}
            made["properties"] = {**library, **properties}
            return made["uuid"] if self._put(made["uuid"], encode(made)) else None
        except Exception as error:  # noqa: BLE001 - the caller's work must go on
            self._fail(Failure(f"{type(error).__name__}: {error}", [made]))
            return None

    def _fail(self, failure: Failure) -> None:
        log.warning("%d events lost: %s", len(failure.events), failure.reason)
        if self._on_error is None:
            return
        try:
            self._on_error(failure)
        except Exception:
            log.exception("on_error failed")

    def _lose(self, reason: str, raws: Iterable[bytes], status: int = 0) -> None:
        self._fail(Failure(reason, [json.loads(raw) for raw in raws], status))


def _amount(value: Money | None) -> str | None:
    return None if value is None else str(value)
