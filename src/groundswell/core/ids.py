"""Identifiers: uuid v7 for rows (they sort by time), uuid v5 for what a key already names."""

from uuid import UUID, uuid5

import uuid_utils.compat

_ORDERS = UUID("5b0c7e5e-6f2b-5a55-9a3e-7e1a6a1c0d01")


def new_id() -> UUID:
    """A new uuid v7."""
    return uuid_utils.compat.uuid7()


def order_event_id(tenant_id: UUID, source: str, order_id: str) -> UUID:
    """The id of an order's one ``Order Completed`` event, whoever reports it first."""
    return uuid5(_ORDERS, f"{tenant_id}\x1f{source}\x1f{order_id}")
